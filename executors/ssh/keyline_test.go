package ssh_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/ssh"
	"cofre/vault/secret"
)

// keyList is an account of a real sshd whose list of keys is a file in a directory of its own.
type keyList struct {
	t       *testing.T
	name    string
	dir     string
	file    string
	kit     executortest.Kit
	program executors.KeyProgram
}

// newKeyList makes it in memory of a size such as 20k; "": on the disk. Options are of the server.
func newKeyList(t *testing.T, size string, options ...string) *keyList {
	t.Helper()
	root, err := os.MkdirTemp("", "cofre-keylist-") // a directory of a test is closed to accounts
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	if size != "" {
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", root).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
		t.Cleanup(func() {
			if out, err := exec.Command("umount", root).CombinedOutput(); err != nil {
				t.Error(err, string(out))
			}
		})
	}
	s := target.SSHD(t, append(options, "AuthorizedKeysFile "+root+"/%u/authorized_keys")...)
	l := &keyList{t: t}
	l.name, _ = s.AddUser(t)
	l.dir = filepath.Join(root, l.name)
	l.file = filepath.Join(l.dir, "authorized_keys")
	if out, err := exec.Command("sh", "-euc", "chmod 755 "+root+"; mkdir "+l.dir+"; chown "+l.name+" "+l.dir).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	l.kit = executortest.Kit{Executor: ssh.Key(), Target: endpoint(s), Template: `authorized-keys "` + root + `/[#USERNAME#]/authorized_keys"`}
	p, err := l.kit.Executor.Compile(l.kit.Template)
	if err != nil {
		t.Fatal(err)
	}
	l.program = p.(executors.KeyProgram)
	return l
}

func (l *keyList) session(current, next string) executors.Session {
	return l.kit.Session(executortest.Account{Name: l.name, Password: current}, next)
}

func (l *keyList) write(content string) {
	l.t.Helper()
	if err := os.WriteFile(l.file, []byte(content), 0o600); err != nil {
		l.t.Fatal(err)
	}
	if out, err := exec.Command("chown", l.name, l.file).CombinedOutput(); err != nil {
		l.t.Fatal(err, string(out))
	}
}

// holds compares the list, and looks for files that were left behind.
func (l *keyList) holds(want string) {
	l.t.Helper()
	content, err := os.ReadFile(l.file)
	if err != nil || string(content) != want {
		l.t.Errorf("%q, %v; want %q", content, err, want)
	}
	if left, err := filepath.Glob(l.dir + "/*"); err != nil || len(left) != 1 {
		l.t.Errorf("files are left behind: %v, %v", left, err)
	}
}

// TestKeyKeepsItsOptions: the new key may what the old one might, from where it might; and the old one goes however its line is written.
func TestKeyKeepsItsOptions(t *testing.T) {
	t.Parallel()
	l := newKeyList(t, "")
	old, oldPublic := pair(t)
	fresh, freshPublic := pair(t)
	_, other := pair(t)
	was, is := strings.Fields(oldPublic), strings.Fields(freshPublic)
	const options = `from="127.0.0.1,::1",no-pty,environment="NOTE=a b" `
	kept := "# " + oldPublic + "\n" + other + "\r\n"
	l.write(kept + options + was[0] + "\t " + was[1] + " deploy & co\n")
	if err := l.program.Add(t.Context(), l.session(old, fresh)); err != nil {
		t.Fatal(err)
	}
	l.holds(kept + options + was[0] + "\t " + was[1] + " deploy & co\n" + options + is[0] + " " + is[1] + " deploy & co\n")
	if in, err := ssh.Key().Verify(t.Context(), l.session(fresh, fresh), secret.New([]byte(fresh))); err != nil || !in {
		t.Errorf("the new key: %t, %v", in, err)
	}
	if err := l.program.Withdraw(t.Context(), l.session(fresh, fresh), []string{oldPublic}); err != nil {
		t.Fatal(err)
	}
	l.holds(other + "\r\n" + options + is[0] + " " + is[1] + " deploy & co\n")
	if in, err := ssh.Key().Verify(t.Context(), l.session(old, old), secret.New([]byte(old))); err != nil || in {
		t.Errorf("the old key: %t, %v", in, err)
	}
}

// TestKeyListOnFullDisk: a list that cannot be written whole stays as it was, whoever's keys it would lose.
func TestKeyListOnFullDisk(t *testing.T) {
	t.Parallel()
	l := newKeyList(t, "20k")
	old, oldPublic := pair(t)
	fresh, freshPublic := pair(t)
	list := oldPublic + "\n" + freshPublic + "\n" // two pages of memory, of which there are five
	for n := 0; len(list) < 6000; n++ {
		list += fmt.Sprintf("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI%060d somebody\n", n)
	}
	l.write(list)
	if err := l.program.Withdraw(t.Context(), l.session(fresh, fresh), []string{oldPublic}); executortest.ClassOf(err) != executors.ClassPolicy || !strings.Contains(err.Error(), "No space left") {
		t.Errorf("%v", err)
	}
	l.holds(list)
	third, thirdPublic := pair(t)
	if err := l.program.Add(t.Context(), l.session(old, third)); err != nil { // one more line has room in the two pages of its copy
		t.Error(err)
	}
	l.holds(list + thirdPublic + "\n")
}

// TestNewKeyIsNotTakenForAnOldOne: a line that names both, as a comment may, is left to people.
func TestNewKeyIsNotTakenForAnOldOne(t *testing.T) {
	t.Parallel()
	l := newKeyList(t, "")
	_, oldPublic := pair(t)
	fresh, freshPublic := pair(t)
	list := oldPublic + "\n" + freshPublic + " instead of " + oldPublic + "\n"
	l.write(list)
	if err := l.program.Withdraw(t.Context(), l.session(fresh, fresh), []string{oldPublic}); err == nil || !strings.Contains(err.Error(), "the new key would be lost") {
		t.Errorf("%v", err)
	}
	l.holds(list)
}

// TestKeyListInAnotherCharset: a comment that is no text where the session is, as of an older machine, takes no line with it.
func TestKeyListInAnotherCharset(t *testing.T) {
	t.Parallel()
	l := newKeyList(t, "", "SetEnv LC_ALL=C.UTF-8")
	old, oldPublic := pair(t)
	fresh, freshPublic := pair(t)
	_, other := pair(t)
	is := strings.Fields(freshPublic)
	list := other + "\n" + oldPublic + " jos\xe9\n"
	l.write(list)
	if err := l.program.Add(t.Context(), l.session(old, fresh)); err != nil {
		t.Fatal(err)
	}
	added := is[0] + " " + is[1] + " somebody jos\xe9\n"
	l.holds(list + added)
	last := other + " jo\xe3o\n" + other
	l.write(list + added + last)
	if err := l.program.Withdraw(t.Context(), l.session(fresh, fresh), []string{oldPublic}); err != nil {
		t.Fatal(err)
	}
	l.holds(other + "\n" + added + last + "\n")
}

// TestListThatIsNoText is left to people.
func TestListThatIsNoText(t *testing.T) {
	t.Parallel()
	l := newKeyList(t, "")
	_, oldPublic := pair(t)
	fresh, freshPublic := pair(t)
	_, other := pair(t)
	list := oldPublic + "\n" + freshPublic + "\n" + other + "\n\x00\n"
	l.write(list)
	if err := l.program.Withdraw(t.Context(), l.session(fresh, fresh), []string{oldPublic}); err == nil || !strings.Contains(err.Error(), "the list is no text") {
		t.Errorf("%v", err)
	}
	l.holds(list)
}

// TestLoginForOneCommand: what ends well may have been another command than ours. Nothing was added or removed then.
func TestLoginForOneCommand(t *testing.T) {
	t.Parallel()
	l := newKeyList(t, "", "ForceCommand echo welcome")
	old, oldPublic := pair(t)
	fresh, freshPublic := pair(t)
	list := oldPublic + "\n" + freshPublic + "\n"
	l.write(list)
	third, _ := pair(t)
	for what, err := range map[string]error{
		"add":      l.program.Add(t.Context(), l.session(old, third)),
		"withdraw": l.program.Withdraw(t.Context(), l.session(fresh, fresh), []string{oldPublic}),
	} {
		if executortest.ClassOf(err) != executors.ClassPolicy || !strings.Contains(err.Error(), "another command than a shell") || !strings.Contains(err.Error(), "welcome") {
			t.Errorf("%s: %v", what, err)
		}
	}
	l.holds(list)
}

// TestScriptBehindMuchTalk: what a target says before our script does not hide how that ended, and both streams may say something. Every older key goes.
func TestScriptBehindMuchTalk(t *testing.T) {
	t.Parallel()
	l := newKeyList(t, "")
	old, oldPublic := pair(t)
	fresh, freshPublic := pair(t)
	_, older := pair(t)
	const talks = `command="head -c 9000 /dev/zero | tr '\\0' x; head -c 9000 /dev/zero | tr '\\0' y >&2; exec sh -s" `
	l.write(talks + oldPublic + "\n" + older + "\n")
	if err := l.program.Add(t.Context(), l.session(old, fresh)); err != nil {
		t.Error(err)
	}
	l.holds(talks + oldPublic + "\n" + older + "\n" + talks + freshPublic + "\n")
	if err := l.program.Withdraw(t.Context(), l.session(fresh, fresh), []string{oldPublic, older}); err != nil {
		t.Error(err)
	}
	l.holds(talks + freshPublic + "\n")
}

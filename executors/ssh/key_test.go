package ssh_test

import (
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

// pair makes a key pair with OpenSSH's own tool.
func pair(t *testing.T) (private, public string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "somebody", "-f", file).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	a, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return string(a), strings.TrimSpace(string(b))
}

// TestAuthorizedKeys changes the key of an account of a real sshd, which logs in with it, by the catalogue's template.
func TestAuthorizedKeys(t *testing.T) {
	t.Parallel()
	root, err := os.MkdirTemp("", "cofre-keys-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	s := target.SSHD(t, "AuthorizedKeysFile .ssh/authorized_keys")
	name, password := s.AddUser(t)
	old, oldPublic := pair(t)
	fresh, freshPublic := pair(t)
	_, other := pair(t)
	home := filepath.Join(root, name)
	file := filepath.Join(home, ".ssh", "authorized_keys")
	// The last line has no line break, and somebody else's key stays.
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("# by hand\n"+other+"\n"+oldPublic), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"chown", "-R", name, home}, {"usermod", "-d", home, name}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
	}
	k := executortest.Kit{Executor: ssh.Key(), Target: endpoint(s), Template: template(t, "SSH key (authorized_keys)")}
	session := func(current, next string) executors.Session {
		return k.Session(executortest.Account{Name: name, Password: current}, next)
	}
	p, err := k.Executor.Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	in := func(key string, want bool) {
		t.Helper()
		got, err := ssh.Key().Verify(t.Context(), session(key, key), secret.New([]byte(key)))
		if err != nil || got != want {
			t.Errorf("logs in: %t, %v; want %t", got, err, want)
		}
	}
	in(old, true)
	in(fresh, false)
	keys := p.(executors.KeyProgram)
	// The old one is never taken away while the new one is not there.
	if err := keys.Withdraw(t.Context(), session(old, fresh), []string{oldPublic}); err == nil || !strings.Contains(err.Error(), "the new key is not there") {
		t.Errorf("%v", err)
	}
	in(old, true)
	for range 2 { // adding again adds nothing
		if err := keys.Add(t.Context(), session(old, fresh)); err != nil {
			t.Fatal(err)
		}
	}
	in(old, true)
	in(fresh, true)
	if err := keys.Withdraw(t.Context(), session(fresh, fresh), []string{oldPublic, freshPublic}); err != nil {
		t.Fatal(err)
	}
	in(old, false)
	in(fresh, true)
	content, err := os.ReadFile(file)
	if want := "# by hand\n" + other + "\n" + freshPublic + "\n"; err != nil || string(content) != want {
		t.Errorf("%q, %v; want %q", content, err, want)
	}
	// All of it in one go, by a password instead of the key.
	k.Manager = &executortest.Account{Name: name, Password: password}
	if outcome, err := p.Run(t.Context(), session(fresh, old)); outcome != executors.Applied {
		t.Fatalf("%s, %v", outcome, err)
	}
	in(old, true)
	in(fresh, false)
	executortest.Ran(k.Template)
	for value, want := range map[string]string{"no key": "is no private key", "": "is no private key"} {
		outcome, err := p.Run(t.Context(), session(old, value))
		if outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTemplate || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s, %v", value, outcome, err)
		}
	}
	if left, err := filepath.Glob(filepath.Dir(file) + "/*"); err != nil || len(left) != 1 {
		t.Errorf("files are left behind: %v, %v", left, err)
	}
}

// TestKeyCuts ends the network at every write while a key is added and while the old one is removed: no account is shut out, the
// file is never half written, and the next attempt brings it to its end.
func TestKeyCuts(t *testing.T) {
	t.Parallel()
	l := newKeyList(t, "")
	old, oldPublic := pair(t)
	fresh, freshPublic := pair(t)
	_, other := pair(t)
	bare := func(line string) string { return strings.TrimSuffix(line, " somebody") + "\n" }
	kept := bare(other)
	for what, step := range map[string]struct {
		before, after string
		with          string // who logs in
		do            func(executors.Session) error
	}{
		"add":      {kept + bare(oldPublic), kept + bare(oldPublic) + bare(freshPublic), old, func(s executors.Session) error { return l.program.Add(t.Context(), s) }},
		"withdraw": {kept + bare(oldPublic) + bare(freshPublic), kept + bare(freshPublic), fresh, func(s executors.Session) error { return l.program.Withdraw(t.Context(), s, []string{oldPublic}) }},
	} {
		done := 0 // although the network was lost
		for n, whole := 1, false; !whole; n++ {
			for _, after := range []bool{false, true} {
				l.write(step.before)
				b := executortest.NewBrittle(n, after)
				session := l.session(step.with, fresh)
				session.Dial = b.Dial
				failed := step.do(session)
				content, err := os.ReadFile(l.file)
				if is := string(content); err != nil || is != step.before && is != step.after || failed == nil && is != step.after {
					t.Errorf("%s, cut at write %d, after %t: %v; the file is %q", what, n, after, failed, is)
				}
				if failed != nil && string(content) == step.after {
					done++
				}
				whole = failed == nil && b.Written() < n
				if err := step.do(l.session(step.with, fresh)); err != nil {
					t.Errorf("%s, again after a cut at write %d: %v", what, n, err)
				}
				if content, err := os.ReadFile(l.file); err != nil || string(content) != step.after {
					t.Errorf("%s, again after a cut at write %d: %q, %v", what, n, content, err)
				}
			}
		}
		if done == 0 {
			t.Errorf("%s: no cut came between the change and its answer", what)
		}
	}
	if in, err := ssh.Key().Verify(t.Context(), l.session(fresh, fresh), secret.New([]byte(fresh))); err != nil || !in {
		t.Errorf("the new key: %t, %v", in, err)
	}
	if left, err := filepath.Glob(l.dir + "/*"); err != nil || len(left) != 1 {
		t.Errorf("files are left behind: %v, %v", left, err)
	}
}

func TestKeyTemplate(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"", "authorized-keys", "authorized-keys a b", "exec passwd", "authorized-keys a\nauthorized-keys b", "authorized-keys [#NEW_PASSWORD#]"} {
		if _, err := ssh.Key().Compile(source); err == nil {
			t.Errorf("%q compiles", source)
		}
	}
	p, err := ssh.Key().Compile("authorized-keys .ssh/authorized_keys")
	if err != nil || len(p.Masks()) != 4 {
		t.Errorf("%v, %v", p, err)
	}
}

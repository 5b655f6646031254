package ssh_test

import (
	"context"
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
)

// TestRightsForAList: root edits a list of keys with its own rights only where nobody else can change the path; then the list stays the
// account's. Elsewhere it has the account's rights, which are too few here.
func TestRightsForAList(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t)
	name, _ := s.AddUser(t)
	root, err := os.MkdirTemp("/var/lib", "cofre-rights-") // /tmp is everybody's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	_, public := pair(t)
	bare := strings.TrimSuffix(public, " somebody")
	sh := func(dir, script string) string {
		t.Helper()
		cmd := exec.Command("sh", "-euc", script)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v %s", script, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	sh(root, "chmod 755 .; mkdir mine; usermod -d "+root+"/home "+name)
	add := func(user, file string) (string, error) {
		cmd := exec.Command("sh")
		cmd.Env = append(os.Environ(), "HOME="+filepath.Join(root, "mine"))
		cmd.Stdin = strings.NewReader(ssh.AddScript(user, file, bare))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	const theirs = "Permission denied"
	for what, c := range map[string]struct{ make, file, want string }{
		"root's path":                    {"mkdir d; echo '# own' >d/list; chown NAME d/list; chmod 640 d/list", "d/list", "NAME 640"},
		"root's path, no list yet":       {"mkdir d", "d/list", "NAME 600"},
		"a path from home":               {"mkdir home; echo '# own' >home/list; chown NAME home/list", "list", "NAME 644"},
		"the account's folder":           {"mkdir d; echo '# own' >d/list; chown NAME d d/list; chmod 555 d", "d/list", theirs},
		"a folder of a group":            {"mkdir d; echo '# own' >d/list; chown NAME d/list; chmod 775 d", "d/list", theirs},
		"everybody's folder":             {"mkdir d; echo '# own' >d/list; chmod 600 d/list; chmod 757 d", "d/list", theirs},
		"root's, in everybody's":         {"mkdir -p e/d; echo '# own' >e/d/list; chown NAME e/d/list; chmod 777 e", "e/d/list", theirs},
		"somebody's, that root may read": {"mkdir d; echo '# own' >d/list; chown nobody d; chmod 755 d", "d/list", theirs},
	} {
		sh(root, "rm -rf d e home")
		sh(root, strings.ReplaceAll(c.make, "NAME", name))
		file := filepath.Join(root, c.file)
		if what == "a path from home" {
			file = c.file
		}
		said, err := add(name, file)
		got := said
		if err == nil {
			where := filepath.Join(root, c.file)
			if file == c.file {
				where = filepath.Join(root, "home", c.file)
			}
			got = sh(root, "stat -c '%U %a' "+where)
			if !strings.HasSuffix(sh(root, "cat "+where), bare) {
				t.Errorf("%s: the key is not there", what)
			}
		}
		if want := strings.ReplaceAll(c.want, "NAME", name); !strings.Contains(got, want) || (err == nil) == (want == theirs) {
			t.Errorf("%s: %q, %v; want %s", what, got, err, want)
		}
	}
	if said, err := add("no-such-account", ".ssh/authorized_keys"); err == nil || !strings.Contains(said, "the account has no home") {
		t.Errorf("no account: %q, %v", said, err)
	}
}

// TestLeaseIsAskedBeforeAListIsEdited: an attempt whose lease went while it logged in changes nothing.
func TestLeaseIsAskedBeforeAListIsEdited(t *testing.T) {
	t.Parallel()
	l := newKeyList(t, "")
	old, oldPublic := pair(t)
	fresh, freshPublic := pair(t)
	both := oldPublic + "\n" + freshPublic + "\n"
	for refused, step := range map[string]struct {
		before string
		do     func(context.Context, executors.Session) error
	}{
		"add the new key": {oldPublic + "\n", l.program.Add},
		"remove the old key": {both, func(ctx context.Context, s executors.Session) error {
			return l.program.Withdraw(ctx, s, []string{oldPublic})
		}},
	} {
		l.write(step.before)
		session, asked := l.session(old, fresh), ""
		session.Before = func(step string) error {
			asked += step + ";"
			if step == refused {
				return fmt.Errorf("not any more")
			}
			return nil
		}
		if err := step.do(t.Context(), session); executortest.ClassOf(err) != executors.ClassRefused || asked != "connect;"+refused+";" {
			t.Errorf("%s: %v, asked %s", refused, err, asked)
		}
		l.holds(step.before)
	}
}

package ssh_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/ssh"
)

// TestManagerFollowsNoLink lets a manager give a key to an account that has led its list of keys elsewhere: by sudo over a
// real sshd, and as root. The manager may write wherever the link leads, the account may not.
func TestManagerFollowsNoLink(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t)
	name, _ := s.AddUser(t)
	victim, _ := s.AddUser(t)
	manager, password := s.AddUser(t)
	if err := s.AllowShellAs(manager); err != nil {
		t.Fatal(err)
	}
	root, err := os.MkdirTemp("", "cofre-links-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	shell := func(as, script string) {
		t.Helper()
		if out, err := exec.Command("runuser", "-u", as, "--", "sh", "-euc", "cd "+root+"; "+script).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
	}
	shell("root", "chmod 755 .; for u in "+name+" "+victim+"; do mkdir $u; chown $u $u; done")
	shell(victim, "mkdir -m 755 "+victim+"/keys; echo '# mine' >"+victim+"/keys/list")
	private, public := pair(t)
	bare := strings.TrimSuffix(public, " somebody")
	kit := executortest.Kit{Executor: ssh.Key(), Target: endpoint(s), Template: `authorized-keys "` + root + `/` + name + `/keys/list"`,
		Manager: &executortest.Account{Name: manager, Password: password}}
	p, err := kit.Executor.Compile(kit.Template)
	if err != nil {
		t.Fatal(err)
	}
	bySudo := func() error {
		return p.(executors.KeyProgram).Add(t.Context(), kit.Session(executortest.Account{Name: name, Password: private}, private))
	}
	byRoot := func() error {
		cmd := exec.Command("sh")
		cmd.Stdin = strings.NewReader(ssh.AddScript(name, filepath.Join(root, name, "keys", "list"), bare))
		return cmd.Run()
	}
	for how, add := range map[string]func() error{"by sudo": bySudo, "as root": byRoot} {
		for what, link := range map[string]string{"the list": "mkdir keys; ln -s " + root + "/" + victim + "/keys/list keys/list", "its folder": "ln -s " + root + "/" + victim + "/keys keys"} {
			shell(name, "cd "+name+"; rm -rf keys; "+link)
			err := add()
			if got := list(t, root, victim); got != "# mine\n" || err == nil {
				t.Errorf("%s, %s is a link: %v; the list of the other account: %q", how, what, err, got)
			}
		}
		shell(name, "cd "+name+"; rm -rf keys; mkdir keys; echo '# own' >elsewhere; ln -s ../elsewhere keys/list")
		if err := add(); err != nil || list(t, root, name) != "# own\n"+bare+"\n" {
			t.Errorf("%s, a link to its own file: %v, %q", how, err, list(t, root, name))
		}
		shell(name, "cd "+name+"; rm -rf keys")
		if err := add(); err != nil || list(t, root, name) != bare+"\n" {
			t.Errorf("%s, no list yet: %v", how, err)
		}
		shell(name, "test -O "+name+"/keys/list && test -O "+name+"/keys && test $(stat -c %a%a "+name+"/keys "+name+"/keys/list | tr -d '\n') = 700700600600")
	}
}

func list(t *testing.T, root, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name, "keys", "list"))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// mute is a connection that ended in the moment in which a channel was opened: the library waits for ever.
type mute struct{ xssh.Conn }

func (mute) OpenChannel(string, []byte) (xssh.Channel, <-chan *xssh.Request, error) { select {} }

// TestChannelOfAnEndedConnection: nobody waits for it longer than he may.
func TestChannelOfAnEndedConnection(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := ssh.OpenSession(ctx, &xssh.Client{Conn: mute{}}); executortest.ClassOf(err) != executors.ClassTimeout {
		t.Error(err)
	}
}

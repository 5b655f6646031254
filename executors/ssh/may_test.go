package ssh_test

import (
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/ssh"
)

// TestMay asks a real sudo, without making a change.
func TestMay(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t)
	user := func(allow func(string) error) executortest.Account {
		name, password := s.AddUser(t)
		if allow != nil {
			if err := allow(name); err != nil {
				t.Fatal(err)
			}
		}
		return executortest.Account{Name: name, Password: password}
	}
	other, plain, manager, asked := user(nil), user(nil), user(s.AllowChpasswd), user(s.AllowPasswd)
	for _, c := range []struct {
		who, whom executortest.Account
		template  string
		allowed   bool
		says      string // of why, or of the error
	}{
		{manager, other, template(t, "Linux chpasswd (sudo)"), true, "sudo lists /usr/sbin/chpasswd"},
		{manager, other, template(t, "Linux lock account (sudo)"), true, "/usr/sbin/usermod, /usr/bin/pkill"},
		{manager, other, `exec "sudo -n /usr/bin/passwd '[#USERNAME#]'"`, false, "sudo does not list /usr/bin/passwd"},
		{plain, other, template(t, "Linux chpasswd (sudo)"), false, "password"},
		{asked, other, template(t, "Linux chpasswd (sudo)"), false, "without its password"},
		{plain, plain, template(t, "Linux passwd"), true, "it is the account itself"},
		{plain, other, `exec "passwd [#USERNAME#]"`, false, "neither root nor the account itself"},
		{manager, other, template(t, "Linux passwd (sudo with a password)"), false, "none whose rights can be looked up"},
		{manager, other, `exec "set password [#NEW_PASSWORD#]"`, false, "none whose rights can be looked up"},
	} {
		p, err := ssh.New().Compile(c.template)
		if err != nil {
			t.Fatal(err)
		}
		k := executortest.Kit{Target: endpoint(s), Manager: &c.who}
		allowed, why, err := p.(executors.Judge).May(t.Context(), k.Session(c.whom, "Unused-pass-1"))
		if err != nil {
			why = err.Error()
		}
		if allowed != c.allowed || !strings.Contains(why, c.says) {
			t.Errorf("%.60s: %t, %q, %v; want %t, %q", c.template, allowed, why, err, c.allowed, c.says)
		}
		t.Logf("%t %s", allowed, why)
	}
}

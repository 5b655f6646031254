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

// TestStrangeShells: passwd of a real sshd behind login shells as people have them. It refuses a password, and takes one.
func TestStrangeShells(t *testing.T) {
	t.Parallel()
	banner := filepath.Join(t.TempDir(), "banner")
	if err := os.WriteFile(banner, []byte(strings.Repeat("Authorized users only. New password: $ \r\n", 2000)), 0o644); err != nil {
		t.Fatal(err)
	}
	s := target.SSHD(t, "Banner "+banner)
	for name, script := range map[string]string{
		"a message of the day of a megabyte": `head -c 1000000 /dev/zero | tr '\0' x; echo`,
		"one of many lines":                  `seq 100000`,
		"another language":                   `export LANG=pt_BR.UTF-8 LANGUAGE=pt_BR PS1='máquina:~ ação > '`,
		"it shows what it is given":          `stty echo`,
		"colours and a title":                `export PS1='\[\e]0;title $ \a\e[1;32m\]\u@\h\[\e[0m\]:\w\$ \[\e[0m\]'`,
		"line ends of another kind":          `stty -onlcr`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shell, err := s.AddCommand(strings.ReplaceAll(name, " ", "-"), "#!/bin/sh\n"+script+"\nexec /bin/bash --norc\n")
			if err != nil {
				t.Fatal(err)
			}
			account, password := s.AddUser(t)
			if out, err := exec.Command("usermod", "-s", shell, account).CombinedOutput(); err != nil {
				t.Fatal(err, string(out))
			}
			k := executortest.Kit{Executor: ssh.New(), Template: template(t, "Linux passwd"), Target: endpoint(s), Login: s.Login}
			for fresh, want := range map[string]executors.Outcome{"ab": executors.Rejected, executortest.Fresh(): executors.Applied} {
				outcome, err := k.Once(t, executortest.Account{Name: account, Password: password}, fresh)
				in, failed := s.Login(account, fresh)
				if outcome != want || in != (want == executors.Applied) || failed != nil {
					t.Errorf("%s, %v; want %s; the new password logs in: %t, %v", outcome, err, want, in, failed)
				}
				if in {
					password = fresh
				}
			}
		})
	}
}

// TestStrangeAccounts: what a real sshd says of accounts that cannot work, and what we make of it.
func TestStrangeAccounts(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t)
	for name, c := range map[string]struct {
		do    []string
		in    bool // the password is proven
		wrong bool // it is called wrong
		class executors.Class
		says  string
	}{
		"its password is locked":         {[]string{"usermod", "-L"}, false, true, executors.ClassAuth, "refused the login"}, // it looks like any other wrong one
		"the account has expired":        {[]string{"usermod", "-e", "1"}, false, false, executors.ClassNetwork, "such as one that has expired"},
		"the password has to be changed": {[]string{"chage", "-d", "0"}, true, false, executors.ClassTimeout, "the password has expired, and wants a new one at the login"},
		"it has no shell":                {[]string{"usermod", "-s", "/usr/sbin/nologin"}, true, false, executors.ClassNetwork, "the target closed the session"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			account, password := s.AddUser(t)
			if out, err := exec.Command(c.do[0], append(c.do[1:], account)...).CombinedOutput(); err != nil {
				t.Fatal(err, string(out))
			}
			k := executortest.Kit{Executor: ssh.New(), Template: strings.Replace(template(t, "Linux passwd"), "set-read-timeout 15", "set-read-timeout 2", 1), Target: endpoint(s)}
			a := executortest.Account{Name: account, Password: password}
			in, err := ssh.New().Verify(t.Context(), k.Session(a, ""), secret.New([]byte(password)))
			if in != c.in || c.wrong != (!in && err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("proven: %t, %v", in, err)
			}
			outcome, err := k.Once(t, a, executortest.Fresh())
			if outcome != executors.NotStarted || executortest.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.says) || executors.IsSpared(err) {
				t.Errorf("%s, %v", outcome, err)
			}
		})
	}
}

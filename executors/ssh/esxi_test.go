package ssh_test

import (
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/ssh"
	"cofre/vault/secret"
)

// esxcli is a double of VMware's command on a real sshd: it knows system account set, with the values as arguments or asked for,
// and refuses short passwords.
const esxcli = `#!/bin/bash
[ "$1 $2 $3" = "system account set" ] || { echo "Error: Unknown command or namespace $*"; exit 1; }
shift 3
while [ $# -gt 0 ]; do
  case "$1" in
  -i) user=$2; shift 2 ;;
  -p) if [ $# -gt 1 ] && [ "$2" != -c ]; then new=$2; shift 2; else read -rsp "Enter value for 'password': " new; echo; shift; fi ;;
  -c) if [ $# -gt 1 ]; then again=$2; shift 2; else read -rsp "Enter value for 'password-confirmation': " again; echo; shift; fi ;;
  *) echo "Error: Unknown option $1"; exit 1 ;;
  esac
done
[ "$new" = "$again" ] || { echo "Passwords do not match"; exit 1; }
[ ${#new} -ge 7 ] || { echo "A general system error occurred: Weak password: not enough different characters or classes."; exit 1; }
printf '%s:%s\n' "$user" "$new" | sudo -n /usr/sbin/chpasswd
`

const esxiLine = "# as the vendor's documents write it\nsystem account set -i [#USERNAME#] -p [#NEW_PASSWORD#] -c [#NEW_PASSWORD#]\n"

// host is a real sshd with the double on it, and where that is.
func host(t *testing.T) (k executortest.Kit, path string) {
	t.Helper()
	s := target.SSHD(t)
	name, password := s.AddUser(t)
	if err := s.AllowChpasswd(name); err != nil {
		t.Fatal(err)
	}
	path, err := s.AddCommand("esxcli", esxcli)
	if err != nil {
		t.Fatal(err)
	}
	return executortest.Kit{
		Target: endpoint(s), Login: s.Login, Manager: &executortest.Account{Name: name, Password: password},
		Account: func(t testing.TB) executortest.Account {
			name, password := s.AddUser(t)
			return executortest.Account{Name: name, Password: password}
		},
		Unfit: []string{"line\nbreak-1A", "nul\x00-byte-1A", "not\xff-utf8-1A", "-Ee5--help", ""},
	}, path
}

func TestESXiOnDoubleOfEsxcli(t *testing.T) {
	t.Parallel()
	k, _ := host(t)
	k.Executor, k.Template, k.Rejected, k.Opening = ssh.ESXi(), esxiLine, "short", handshake
	k.Hostile = []string{`Aa1-'; touch /tmp/x; '`, "Bb2-\"$(reboot)\" `id` \\n", `Dd4 with  spaces 'quoted' ação-日本`}
	executortest.Exercise(t, k)
}

// TestESXiTemplateOnDoubleOfEsxcli: the catalogue's template, in which the password is asked for.
func TestESXiTemplateOnDoubleOfEsxcli(t *testing.T) {
	t.Parallel()
	k, path := host(t)
	k.Executor, k.Template = ssh.New(), strings.Replace(template(t, "VMware ESXi account"), "\"esxcli", "\""+path, 1)
	acc := k.Account(t)
	fresh := `Aa1-'; "$(reboot)" ` + "`id` -x"
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
		t.Fatalf("%s, %v", outcome, err)
	}
	if ok, err := k.Login(acc.Name, fresh); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	executortest.Ran(template(t, "VMware ESXi account")) // but for where esxcli is
}

func TestESXiCompiles(t *testing.T) {
	t.Parallel()
	p, err := ssh.ESXi().Compile("esxcli system account list\n" + esxiLine)
	if err != nil || len(p.Notices()) != 1 || !strings.Contains(p.Notices()[0], "line 3") || len(p.Masks()) != 2 {
		t.Errorf("%v, %v", p, err)
	}
	for src, want := range map[string]string{
		"":         "line 1, column 1: expected at least one esxcli command",
		"\nesxcli": "line 2, column 1: expected an esxcli command such as system account set",
	} {
		if _, err := ssh.ESXi().Compile(src); err == nil || err.Error() != want {
			t.Errorf("%q: %v", src, err)
		}
	}
}

// TestLegacyDialect plays the older words.
func TestLegacyDialect(t *testing.T) {
	t.Parallel()
	talk := func(say func(string), hear func() string) {
		say("New password: ")
		got := hear()
		say("\r\ngot " + strings.Repeat("*", len(got)) + " updated\r\n$ ")
		hear()
	}
	for src, want := range map[string]executors.Outcome{
		"read New\nwrite [#NEW_PASSWORD#]\nexpect \"got *updated\"":       executors.Applied,
		"expect-regex /new/i\nexec [#NEW_PASSWORD#]\nread /upd\\w+/":      executors.Applied,
		"expect New\nexec [#NEW_PASSWORD#]\nnot-expect got\nexpect [$]":   executors.Uncertain,
		"expect New\nnot-expect Old\nexec [#NEW_PASSWORD#]\nexpect never": executors.Uncertain,
		"not-expect New\nexpect password\nexec [#NEW_PASSWORD#]":          executors.NotStarted,
	} {
		p, err := ssh.Legacy().Compile(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if outcome, err := p.Run(t.Context(), session(fake{cfg: byPassword(), talk: talk}.serve(t))); outcome != want {
			t.Errorf("%s: %s, %v; want %s", src, outcome, err, want)
		}
	}
	if _, err := ssh.Legacy().Compile("set-ssh-version 2\nsend x"); err == nil || !strings.Contains(err.Error(), "not-expect") {
		t.Errorf("%v", err)
	}
}

// TestLegacyOnSSHD changes a password with the older words on a real server.
func TestLegacyOnSSHD(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t)
	name, password := s.AddUser(t)
	legacy := strings.NewReplacer("no-expect", "not-expect", "expect-regex", "read", "exec [", "write [").Replace(template(t, "Linux passwd"))
	k := executortest.Kit{Executor: ssh.Legacy(), Template: legacy, Target: endpoint(s), Login: s.Login}
	fresh := executortest.Fresh()
	if outcome, err := k.Once(t, executortest.Account{Name: name, Password: password}, fresh); outcome != executors.Applied {
		t.Fatalf("%s, %v", outcome, err)
	}
	if ok, err := s.Login(name, fresh); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

// TestKeyboardInteractiveOnSSHD: a server that takes passwords only as answers to its questions.
func TestKeyboardInteractiveOnSSHD(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t, "PasswordAuthentication no", "KbdInteractiveAuthentication yes")
	name, password := s.AddUser(t)
	k := executortest.Kit{Executor: ssh.New(), Template: template(t, "Linux passwd"), Target: endpoint(s)}
	acc, fresh := executortest.Account{Name: name, Password: password}, executortest.Fresh()
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
		t.Fatalf("%s, %v", outcome, err)
	}
	for with, want := range map[string]bool{fresh: true, password: false} {
		if ok, err := ssh.New().Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(with))); ok != want || err != nil {
			t.Errorf("%v, %v; want %v", ok, err, want)
		}
	}
}

// TestPrivateKeyOnSSHD: the authentication credential is a private key, and the account's own password is changed with it.
func TestPrivateKeyOnSSHD(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t, "PasswordAuthentication no")
	manager, _ := s.AddUser(t)
	name, _ := s.AddUser(t)
	private, public := keyPair(t)
	if err := s.AllowChpasswd(manager); err != nil {
		t.Fatal(err)
	}
	if err := s.Authorize(manager, public); err != nil {
		t.Fatal(err)
	}
	k := executortest.Kit{Executor: ssh.New(), Template: template(t, "Linux chpasswd (sudo)"), Target: endpoint(s), Manager: &executortest.Account{Name: manager, Password: private}}
	if outcome, err := k.Once(t, executortest.Account{Name: name, Password: "unknown-here"}, executortest.Fresh()); outcome != executors.Applied {
		t.Fatalf("%s, %v", outcome, err)
	}
	stranger, _ := keyPair(t)
	for with, want := range map[string]bool{private: true, stranger: false} {
		session := k.Session(executortest.Account{Name: manager}, "")
		if ok, err := ssh.New().Verify(t.Context(), session, secret.New([]byte(with))); ok != want || err != nil {
			t.Errorf("%v, %v; want %v", ok, err, want)
		}
	}
	k.Manager = nil
	session := k.Session(executortest.Account{Name: manager}, "")
	if ok, err := ssh.New().Verify(t.Context(), session, secret.New([]byte("a-password"))); ok || executortest.ClassOf(err) != executors.ClassAuth {
		t.Errorf("a password where only keys are taken proves nothing: %v, %v", ok, err)
	}
}

// TestWeakAlgorithmsOnSSHD: outdated algorithms are spoken only with a device that is listed so.
func TestWeakAlgorithmsOnSSHD(t *testing.T) {
	t.Parallel()
	for _, option := range []string{"Ciphers aes128-cbc", "KexAlgorithms diffie-hellman-group14-sha1", "MACs hmac-sha1\nCiphers aes128-cbc"} {
		s := target.SSHD(t, option)
		name, password := s.AddUser(t)
		e := endpoint(s)
		k := executortest.Kit{Target: e}
		acc := executortest.Account{Name: name, Password: password}
		if ok, err := ssh.New().Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(password))); ok || executortest.ClassOf(err) != executors.ClassProtocol || !strings.Contains(err.Error(), ssh.Weak) {
			t.Errorf("%s, not listed: %v, %v", option, ok, err)
		}
		k.Target.Protocol = ssh.Weak
		if ok, err := ssh.New().Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(password))); !ok || err != nil {
			t.Errorf("%s: %v, %v", option, ok, err)
		}
		if keys, err := ssh.ScanHostKeys(t.Context(), k.Session(acc, "").Dial, s.Addr()); err != nil || len(keys) != 1 {
			t.Errorf("%s: scan: %v, %v", option, keys, err)
		}
	}
}

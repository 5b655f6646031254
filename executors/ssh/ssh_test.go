package ssh_test

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mask"
	"cofre/executors/ssh"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

func endpoint(s *target.SSH) model.Endpoint {
	return model.Endpoint{Hostname: "localhost", Address: "127.0.0.1", Port: s.Port(), HostKeys: []model.HostKey{{Line: s.HostKeyLines()[0]}}}
}

func template(t *testing.T, name string) string {
	t.Helper()
	for _, e := range ssh.Catalogue() {
		if e.Name == name {
			return e.Content
		}
	}
	t.Fatalf("no catalogue template %q", name)
	return ""
}

// unfit cannot travel over a terminal line.
var unfit = []string{"line\nbreak-1A", "carriage\rreturn-1A", "nul\x00-byte-1A", "inter\x03rupt-1A", "era\x7fse-1A", "not\xff-utf8-1A", strings.Repeat("long", 1024)}

// hostile means something to a shell, to SQL, to templates or to terminals.
var hostile = []string{
	`Aa1-'; touch /tmp/x; '`, `Bb2-"$(reboot)"`, "Cc3-`id`-\\n", `Dd4 with  spaces `, `-Ee5--help`, `#Ff6 [#USERNAME#] *`, `Gg7-ação-日本-ß`, `Hh8!!%s&&||{a,b}~`,
}

func TestLinuxPasswd(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t)
	executortest.Exercise(t, executortest.Kit{
		Executor: ssh.New(), Template: template(t, "Linux passwd"), Target: endpoint(s), Login: s.Login,
		Account: func(t testing.TB) executortest.Account {
			name, password := s.AddUser(t)
			return executortest.Account{Name: name, Password: password}
		},
		Hostile: hostile, Unfit: unfit, Rejected: "ab", Speaks: true,
	})
}

// handshake is how many writes the client needs before it sends a password: TestLinuxPasswd cuts them.
const handshake = 5

func TestLinuxChpasswd(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t)
	name, password := s.AddUser(t)
	if err := s.AllowChpasswd(name); err != nil {
		t.Fatal(err)
	}
	executortest.Exercise(t, executortest.Kit{
		Executor: ssh.New(), Template: template(t, "Linux chpasswd (sudo)"), Target: endpoint(s), Login: s.Login,
		Manager: &executortest.Account{Name: name, Password: password},
		Account: func(t testing.TB) executortest.Account {
			name, password := s.AddUser(t)
			return executortest.Account{Name: name, Password: password}
		},
		Hostile: hostile, Unfit: unfit, Opening: handshake, Stays: true, Speaks: true,
	})
}

// A manager whom sudo asks for its password: the dialogue of passwd is real, so is what the server lets in afterwards. The stack of
// PAM is the distribution's, with its slow hashes, its pause after a wrong password and its message of the day.
func TestLinuxPasswdBySudo(t *testing.T) {
	t.Parallel()
	s := target.SlowSSHD(t)
	name, password := s.AddUser(t)
	if err := s.AllowPasswd(name); err != nil {
		t.Fatal(err)
	}
	k := executortest.Kit{Executor: ssh.New(), Template: template(t, "Linux passwd (sudo with a password)"), Target: endpoint(s), Login: s.Login, Manager: &executortest.Account{Name: name, Password: password}}
	account, old := s.AddUser(t)
	fresh := executortest.Fresh()
	if outcome, err := k.Once(t, executortest.Account{Name: account, Password: old}, fresh); outcome != executors.Applied {
		t.Fatalf("%s: %v", outcome, err)
	}
	for secret, want := range map[string]bool{fresh: true, old: false} {
		if in, err := s.Login(account, secret); err != nil || in != want {
			t.Errorf("the target lets in: %t (%v), want %t", in, err, want)
		}
	}
}

// Dynamic users: made, proven by a login, removed with their processes, proven gone.
func TestLinuxUsersComeAndGo(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t)
	name, password := s.AddUser(t)
	if err := s.AllowChpasswd(name); err != nil {
		t.Fatal(err)
	}
	executortest.Live(t, executortest.Kit{Executor: ssh.New(), Target: endpoint(s), Login: s.Login, Manager: &executortest.Account{Name: name, Password: password}},
		executortest.Life{Create: template(t, "Linux create user (sudo)"), Remove: template(t, "Linux remove user (sudo)"), Prefix: "cofre-t_"})
}

// Twice: the second time the account is there, and keeps what it has.
func TestLinuxUsersForSessions(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t)
	name, password := s.AddUser(t)
	if err := s.AllowChpasswd(name); err != nil {
		t.Fatal(err)
	}
	once := template(t, "Linux create user for a session (sudo)")
	executortest.Live(t, executortest.Kit{Executor: ssh.New(), Target: endpoint(s), Login: s.Login, Manager: &executortest.Account{Name: name, Password: password}},
		executortest.Life{Create: strings.TrimSuffix(once, "end\n") + once, Remove: template(t, "Linux remove user after a session (sudo)"), Prefix: "cofre-t_"})
}

// TestLinuxLock: an account that is locked opens neither by its password nor by its key, and what it ran is over; unlocking brings
// both back. Each is done twice: the second time there is nothing to do.
func TestLinuxLock(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t)
	manager, managers := s.AddUser(t)
	if err := s.AllowChpasswd(manager); err != nil {
		t.Fatal(err)
	}
	name, password := s.AddUser(t)
	private, public := keyPair(t)
	if err := s.Authorize(name, public); err != nil {
		t.Fatal(err)
	}
	running := exec.CommandContext(t.Context(), "runuser", "-u", name, "--", "sleep", "300")
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- running.Wait() }()
	k := executortest.Kit{Executor: ssh.New(), Target: endpoint(s), Manager: &executortest.Account{Name: manager, Password: managers}}
	for _, c := range []struct {
		template string
		in       bool
	}{{"Linux lock account (sudo)", false}, {"Linux lock account (sudo)", false}, {"Linux unlock account (sudo)", true}, {"Linux unlock account (sudo)", true}} {
		k.Template = template(t, c.template)
		if outcome, err := k.Once(t, executortest.Account{Name: name, Password: password}, "unused-1"); outcome != executors.Applied {
			t.Fatalf("%s: %s, %v", c.template, outcome, err)
		}
		for what, login := range map[string]func(string, string) (bool, error){password: s.Login, private: s.LoginKey} {
			if in, err := login(name, what); in != c.in || in && err != nil {
				t.Errorf("%s: logs in %t, %v", c.template, in, err)
			}
		}
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("a process of the account outlived its lock")
	}
}

func TestScanHostKeys(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t)
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	keys, err := ssh.ScanHostKeys(t.Context(), dial, s.Addr())
	if err != nil || len(keys) != 1 || !strings.HasPrefix(s.HostKeyLines()[0], keys[0].Line) || !strings.HasPrefix(keys[0].Fingerprint, "SHA256:") {
		t.Fatalf("%+v, %v", keys, err)
	}
	name, password := s.AddUser(t)
	other := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS"
	for _, c := range []struct {
		name string
		pins []model.HostKey
		ok   bool
	}{
		{"fingerprint", []model.HostKey{{Fingerprint: keys[0].Fingerprint}}, true},
		{"key", keys, true},
		{"none", nil, false},
		{"other key", []model.HostKey{{Line: other}}, false},
		{"other fingerprint", []model.HostKey{{Fingerprint: "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := endpoint(s)
			e.HostKeys = c.pins
			login(t, executors.Session{Target: e, Dial: dial}, name, password, c.ok)
		})
	}
}

// login verifies with the right password: it must succeed exactly when the host key is pinned, and a host that is not
// pinned must be no statement about the password.
func login(t *testing.T, s executors.Session, name, password string, ok bool) {
	t.Helper()
	s.Resolve = func(mask.Name) (secret.Value, error) { return secret.New([]byte(name)), nil }
	got, err := ssh.New().Verify(t.Context(), s, secret.New([]byte(password)))
	if ok && (err != nil || !got) {
		t.Errorf("got %v, %v", got, err)
	}
	if !ok && (got || executortest.ClassOf(err) != executors.ClassHostKey) {
		t.Errorf("got %v, %v; want a host key failure", got, err)
	}
}

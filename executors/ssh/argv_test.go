package ssh_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/ssh"
)

// inArgv watches the command lines of all processes until the context ends, and tells whether a text stood in one.
func inArgv(ctx context.Context, text string) bool {
	for found := false; ; {
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			return false
		}
		for _, f := range files {
			line, err := os.ReadFile(f)
			found = found || err == nil && bytes.Contains(line, []byte(text))
		}
		if found || ctx.Err() != nil {
			return found
		}
	}
}

// TestCatalogueKeepsSecretsOutOfArgv samples the process list while passwords change and accounts are made. The first case is the
// positive control: a template that does put the password there.
func TestCatalogueKeepsSecretsOutOfArgv(t *testing.T) {
	s := target.SSHD(t)
	manager, password := s.AddUser(t)
	if err := s.AllowChpasswd(manager); err != nil {
		t.Fatal(err)
	}
	name, old := s.AddUser(t)
	made := "cofre-t_argv" + strings.ToLower(rand.Text()[:6])
	boss := executortest.Account{Name: manager, Password: password}
	t.Cleanup(func() {
		k := executortest.Kit{Executor: ssh.New(), Template: template(t, "Linux remove user (sudo)"), Target: endpoint(s), Manager: &boss}
		if outcome, err := k.Once(t, executortest.Account{Name: made}, "unused-1"); outcome != executors.Applied {
			t.Errorf("%s, %v", outcome, err)
		}
	})
	for _, c := range []struct {
		name, template string
		login          executortest.Account
		found          bool
	}{
		{"control", "expect-regex \"/[$]\\s*$/\"\nexec \"/bin/sh -c 'sleep 1; true' sh '[#NEW_PASSWORD#]'; echo RC=$?.\"\nexpect \"RC=0.\"\n", boss, true},
		{"chpasswd", template(t, "Linux chpasswd (sudo)"), boss, false},
		{"passwd", template(t, "Linux passwd"), executortest.Account{}, false},
		{"create", template(t, "Linux create user (sudo)"), boss, false},
		{"create for a session", template(t, "Linux create user for a session (sudo)"), boss, false},
	} {
		name := name
		if strings.HasPrefix(c.name, "create") {
			name = made
		}
		k := executortest.Kit{Executor: ssh.New(), Template: c.template, Target: endpoint(s)}
		if c.login.Name != "" {
			k.Manager = &c.login
		}
		fresh := executortest.Fresh()
		ctx, cancel := context.WithCancel(t.Context())
		seen := make(chan bool, 1)
		go func() { seen <- inArgv(ctx, fresh) }()
		outcome, err := k.Once(t, executortest.Account{Name: name, Password: old}, fresh)
		cancel()
		if found := <-seen; outcome != executors.Applied || found != c.found {
			t.Errorf("%s: %s, %v; in argv: %v, want %v", c.name, outcome, err, found, c.found)
		}
		if !c.found {
			old = fresh
		}
	}
}

// BenchmarkSession opens a shell and closes it again, with and without immediate acknowledgements.
func BenchmarkSession(b *testing.B) {
	s, err := target.StartSSHD(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}()
	name, password := s.AddUser(b)
	p, err := ssh.New().Compile("expect-regex \"/[$]\\s*$/\"\nend\n")
	if err != nil {
		b.Fatal(err)
	}
	for mode, dial := range map[string]executors.Dialer{
		"quickack": new(net.Dialer).DialContext,
		"delayed": func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			return struct{ net.Conn }{c}, err
		},
	} {
		b.Run(mode, func(b *testing.B) {
			session := executortest.Kit{Target: endpoint(s)}.Session(executortest.Account{Name: name, Password: password}, "")
			session.Dial = dial
			for b.Loop() {
				if outcome, err := p.Run(b.Context(), session); outcome != executors.Applied {
					b.Fatal(outcome, err)
				}
			}
		})
	}
}

package winrpc_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mask"
	"cofre/executors/winrpc"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

func kit(s *target.Samba, template string) executortest.Kit {
	return executortest.Kit{
		Executor: winrpc.New(), Template: template, Login: s.Login,
		Target:  model.Endpoint{Hostname: "localhost", Address: "127.0.0.1", Port: s.SMBPort()},
		Manager: &executortest.Account{Name: s.AdminUser, Password: s.AdminPassword},
		Account: func(t testing.TB) executortest.Account {
			name, password := s.AddUser(t)
			return executortest.Account{Name: name, Password: password}
		},
		Values:   map[mask.Name]string{"DOMAIN": target.NetBIOS, "AUTH_DOMAIN": target.NetBIOS},
		Hostile:  []string{`Aa1 " /add & net user x y /add %PATH% ^|`, `Bb2 ação-日本-ß-😀`, strings.Repeat(`Cc3'\"`, 40)},
		Unfit:    []string{"nul\x00-byte-1A", "not\xff-utf8-1A", "", strings.Repeat("Long-7", 43)},
		Rejected: "short",
		Lingers:  true,
		Framed:   true,
	}
}

func named(t *testing.T, name string) string {
	t.Helper()
	for _, e := range winrpc.Catalogue() {
		if e.Name == name {
			return e.Content
		}
	}
	t.Fatalf("no catalogue template %q", name)
	return ""
}

// TestDomainAccounts changes and makes accounts of a real Samba. One server serves all: it is slow to start.
func TestDomainAccounts(t *testing.T) {
	t.Parallel()
	s := target.ActiveDirectory(t)
	templates := winrpc.Catalogue()
	k := kit(s, templates[0].Content+"# [#NEW_PASSWORD#]\n")
	t.Run("reset", func(t *testing.T) {
		k := k
		k.Template = "net user [#USERNAME#] [#NEW_PASSWORD#] /domain\n"
		k.Impostor = &model.Endpoint{Hostname: "localhost", Address: "127.0.0.1", Port: target.Guests(t)}
		executortest.Exercise(t, k)
	})
	t.Run("what the server says is altered", func(t *testing.T) { altered(t, k) })
	t.Run("users come and go", func(t *testing.T) {
		executortest.Live(t, k, executortest.Life{Create: templates[1].Content, Remove: templates[2].Content, Hostile: k.Hostile})
	})
	t.Run("users for sessions", func(t *testing.T) {
		executortest.Live(t, k, executortest.Life{Create: strings.Repeat(named(t, "Windows create user for a session (RPC)"), 2), Remove: named(t, "Windows remove user after a session (RPC)")})
	})
	t.Run("created", func(t *testing.T) {
		k := k
		k.Template = templates[1].Content
		a := executortest.Account{Name: "app_260101_flags"}
		if outcome, err := k.Once(t, a, executortest.Fresh()); outcome != executors.Applied {
			t.Fatalf("%s, %v", outcome, err)
		}
		if flags, err := s.Stored(a.Name, "userAccountControl"); err != nil || len(flags) != 1 || flags[0] != "512" { // it needs a password
			t.Errorf("%v, %v", flags, err)
		}
	})
	t.Run("self", func(t *testing.T) { self(t, s, k) })
	t.Run("switched off and on", func(t *testing.T) { switches(t, s, k) })
	t.Run("refused", func(t *testing.T) { refused(t, s, k) })
	t.Run("lost", func(t *testing.T) { lost(t, k) })
}

// lost cuts the connection in a step: its transcript says so, and tells of no status that the server never sent.
func lost(t *testing.T, k executortest.Kit) {
	k.Template = "net user [#USERNAME#] [#NEW_PASSWORD#] /domain\n"
	p, err := winrpc.New().Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	attempt := func(cut int) (*executortest.Brittle, string) {
		wire, rec := executortest.NewBrittle(cut, false), executors.NewRecorder()
		s := k.Session(k.Account(t), executortest.Fresh())
		s.Dial, s.Trace = wire.Dial, rec
		_, _ = p.Run(t.Context(), s)
		for _, st := range rec.Steps() {
			if st.Line == 1 && st.Text != "stopped" {
				return wire, st.Error
			}
		}
		return wire, ""
	}
	whole, _ := attempt(0)
	said := ""
	for n := whole.Written(); n > 0 && said == ""; n-- {
		_, said = attempt(n)
	}
	if !strings.Contains(said, "connection") || strings.Contains(said, "0x") {
		t.Errorf("the step says %q", said)
	}
}

// self changes by the account itself: nobody else logs in, and the server wants proof that the old password is known.
func self(t *testing.T, s *target.Samba, k executortest.Kit) {
	k.Manager = nil
	acc := k.Account(t)
	for _, fresh := range append([]string{executortest.Fresh()}, k.Hostile...) {
		if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
			t.Errorf("%q: %s, %v", fresh, outcome, err)
		}
		if in, err := s.Login(acc.Name, fresh); err != nil || !in {
			t.Errorf("%q: logs in %t, %v", fresh, in, err)
		}
		acc.Password = fresh
	}
	if outcome, err := k.Once(t, acc, "short"); outcome != executors.Rejected || executortest.ClassOf(err) != executors.ClassPolicy {
		t.Errorf("short: %s, %v", outcome, err)
	}
	// The old password opens the door for a while, but changes nothing.
	old := acc.Password
	if outcome, err := k.Once(t, acc, executortest.Fresh()); outcome != executors.Applied {
		t.Fatalf("%s, %v", outcome, err)
	}
	acc.Password = old
	if outcome, err := k.Once(t, acc, executortest.Fresh()); outcome != executors.Rejected && outcome != executors.NotStarted {
		t.Errorf("with the old password: %s, %v", outcome, err)
	}
	// An account of the same name in another domain is another one, which is not asked to prove that it knows the old password.
	acc = k.Account(t)
	other := k
	other.Values = map[mask.Name]string{"DOMAIN": "SRV1", "AUTH_DOMAIN": target.NetBIOS}
	if outcome, err := other.Once(t, acc, executortest.Fresh()); outcome == executors.Applied || err == nil || !strings.Contains(err.Error(), "access denied") {
		t.Errorf("a namesake without rights: %s, %v", outcome, err)
	}
	// After a change the template goes on with the new password.
	acc = k.Account(t)
	fresh := executortest.Fresh()
	k.Template = "!netsmb-password\n!sleep 1\n!reload-password\nnet user [#USERNAME#] [#NEW_PASSWORD#]\n"
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.Uncertain || !strings.Contains(err.Error(), "line 4: access denied") {
		t.Errorf("an account without rights resets itself: %s, %v", outcome, err)
	}
	if in, err := s.Login(acc.Name, fresh); err != nil || !in {
		t.Errorf("logs in %t, %v", in, err)
	}
}

// switches disables and enables; a disabled account is no wrong password.
func switches(t *testing.T, s *target.Samba, k executortest.Kit) {
	acc := k.Account(t)
	for template, flags := range map[string]string{"Windows disable account (RPC)": "514", "Windows enable account (RPC)": "512"} {
		k.Template = named(t, template)
		if outcome, err := k.Once(t, acc, "unused-1"); outcome != executors.Applied {
			t.Fatalf("%s: %s, %v", template, outcome, err)
		}
		if got, err := s.Stored(acc.Name, "userAccountControl"); err != nil || len(got) != 1 || got[0] != flags {
			t.Errorf("%s: %v, %v, want %s", template, got, err, flags)
		}
		in, err := winrpc.New().Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(acc.Password)))
		if on := flags == "512"; in != on || (err == nil) != on {
			t.Errorf("%s: verified %t, %v", template, in, err)
		}
	}
}

func refused(t *testing.T, _ *target.Samba, k executortest.Kit) {
	acc, weak := k.Account(t), k.Account(t)
	for template, want := range map[string]string{
		"net user [#USERNAME#] [#NEW_PASSWORD#] /add": "there is an account with this name already",
		"net user nobody-here [#NEW_PASSWORD#]":       "there is no such account",
	} {
		k.Template = template
		if outcome, err := k.Once(t, acc, executortest.Fresh()); outcome == executors.Applied || outcome == executors.Uncertain || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v", template, outcome, err)
		}
	}
	k.Template, k.Manager = "net user [#USERNAME#] [#NEW_PASSWORD#]", &weak
	if outcome, err := k.Once(t, acc, executortest.Fresh()); outcome != executors.NotStarted && outcome != executors.Rejected || executortest.ClassOf(err) != executors.ClassPolicy {
		t.Errorf("without the right: %s, %v", outcome, err)
	}
	k.Template = "net user [#USERNAME#] [#NEW_PASSWORD#] /add"
	for _, name := range []string{"twenty-one-characters", "with space @ sign", "..."} {
		if outcome, err := k.Once(t, executortest.Account{Name: name}, executortest.Fresh()); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTemplate {
			t.Errorf("%q: %s, %v", name, outcome, err)
		}
	}
}

func TestCompile(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"":                              "line 1, column 1: expected a change at the end, such as !netsmb-password",
		"!sleep 5":                      "line 1, column 1: expected a change at the end, such as !netsmb-password",
		"!sleep 61\n!netsmb-password":   "line 1, column 1: expected !sleep with 1 to 60 seconds",
		"schtasks /Change /TN x":        "line 1, column 1: expected net user, !netsmb-password, !reload-password or !sleep: other command lines need the executor winrm",
		"net localgroup Users x /add":   "line 1, column 5: expected net user: nothing else of net is offered",
		"net user":                      "line 1, column 1: expected net user with the name of an account",
		"net user x /add":               "line 1, column 1: expected a new password after the name with /add or without a switch, and none else",
		"net user x y /delete":          "line 1, column 1: expected a new password after the name with /add or without a switch, and none else",
		"net user x /delete /active:no": "line 1, column 20: expected one of /add, /delete, /active:yes and /active:no",
		"net user x y /expires:never":   "line 1, column 14: unknown switch /expires:never; expected /add, /delete, /active:yes, /active:no or /domain",
		"net user [#NEW_PASSWORD#] x":   "line 1, column 10: expected a name that holds no secret",
	} {
		if _, err := winrpc.New().Compile(source); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", source, err, want)
		}
	}
	if p, err := winrpc.New().Compile("net user x [#NEW_PASSWORD#] /domain"); err != nil || len(p.Notices()) != 1 {
		t.Errorf("%v, %v", p, err)
	}
}

// altered flips a bit in each message of the server in turn, as who stands in the middle can. One may pass: the library does not check the
// signature of the answer that ends the login, of which nothing but a guest would matter.
func altered(t *testing.T, k executortest.Kit) {
	k.Template, k.Connect, k.Read = "net user [#USERNAME#] [#NEW_PASSWORD#] /domain\n", 2*time.Second, 2*time.Second
	change := func(n int) (m *middle, passed bool) {
		m, k := &middle{at: n}, k
		k.Route = func(dial executors.Dialer) executors.Dialer {
			return func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := dial(ctx, network, address)
				if err == nil {
					m.Conn, c = c, m
				}
				return c, err
			}
		}
		acc, fresh := k.Account(t), executortest.Fresh()
		outcome, err := k.Once(t, acc, fresh)
		in, failed := k.Login(acc.Name, fresh)
		t.Logf("message %d is altered: %s, %v", n, outcome, err)
		if failed != nil || in && outcome != executors.Applied && outcome != executors.Uncertain || !in && outcome == executors.Applied {
			t.Errorf("message %d: the new password is in force: %t (%v)", n, in, failed)
		}
		return m, outcome == executors.Applied
	}
	whole, passed := change(0)
	seen := int(whole.seen.Load())
	if !passed || seen < 10 {
		t.Fatalf("nothing is altered: %t, %d messages", passed, seen)
	}
	var wg sync.WaitGroup
	var unnoticed atomic.Int32
	for n := 1; n <= seen; n++ {
		wg.Go(func() {
			// The last ones, with which the server takes its leave, may come when nobody reads any more.
			if m, passed := change(n); passed && m.altered.Load() {
				unnoticed.Add(1)
			}
		})
	}
	wg.Wait()
	if unnoticed.Load() > 1 {
		t.Errorf("%d of %d altered messages were not noticed", unnoticed.Load(), seen)
	}
}

// middle is a connection on which one message of the server arrives with a bit of its body flipped.
type middle struct {
	net.Conn
	at      int
	seen    atomic.Int32
	altered atomic.Bool
	buf     []byte // of the message that is being read
}

// Read hands on one whole message after the other: a length, and so many bytes.
func (m *middle) Read(p []byte) (int, error) {
	if len(m.buf) == 0 {
		head := make([]byte, 4)
		if _, err := io.ReadFull(m.Conn, head); err != nil {
			return 0, err
		}
		m.buf = append(head, make([]byte, binary.BigEndian.Uint32(head)&0xffffff)...)
		if _, err := io.ReadFull(m.Conn, m.buf[4:]); err != nil {
			return 0, err
		}
		if int(m.seen.Add(1)) == m.at {
			m.buf[len(m.buf)-1] ^= 1
			m.altered.Store(true)
		}
	}
	n := copy(p, m.buf)
	m.buf = m.buf[n:]
	return n, nil
}

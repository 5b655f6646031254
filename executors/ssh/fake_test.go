package ssh_test

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mask"
	"cofre/executors/ssh"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// fake is an SSH server that does what a test says: cfg decides about logins, talk is the shell.
type fake struct {
	cfg  *xssh.ServerConfig
	keys []xssh.Signer
	talk func(say func(string), hear func() string)
	mute bool // it answers to no channel
}

// serve starts it and returns where it is, with its first host key pinned.
func (f fake) serve(t *testing.T) model.Endpoint {
	t.Helper()
	if f.keys == nil {
		f.keys = []xssh.Signer{edKey(t)}
	}
	for _, k := range f.keys {
		f.cfg.AddHostKey(k)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { f.one(c) })
		}
	})
	line := strings.TrimSpace(string(xssh.MarshalAuthorizedKey(f.keys[0].PublicKey())))
	return model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(l.Addr().String()), HostKeys: []model.HostKey{{Line: line}}}
}

func (f fake) one(c net.Conn) {
	defer c.Close()
	_, channels, requests, err := xssh.NewServerConn(c, f.cfg)
	if err != nil {
		return
	}
	go xssh.DiscardRequests(requests)
	for offer := range channels {
		if f.mute {
			continue
		}
		ch, asked, err := offer.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range asked {
				_ = r.Reply(true, nil)
			}
		}()
		in := bufio.NewReader(ch)
		f.talk(func(s string) { _, _ = ch.Write([]byte(s)) }, func() string { s, _ := in.ReadString('\n'); return strings.TrimSuffix(s, "\n") })
		_ = ch.Close()
	}
}

func edKey(t *testing.T) xssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer(t, key)
}

// keyPair makes a private key as people store it, and its public half.
func keyPair(t *testing.T) (string, xssh.PublicKey) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := xssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), signer(t, key).PublicKey()
}

func signer(t *testing.T, key any) xssh.Signer {
	t.Helper()
	s, err := xssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	oldPassword = "Old-Pass-1x"
	newPassword = "New-Pass-2y"
)

func session(e model.Endpoint) executors.Session {
	s := executortest.Kit{Target: e}.Session(executortest.Account{Name: "ann", Password: oldPassword}, newPassword)
	s.ConnectTimeout, s.ReadTimeout = 2*time.Second, 300*time.Millisecond
	return s
}

func byPassword() *xssh.ServerConfig {
	return &xssh.ServerConfig{PasswordCallback: func(_ xssh.ConnMetadata, p []byte) (*xssh.Permissions, error) {
		if string(p) != oldPassword {
			return nil, net.ErrClosed
		}
		return nil, nil
	}}
}

func TestKeyboardInteractive(t *testing.T) {
	t.Parallel()
	ask := func(questions ...string) fake {
		return fake{cfg: &xssh.ServerConfig{KeyboardInteractiveCallback: func(_ xssh.ConnMetadata, c xssh.KeyboardInteractiveChallenge) (*xssh.Permissions, error) {
			for i, q := range questions {
				a, err := c("", "", []string{q}, []bool{false})
				if err != nil || i == 0 && a[0] != oldPassword {
					return nil, net.ErrClosed
				}
			}
			return nil, nil
		}}}
	}
	for _, c := range []struct {
		name   string
		f      fake
		with   string
		ok     bool
		failed bool
	}{
		{"right", ask("Password: "), oldPassword, true, false},
		{"wrong", ask("Password: "), "other", false, false},
		{"one-time code", ask("Password: ", "Code: "), oldPassword, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ok, err := ssh.New().Verify(t.Context(), session(c.f.serve(t)), secret.New([]byte(c.with)))
			if ok != c.ok || (err != nil) != c.failed {
				t.Errorf("%v, %v", ok, err)
			}
		})
	}
}

// TestOneLoginIsOneAttempt: a server that offers two ways to give a password must see a wrong one once.
func TestOneLoginIsOneAttempt(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	tried := 0
	f := fake{cfg: &xssh.ServerConfig{
		PasswordCallback: func(xssh.ConnMetadata, []byte) (*xssh.Permissions, error) {
			mu.Lock()
			defer mu.Unlock()
			tried++
			return nil, net.ErrClosed
		},
		KeyboardInteractiveCallback: func(_ xssh.ConnMetadata, c xssh.KeyboardInteractiveChallenge) (*xssh.Permissions, error) {
			if _, err := c("", "", []string{"Password: "}, []bool{false}); err != nil {
				return nil, err
			}
			mu.Lock()
			defer mu.Unlock()
			tried++
			return nil, net.ErrClosed
		},
	}}
	ok, err := ssh.New().Verify(t.Context(), session(f.serve(t)), secret.New([]byte("wrong")))
	mu.Lock()
	defer mu.Unlock()
	if ok || err != nil || tried != 1 {
		t.Errorf("%v, %v, %d attempts", ok, err, tried)
	}
}

func TestPrivateKeyLogin(t *testing.T) {
	t.Parallel()
	private, public := keyPair(t)
	good := string(public.Marshal())
	e := fake{cfg: &xssh.ServerConfig{PublicKeyCallback: func(_ xssh.ConnMetadata, k xssh.PublicKey) (*xssh.Permissions, error) {
		if string(k.Marshal()) != good {
			return nil, net.ErrClosed
		}
		return nil, nil
	}}}.serve(t)
	if ok, err := ssh.New().Verify(t.Context(), session(e), secret.New([]byte(private))); !ok || err != nil {
		t.Errorf("key: %v, %v", ok, err)
	}
	if ok, err := ssh.New().Verify(t.Context(), session(e), secret.New([]byte("a password"))); ok || err == nil {
		t.Errorf("a password where only keys are taken is no proof of anything: %v, %v", ok, err)
	}
}

// TestFingerprintOfAnotherType: the server would show its ed25519 key, the pin names its RSA key.
func TestFingerprintOfAnotherType(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := signer(t, key)
	e := fake{cfg: byPassword(), keys: []xssh.Signer{edKey(t), rsaKey}}.serve(t)
	e.HostKeys = []model.HostKey{{Fingerprint: xssh.FingerprintSHA256(rsaKey.PublicKey())}}
	if ok, err := ssh.New().Verify(t.Context(), session(e), secret.New([]byte(oldPassword))); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

func TestSilentServerTimesOut(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := session(model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(l.Addr().String()), HostKeys: []model.HostKey{{Fingerprint: "SHA256:x"}}})
	s.ConnectTimeout = 50 * time.Millisecond
	if ok, err := ssh.New().Verify(t.Context(), s, secret.New([]byte("x"))); ok || executortest.ClassOf(err) != executors.ClassTimeout {
		t.Errorf("%v, %v", ok, err)
	}
}

// TestSilentAfterLogin: a server that lets in and then opens nothing is told with what was waited for, and how long.
func TestSilentAfterLogin(t *testing.T) {
	t.Parallel()
	s := session(fake{cfg: byPassword(), mute: true}.serve(t))
	p, err := ssh.New().Compile("exec \"true\"\nexpect done\nend")
	if err != nil {
		t.Fatal(err)
	}
	if outcome, err := p.Run(t.Context(), s); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTimeout || !strings.Contains(err.Error(), "open a shell: no answer within ") {
		t.Errorf("a shell: %s, %v", outcome, err)
	}
	s.ConnectTimeout = 300 * time.Millisecond
	if _, err := ssh.Jump(t.Context(), s, "192.0.2.1:22"); executortest.ClassOf(err) != executors.ClassTimeout || !strings.Contains(err.Error(), "connect onwards to 192.0.2.1:22: no answer within 300ms") {
		t.Errorf("a jump host: %v", err)
	}
}

// TestOutcomes plays conversations that a real server does not offer on demand.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	const twice = "expect New\nexec [#NEW_PASSWORD#]\nexpect Retype\nexec [#NEW_PASSWORD#]\nexpect updated\n"
	ask := func(answer string, hang bool) func(func(string), func() string) {
		return func(say func(string), hear func() string) {
			say("New password: ")
			hear()
			say("\r\nRetype new password: ")
			hear()
			say("\r\n" + answer)
			if hang {
				hear() // until the client is gone
			}
		}
	}
	for _, c := range []struct {
		name, template string
		talk           func(func(string), func() string)
		want           executors.Outcome
		class          executors.Class
	}{
		{"updated", twice, ask("passwd: updated\r\n", true), executors.Applied, ""},
		{"clear refusal", twice, ask("passwd: Authentication token manipulation error\r\n", true), executors.Rejected, executors.ClassPolicy},
		{"asked again", twice, ask("BAD PASSWORD: too simple\r\nNew password: ", true), executors.Rejected, executors.ClassPolicy},
		{"only a warning", twice, ask("BAD PASSWORD: too simple\r\n", true), executors.Uncertain, executors.ClassTimeout},
		{"a warning between", twice, func(say func(string), hear func() string) {
			say("New password: ")
			hear()
			say("\r\nBAD PASSWORD: too simple\r\nRetype new password: ")
			hear()
			say("\r\n")
			hear()
		}, executors.Uncertain, executors.ClassTimeout},
		{"silence", twice, ask("", true), executors.Uncertain, executors.ClassTimeout},
		{"refusal, then lost", twice, ask("passwd: Authentication token manipulation error\r\n", false), executors.Uncertain, executors.ClassNetwork},
		{"lost before the new secret", twice, func(say func(string), hear func() string) { say("welcome") }, executors.NotStarted, executors.ClassNetwork},
		{"no answer awaited", "expect New\nexec [#NEW_PASSWORD#]\n", ask("", true), executors.Uncertain, executors.ClassProtocol},
		{"forbidden text first", "no-expect New\nexpect Retype\n", ask("", true), executors.NotStarted, executors.ClassProtocol},
		{"forbidden text absent", "no-expect Old\nexpect New\n", ask("", true), executors.Applied, ""},
		{"forbidden text after the match", "no-expect password\nexpect New\n", ask("", true), executors.Applied, ""},
		{"forbidden text alone", "noexpect New\n", ask("", true), executors.NotStarted, executors.ClassProtocol},
		{"wildcard", "expect \"N*w*:\"\n", ask("", true), executors.Applied, ""},
		{"read takes no wildcard", "read \"N*w\"\n", ask("", true), executors.NotStarted, executors.ClassTimeout},
		{"regular expression", "expect-regex \"/^NEW\\s\\w+:/i\"\n", ask("", true), executors.Applied, ""},
		{"matches are consumed", "expect New\nexpect New\n", ask("", true), executors.NotStarted, executors.ClassTimeout},
		{"write and windows line ends", "set-new-line-mode windows\nexpect New\nwrite \"a b\"\nexec c\nexpect \"got=a bc\"\n", func(say func(string), hear func() string) {
			say("New password: ")
			say("got=" + strings.TrimSuffix(hear(), "\r"))
			hear()
		}, executors.Applied, ""},
		{"end stops", "end\nexpect never\n", ask("", true), executors.Applied, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := ssh.New().Compile(c.template)
			if err != nil {
				t.Fatal(err)
			}
			outcome, err := p.Run(t.Context(), session(fake{cfg: byPassword(), talk: c.talk}.serve(t)))
			if outcome != c.want || executortest.ClassOf(err) != c.class {
				t.Errorf("%s, %v; want %s %s", outcome, err, c.want, c.class)
			}
		})
	}
}

// TestCommandLines: a value inside a longer line must mean nothing to a shell there.
func TestCommandLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		template, value string
		want            executors.Class // template: refused before dialing; network: it fits, and we went on to dial
	}{
		{"exec [#NEW_PASSWORD#]", "a'; b $(c) | \"d", executors.ClassNetwork},
		{"exec \"set [#NEW_PASSWORD#]\"", "Abc-123_x=%", executors.ClassNetwork},
		{"exec \"set [#NEW_PASSWORD#]\"", "Abc;reboot", executors.ClassTemplate},
		{"exec \"set [#NEW_PASSWORD#]\"", "--help", executors.ClassTemplate},
		{"exec \"set '[#NEW_PASSWORD#]'\"", "a; b $(c) | \"d", executors.ClassNetwork},
		{"exec \"set '[#NEW_PASSWORD#]'\"", "a'; b", executors.ClassTemplate},
		{"exec \"set \\\"[#NEW_PASSWORD#]\\\"\"", "a; b | c", executors.ClassNetwork},
		{"exec \"set \\\"[#NEW_PASSWORD#]\\\"\"", "$(b)", executors.ClassTemplate},
		{"write \"set '\"\nwrite [#NEW_PASSWORD#]\nexec \"'\"", "a'; b", executors.ClassTemplate},
		{"exec [#NEW_PASSWORD#]", strings.Repeat("x", 4096), executors.ClassTemplate},
	} {
		p, err := ssh.New().Compile(c.template)
		if err != nil {
			t.Errorf("%s: %v", c.template, err)
			continue
		}
		s := session(model.Endpoint{Address: "127.0.0.1", Port: 1, HostKeys: []model.HostKey{{Fingerprint: "SHA256:x"}}})
		all := s.Resolve
		s.Resolve = func(n mask.Name) (secret.Value, error) {
			if n == mask.NewPassword {
				return secret.New([]byte(c.value)), nil
			}
			return all(n)
		}
		if outcome, err := p.Run(t.Context(), s); outcome != executors.NotStarted || executortest.ClassOf(err) != c.want {
			t.Errorf("%s with %.20q: %s, %v", c.template, c.value, outcome, err)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"set-ssh-version 1":     "line 1, column 17: SSH protocol version 1 is broken and not offered; expected 2",
		"set-ssh-version 3":     "line 1, column 1: set-ssh-version expects 2",
		"set-read-timeout soon": "line 1, column 1: set-read-timeout expects a number of seconds up to 3600",
		"set-read-timeout 0":    "line 1, column 1: set-read-timeout expects a number of seconds up to 3600",
		"sleep NaN":             "line 1, column 1: sleep expects a number of seconds up to 3600",
		"set-new-line-mode dos": "line 1, column 1: set-new-line-mode expects unix, windows or mac",
		"\n exec ls -l":         "line 2, column 2: exec expects exactly one text, in quotes if it holds spaces",
		"expect \"\"":           "line 1, column 8: expect expects a pattern that is not empty",
		"end now":               "line 1, column 5: end takes no argument",
		"expect-regex \"/(/\"":  "line 1, column 14: expected a regular expression (RE2): error parsing regexp: missing closing ): `(`",
		"run x":                 "line 1, column 1: unknown command \"run\"; expected exec, write, read, expect, expect-regex, no-expect, sleep, end or a set- command",
	} {
		if _, err := ssh.New().Compile(src); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", src, err, want)
		}
	}
	p, err := ssh.New().Compile("exec [#NEW_PASSWORD#]\nend\nexec x")
	if err != nil || len(p.Notices()) != 2 {
		t.Errorf("%v, %v", p, err)
	}
}

// TestCompileRemarksOnTheEnd: what is sent last may never be done, unless it only leaves.
func TestCompileRemarksOnTheEnd(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]int{
		"exec \"push [#A#]\"": 1, "exec x\nend": 1, "exec x\nexpect RC=0": 0, "exec x\nsleep 2": 0, "exec x\nexpect RC=0\nexec exit": 0, "expect x": 0,
	} {
		p, err := ssh.New().Compile(src)
		if err != nil || len(p.Notices()) != want {
			t.Errorf("%q: %v, %q, want %d", src, err, p.Notices(), want)
		}
	}
}

// FuzzCompile: no template makes the compiler panic.
func FuzzCompile(f *testing.F) {
	for _, c := range ssh.Catalogue() {
		f.Add(c.Content)
	}
	f.Add("expect-regex \"/\"\nno-expect \"/i\"\nsleep -1\n expect-regex /[#IP#]/im")
	f.Fuzz(func(t *testing.T, src string) {
		if p, err := ssh.New().Compile(src); err == nil && p == nil {
			t.Fatal("no program and no error")
		}
	})
}

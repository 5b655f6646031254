package telnet_test

import (
	"bufio"
	"bytes"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/telnet"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

const (
	oldPassword = "Old-Pass-1x"
	newPassword = "New-Pass-2y"
)

// peer is the target's side of one conversation, without any knowledge of the protocol.
type peer struct {
	net.Conn
	in *bufio.Reader
}

func (p peer) say(s string) { _, _ = p.Write([]byte(s)) }

// hear reads a line; the commands in it stay.
func (p peer) hear() string {
	s, _ := p.in.ReadString('\n')
	return strings.TrimRight(s, "\r\n")
}

// fake is a server that does what a test says.
func fake(t *testing.T, talk func(peer)) model.Endpoint {
	t.Helper()
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
			wg.Go(func() {
				defer c.Close()
				talk(peer{c, bufio.NewReader(c)})
			})
		}
	})
	return model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(l.Addr().String()), InsecureTLS: true}
}

func session(e model.Endpoint) executors.Session {
	s := executortest.Kit{Target: e}.Session(executortest.Account{Name: "ann", Password: oldPassword}, newPassword)
	s.ConnectTimeout, s.ReadTimeout = 300*time.Millisecond, 300*time.Millisecond
	return s
}

// router asks as network devices do.
func router(after string) func(peer) {
	return func(p peer) {
		p.say("\r\nUser Access Verification\r\n\r\nUsername: ")
		if p.hear() != "ann" {
			return
		}
		p.say("Password: ")
		if p.hear() != oldPassword {
			p.say("\r\n% Login invalid\r\n\r\nUsername: ")
			p.hear()
			return
		}
		p.say(after)
		p.hear()
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, with string
		talk       func(peer)
		ok         bool
		class      executors.Class
	}{
		{"prompt", oldPassword, router("\r\nrouter>"), true, ""},
		{"prompt after a banner", oldPassword, router("\r\nLast failed login: today\r\nThere was 1 failed login attempt\r\nrouter# "), true, ""},
		{"asks again", "other", router(""), false, ""},
		{"another question", oldPassword, router("\r\nYour password has expired.\r\nCurrent password: "), false, executors.ClassProtocol},
		{"a second secret", oldPassword, router("\r\nPASSCODE: "), false, executors.ClassProtocol},
		{"passcode alone, asked again", "other", func(p peer) {
			p.say("Passcode: ")
			p.hear()
			p.say("\r\nPasscode: ")
			p.hear()
		}, false, ""},
		{"silence", oldPassword, router(""), false, executors.ClassTimeout},
		{"password alone", oldPassword, func(p peer) {
			p.say("Password:")
			if p.hear() == oldPassword {
				p.say("\r\nsw1>")
			}
			p.hear()
		}, true, ""},
		{"hangs up", oldPassword, func(p peer) { p.say("Username: ") }, false, executors.ClassNetwork},
		{"no telnet", oldPassword, func(p peer) { p.say("220 mail ready\r\n"); p.hear() }, false, executors.ClassTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ok, err := telnet.New().Verify(t.Context(), session(fake(t, c.talk)), secret.New([]byte(c.with)))
			if ok != c.ok || executortest.ClassOf(err) != c.class || (err != nil) != (c.class != "") {
				t.Errorf("%v, %v; want %v, %q", ok, err, c.ok, c.class)
			}
		})
	}
}

// TestClearTextIsMeant: without the device's word nothing is dialed, for changes and for proofs.
func TestClearTextIsMeant(t *testing.T) {
	t.Parallel()
	s := session(model.Endpoint{Address: "127.0.0.1", Port: 1})
	p, err := telnet.New().Compile("expect x\nexec [#NEW_PASSWORD#]\nexpect y")
	if err != nil {
		t.Fatal(err)
	}
	if outcome, err := p.Run(t.Context(), s); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTLS {
		t.Errorf("change: %s, %v", outcome, err)
	}
	if ok, err := telnet.New().Verify(t.Context(), s, secret.New([]byte("x"))); ok || executortest.ClassOf(err) != executors.ClassTLS {
		t.Errorf("proof: %v, %v", ok, err)
	}
}

// TestDialect plays templates with the words of the contract.
func TestDialect(t *testing.T) {
	t.Parallel()
	change := func(p peer) {
		p.say("\r\nNew secret: ")
		got := p.hear()
		p.say("\r\nstored " + strings.Repeat("*", len(got)) + "\r\nok> ")
		p.hear()
	}
	for _, c := range []struct {
		name, template string
		talk           func(peer)
		want           executors.Outcome
		class          executors.Class
	}{
		{"own prompts", "set-username-prompt \"Who are you?\"\nset-password-prompt \"Prove it\"\nexpect ok>\nend", func(p peer) {
			p.say("Login: none here\r\nWho are you? ")
			if p.hear() != "ann" {
				return
			}
			p.say("Prove it> ")
			p.hear()
		}, executors.NotStarted, executors.ClassTimeout},
		{"own prompts, right", "set-username-prompt \"Who are you?\"\nset-password-prompt \"Prove it>\"\nexpect ok>\nend", func(p peer) {
			p.say("Login: none here\r\nWho are you? ")
			if p.hear() != "ann" {
				return
			}
			p.say("Prove it> ")
			if p.hear() == oldPassword {
				p.say("\r\nok> ")
			}
			p.hear()
		}, executors.Applied, ""},
		{"no login", "set-no-authenticate\nexpect secret:\nexec [#NEW_PASSWORD#]\nexpect \"stored ***********\"\nend", change, executors.Applied, ""},
		{"wrong login", "expect ok>\nexec [#NEW_PASSWORD#]\nexpect ok>", func(p peer) {
			p.say("login: ")
			p.hear()
			p.say("Password: ")
			p.hear()
			p.say("\r\nLogin incorrect\r\nlogin: ")
			p.hear()
		}, executors.NotStarted, executors.ClassAuth},
		{"send and mac line ends", "set-no-authenticate\nset-new-line-mode mac\nexpect secret:\nsend ab\nexec [#NEW_PASSWORD#]\nexpect \"got ab New-Pass-2y\"", func(p peer) {
			p.say("secret:")
			line, _ := p.in.ReadBytes(0)
			if bytes.HasSuffix(line, []byte("\r\x00")) {
				p.say("got ab " + string(line[2:len(line)-2]))
			}
			p.hear()
		}, executors.Applied, ""},
		{"silence after the secret", "set-no-authenticate\nexpect secret:\nexec [#NEW_PASSWORD#]\nexpect never", change, executors.Uncertain, executors.ClassTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := telnet.New().Compile(c.template)
			if err != nil {
				t.Fatal(err)
			}
			outcome, err := p.Run(t.Context(), session(fake(t, c.talk)))
			if outcome != c.want || executortest.ClassOf(err) != c.class {
				t.Errorf("%s, %v; want %s %s", outcome, err, c.want, c.class)
			}
		})
	}
}

// TestTemplateProves: a proof asks as the template does.
func TestTemplateProves(t *testing.T) {
	t.Parallel()
	talk := func(p peer) {
		p.say("Who are you? ")
		p.hear()
		p.say("Prove it: ")
		if p.hear() != oldPassword {
			p.say("\r\nWho are you? ")
			p.hear()
			return
		}
		p.say("\r\n$ ")
		p.hear()
	}
	p, err := telnet.New().Compile("set-username-prompt \"Who are you?\"\nset-password-prompt \"Prove it:\"\nexpect $")
	if err != nil {
		t.Fatal(err)
	}
	v, ok := executors.VerifierOf(telnet.New(), p)
	if !ok {
		t.Fatal("no verifier")
	}
	for with, want := range map[string]bool{oldPassword: true, "other": false} {
		if got, err := v.Verify(t.Context(), session(fake(t, talk)), secret.New([]byte(with))); got != want || err != nil {
			t.Errorf("%s: %v, %v", with, got, err)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"set-no-authenticate x":             "line 1, column 21: set-no-authenticate takes no argument",
		"set-username-prompt \"\"":          "line 1, column 1: set-username-prompt expects the text of the question, without tags",
		"set-password-prompt [#AUTH_USER#]": "line 1, column 1: set-password-prompt expects the text of the question, without tags",
		"write x":                           "line 1, column 1: unknown command \"write\"; expected exec, send, expect, expect-regex, read, no-expect, sleep, end or a set- command",
		"set-ssh-version 2":                 "line 1, column 1: unknown command \"set-ssh-version\"; expected exec, send, expect, expect-regex, read, no-expect, sleep, end or a set- command",
	} {
		if _, err := telnet.New().Compile(src); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", src, err, want)
		}
	}
}

package ssh_test

import (
	"net"
	"strings"
	"testing"

	xssh "golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/ssh"
	"cofre/vault/secret"
)

// TestWordsBeforeTheSecret: what a banner says is no refusal of a secret that has not been sent.
func TestWordsBeforeTheSecret(t *testing.T) {
	t.Parallel()
	p, err := ssh.New().Compile("expect Change:\nexec [#NEW_PASSWORD#]\nexpect done\n")
	if err != nil {
		t.Fatal(err)
	}
	f := fake{cfg: byPassword(), talk: func(say func(string), hear func() string) {
		say("You must choose a better password soon\r\n")
		hear()
	}}
	if outcome, err := p.Run(t.Context(), session(f.serve(t))); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTimeout || !strings.Contains(err.Error(), "Change: did not come") {
		t.Errorf("%s, %v", outcome, err)
	}
}

// TestLongLines: a terminal cuts a line of more than 4,095 bytes without a word, so that none is sent, also where each value of it is shorter.
func TestLongLines(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]executors.Outcome{4095: executors.Applied, 4096: executors.NotStarted} {
		p, err := ssh.New().Compile("exec " + strings.Repeat("x", n) + "\nexpect ok\n")
		if err != nil {
			t.Fatal(err)
		}
		f := fake{cfg: byPassword(), talk: func(say func(string), hear func() string) {
			hear()
			say("ok")
			hear()
		}}
		if outcome, err := p.Run(t.Context(), session(f.serve(t))); outcome != want || err != nil && executortest.ClassOf(err) != executors.ClassTemplate {
			t.Errorf("%d bytes: %s, %v", n, outcome, err)
		}
	}
}

// TestVisibleQuestion: a question whose answer would be shown asks for no password, and gets none; nor do two at once, of which one asks for
// something else.
func TestVisibleQuestion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		questions []string
		shown     []bool
	}{
		{[]string{"Your mother's name: "}, []bool{true}},
		{[]string{"Password: ", "Code: "}, []bool{false, false}},
	} {
		var answers []string
		over := make(chan struct{})
		f := fake{cfg: &xssh.ServerConfig{KeyboardInteractiveCallback: func(_ xssh.ConnMetadata, ask xssh.KeyboardInteractiveChallenge) (*xssh.Permissions, error) {
			defer close(over)
			answers, _ = ask("", "", c.questions, c.shown)
			return nil, net.ErrClosed
		}}}
		in, err := ssh.New().Verify(t.Context(), session(f.serve(t)), secret.New([]byte(oldPassword)))
		<-over
		if in || !executors.IsSpared(err) || len(answers) != 0 || !strings.Contains(err.Error(), "asked for more than a password") {
			t.Errorf("%q: %t, %v, %d answers", c.questions, in, err, len(answers))
		}
	}
}

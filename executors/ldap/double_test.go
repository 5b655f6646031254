package ldap_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/ldap"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// double speaks as much of LDAP as a bind, a search and a change need, over TLS: for answers that a real directory gives in rare
// moments only.
type double struct {
	bind   byte   // the result of every login
	said   string // with it
	change byte   // the result of every change
	mute   byte   // the kind of request that is not answered
}

// start gives a session with it.
func (d double) start(t *testing.T) executors.Session {
	t.Helper()
	s := httptest.NewTLSServer(nil) // for its certificate
	defer s.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	target.Answer(t, l, d.serve)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	e := model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(l.Addr().String()), CA: string(ca)}
	k := executortest.Kit{Target: e, Manager: &executortest.Account{Name: "cn=root,dc=x", Password: "Manager-Pass-1"}, Values: map[mask.Name]string{mask.AddInfo: "dc=x"}}
	return k.Session(executortest.Account{Name: "ann", Password: "Old-Pass-1x"}, "New-Pass-2y")
}

// element writes one of BER.
func element(tag byte, content ...byte) []byte {
	n := len(content)
	if n < 0x80 {
		return append([]byte{tag, byte(n)}, content...)
	}
	return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, content...)
}

// receive reads a message: its number, and the kind of what it asks for.
func receive(c net.Conn) (id []byte, kind byte, err error) {
	head := make([]byte, 2)
	if _, err = io.ReadFull(c, head); err != nil {
		return nil, 0, err
	}
	n := int(head[1])
	if n >= 0x80 {
		size := make([]byte, n-0x80)
		if _, err = io.ReadFull(c, size); err != nil {
			return nil, 0, err
		}
		n = 0
		for _, b := range size {
			n = n<<8 | int(b)
		}
	}
	body := make([]byte, n)
	if _, err = io.ReadFull(c, body); err != nil || n < 4 {
		return nil, 0, io.ErrUnexpectedEOF
	}
	end := 2 + int(body[1])
	return body[:end], body[end], nil
}

func (d double) serve(c net.Conn) {
	for {
		id, kind, err := receive(c)
		if err != nil || kind == 0x42 { // unbind
			return
		}
		answer := func(tag byte, content ...byte) {
			_, _ = c.Write(element(0x30, append(append([]byte(nil), id...), element(tag, content...)...)...))
		}
		result := func(code byte, said string) []byte {
			return append(append([]byte{0x0a, 1, code}, element(0x04)...), element(0x04, []byte(said)...)...)
		}
		switch kind {
		case d.mute:
		case 0x60:
			answer(0x61, result(d.bind, d.said)...)
		case 0x63:
			answer(0x64, append(element(0x04, []byte("uid=ann,dc=x")...), element(0x30)...)...)
			answer(0x65, result(0, "")...)
		case 0x77:
			answer(0x78, result(d.change, "no")...)
		default:
			answer(kind+1, result(d.change, "no")...)
		}
	}
}

// TestAnswersOnDouble: a directory that is busy, or ends an operation, may have made the change; one that may not make it has not.
func TestAnswersOnDouble(t *testing.T) {
	t.Parallel()
	for code, want := range map[byte]executors.Outcome{
		8: executors.Rejected, 10: executors.Rejected, 16: executors.Rejected, 19: executors.Rejected, 20: executors.Rejected, 21: executors.Rejected, 32: executors.Rejected, 48: executors.Rejected, 49: executors.Rejected, 50: executors.Rejected, 53: executors.Rejected, 65: executors.Rejected,
		1: executors.Uncertain, 2: executors.Uncertain, 3: executors.Uncertain, 51: executors.Uncertain, 52: executors.Uncertain, 80: executors.Uncertain, 118: executors.Uncertain,
	} {
		for _, change := range []string{"mod-replace userPassword [#NEW_PASSWORD#]", "password-modify [#NEW_PASSWORD#]"} {
			p, err := ldap.New().Compile("bind cn=root,dc=x\nfind dc=x (uid=[#USERNAME#])\n" + change)
			if err != nil {
				t.Fatal(err)
			}
			if outcome, err := p.Run(t.Context(), double{change: code}.start(t)); outcome != want || want == executors.Rejected && executortest.ClassOf(err) != executors.ClassPolicy {
				t.Errorf("%s, %d: %s, %v; want %s", change, code, outcome, err, want) // also what would be a refused login: AUTH_USER is in
			}
		}
	}
}

// TestLoginsOnDouble: one code says that a name or password is wrong, unless Active Directory says why else it is; who is busy, or wants
// another way to log in, has refused no password.
func TestLoginsOnDouble(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code   byte
		said   string
		wrong  bool
		spared bool
	}{
		{49, "", true, false},
		{49, "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 52e, v3839", true, false},
		{49, "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 530, v3839", false, false},
		{49, "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 531, v3839", false, false},
		{49, "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 532, v3839", false, false},
		{49, "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 533, v3839", false, false},
		{49, "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 701, v3839", false, false},
		{49, "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 773, v3839", false, false},
		{49, "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 775, v3839", false, false},
		{51, "", false, true}, {52, "", false, true}, {8, "", false, true}, {13, "", false, true}, {10, "", false, true},
		{48, "", false, false}, {53, "", false, false}, {80, "", false, false},
	} {
		s := double{bind: c.code, said: c.said + " Proven-Pass-3z"}.start(t)
		known := s.Resolve
		s.Resolve = func(n mask.Name) (secret.Value, error) {
			switch n {
			case mask.AddInfo:
				return secret.Value{}, mask.ErrNoValue
			case mask.Username:
				return secret.New([]byte("uid=ann,dc=x")), nil
			}
			return known(n)
		}
		in, err := ldap.New().Verify(t.Context(), s, secret.New([]byte("Proven-Pass-3z")))
		if in || (err == nil) != c.wrong || executors.IsSpared(err) != c.spared || err != nil && (executortest.Leak(err.Error(), "Proven-Pass-3z") != "" || strings.TrimSpace(err.Error()) == "") {
			t.Errorf("%d %.90s: %v, spared %v: %v", c.code, c.said, in, executors.IsSpared(err), err)
		}
	}
}

// TestSilentBeforeLogin: a server that speaks no TLS, or not now, waits for its client. No login was tried, so none counts as one that failed.
func TestSilentBeforeLogin(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for port, want := range map[uint16]executors.Class{636: executors.ClassTLS, 3269: executors.ClassTLS, 389: executors.ClassTimeout, 3268: executors.ClassTimeout} { // the last two say StartTLS
		s := executortest.Kit{Target: model.Endpoint{Address: "127.0.0.1", Port: port}}.Session(executortest.Account{Name: "cn=ann,dc=x", Password: "Old-Pass-1x"}, "")
		s.ConnectTimeout = 100 * time.Millisecond
		s.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
		}
		if in, err := ldap.New().Verify(t.Context(), s, secret.New([]byte("x"))); in || executortest.ClassOf(err) != want || want == executors.ClassTimeout && !executors.IsSpared(err) {
			t.Errorf("port %d: %v, %v", port, in, err)
		}
	}
}

// TestSilentLater: a directory that says nothing any more is told with what was waited for, and for how long, in a change, a proof and a
// list. A login of which nobody heard may have failed, as whoever it was; a search that finds the account is no login of it.
func TestSilentLater(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mute    byte
		outcome executors.Outcome
		denied  mask.Name
	}{
		"the login":  {0x60, executors.NotStarted, mask.AuthPassword},
		"the search": {0x63, executors.NotStarted, ""},
		"the change": {0x66, executors.Uncertain, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := double{mute: c.mute}.start(t)
			s.ReadTimeout = 300 * time.Millisecond
			judge := func(how string, err error, denied mask.Name, spared bool) {
				t.Helper()
				var f *executors.Failure
				if !errors.As(err, &f) || f.Class != executors.ClassTimeout || f.Denied != denied || f.Spared != spared || !strings.Contains(f.Msg, "wait for the directory: no answer within 300ms") {
					t.Errorf("%s: %v", how, err)
				}
			}
			p, err := ldap.New().Compile("bind [#AUTH_USER#]\nfind dc=x (uid=[#USERNAME#])\nmod-replace userPassword [#NEW_PASSWORD#]")
			if err != nil {
				t.Fatal(err)
			}
			outcome, err := p.Run(t.Context(), s)
			if judge("a change", err, "", false); outcome != c.outcome {
				t.Error(outcome)
			}
			if c.mute == 0x66 {
				return
			}
			in, err := ldap.New().Verify(t.Context(), s, secret.New([]byte("x")))
			if judge("a proof", err, c.denied, c.denied == ""); in {
				t.Error("proven")
			}
			_, _, err = ldap.New().Accounts(t.Context(), s, "a")
			judge("a list", err, c.denied, false)
		})
	}
}

// TestNoStartTLSOnDouble: a directory that offers no StartTLS, or somebody in its place, sees no login: neither in a change nor in a proof,
// whatever the device lets pass.
func TestNoStartTLSOnDouble(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target.Answer(t, l, func(c net.Conn) {
		for {
			id, kind, err := receive(c)
			if err != nil || kind == 0x42 {
				return
			}
			code := byte(0)
			if kind == 0x77 { // the request for TLS, which the protocol knows as an extension
				code = 2
			} else {
				asked.Add(1)
			}
			_, _ = c.Write(element(0x30, append(append([]byte(nil), id...), element(kind+1, append([]byte{0x0a, 1, code}, 4, 0, 4, 0)...)...)...))
		}
	})
	k := executortest.Kit{Target: model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(l.Addr().String()), InsecureTLS: true}, Values: map[mask.Name]string{"IP": "127.0.0.1"}}
	s := k.Session(executortest.Account{Name: "cn=ann,dc=x", Password: "Old-Pass-1x"}, "New-Pass-2y")
	p, err := ldap.New().Compile("connect null \"ldap://[#IP#]\"\nbind [#AUTH_USER#]\nfind [#USERNAME#] (objectClass=*)\nmod-replace userPassword [#NEW_PASSWORD#]")
	if err != nil {
		t.Fatal(err)
	}
	if outcome, err := p.Run(t.Context(), s); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTLS || !executors.IsSpared(err) {
		t.Errorf("a change: %s, %v", outcome, err)
	}
	v, _ := executors.VerifierOf(ldap.New(), p)
	if in, err := v.Verify(t.Context(), s, secret.New([]byte("Old-Pass-1x"))); in || executortest.ClassOf(err) != executors.ClassTLS || !executors.IsSpared(err) {
		t.Errorf("a proof: %t, %v", in, err)
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("%d requests in clear", n)
	}
}

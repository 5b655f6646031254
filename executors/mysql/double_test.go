package mysql_test

import (
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mask"
	"cofre/executors/mysql"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// double speaks as much of the protocol as a login and a statement need, without TLS: for errors that a real server gives in rare
// moments only.
type double struct {
	login  uint16 // the error that every login gets; 0: it passes
	answer uint16 // to every statement but questions
	logins atomic.Int32
}

// start gives a session with it.
func (d *double) start(t *testing.T) executors.Session {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target.Answer(t, l, d.serve)
	e := model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(l.Addr().String()), InsecureTLS: true}
	s := executortest.Kit{Target: e, Manager: &executortest.Account{Name: "root", Password: "Manager-Pass-1"}}.Session(executortest.Account{Name: "ann", Password: "Old-Pass-1x"}, newPassword)
	s.ReadTimeout = 10 * time.Second
	return s
}

const newPassword = "New-Pass-2y"

func (d *double) serve(c net.Conn) {
	defer c.Close()
	d.logins.Add(1)
	greeting := append([]byte("\x0a10.11.0-MariaDB-double\x00\x01\x00\x00\x00saltsalt\x00"), 0x09, 0xa2, 45, 2, 0, 0x0a, 0, 21)
	greeting = append(append(greeting, make([]byte, 10)...), "saltsaltsalt\x00mysql_native_password\x00"...)
	packet := func(n byte, body []byte) {
		_, _ = c.Write(append([]byte{byte(len(body)), byte(len(body) >> 8), 0, n}, body...))
	}
	fails := func(n byte, number uint16, said string) {
		packet(n, append(binary.LittleEndian.AppendUint16([]byte{0xff}, number), "#HY000it says "+said...))
	}
	packet(0, greeting)
	if _, err := take(c); err != nil {
		return
	}
	if d.login != 0 {
		fails(2, d.login, "no to "+provenPassword)
		return
	}
	ok := []byte{0, 0, 0, 2, 0, 0, 0}
	packet(2, ok)
	for {
		asked, err := take(c)
		if err != nil || len(asked) == 0 || asked[0] == 1 {
			return
		}
		sql := string(asked[1:])
		one := func(value string) {
			packet(1, []byte{1})
			packet(2, []byte("\x03def\x00\x00\x00\x01x\x00\x0c\x2d\x00\xff\x00\x00\x00\xfd\x00\x00\x00\x00\x00"))
			packet(3, []byte{0xfe, 0, 0, 2, 0})
			packet(4, append([]byte{byte(len(value))}, value...))
			packet(5, []byte{0xfe, 0, 0, 2, 0})
		}
		switch {
		case asked[0] != 3 || strings.HasPrefix(sql, "SET "):
			packet(1, ok)
		case strings.Contains(sql, "VERSION()"):
			one("10.11.0-MariaDB-double")
		case strings.Contains(sql, "PLUGINS"):
			one("0")
		case d.answer != 0:
			fails(1, d.answer, "no near "+sql)
		default:
			packet(1, ok)
		}
	}
}

func take(c net.Conn) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(c, head); err != nil {
		return nil, err
	}
	body := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	_, err := io.ReadFull(c, body)
	return body, err
}

func twice(password string) []byte {
	once := sha1.Sum([]byte(password)) // the server's own format
	again := sha1.Sum(once[:])
	return again[:]
}

const provenPassword = "Proven-Pass-3z"

// TestAnswersOnDouble: which errors of a statement are a no, and which leave open what became of it. The hash of the new password, which
// the server tells back, is told to nobody.
func TestAnswersOnDouble(t *testing.T) {
	t.Parallel()
	for number, want := range map[uint16]executors.Outcome{
		1396: executors.Rejected, 1064: executors.Rejected, 1045: executors.Rejected, 1227: executors.Rejected, 1819: executors.Rejected,
		1053: executors.Uncertain, 1077: executors.Uncertain, 1105: executors.Uncertain, 1152: executors.Uncertain, 1184: executors.Uncertain, 1927: executors.Uncertain,
		1158: executors.Uncertain, 1159: executors.Uncertain, 1160: executors.Uncertain, 1161: executors.Uncertain, 1180: executors.Uncertain, 1181: executors.Uncertain,
		1317: executors.Uncertain, 1969: executors.Uncertain, 3024: executors.Uncertain, 3169: executors.Uncertain, 1047: executors.Uncertain,
	} {
		s := (&double{answer: number}).start(t)
		p, err := mysql.New().Compile(mysql.Catalogue()[0].Content)
		if err != nil {
			t.Fatal(err)
		}
		outcome, err := p.Run(t.Context(), s)
		class := executors.ClassPolicy
		if want == executors.Uncertain {
			class = executors.ClassNetwork
		}
		if outcome != want || executortest.ClassOf(err) != class {
			t.Errorf("%d: %s, %v; want %s, %s", number, outcome, err, want, class)
		}
		if hash := "*" + strings.ToUpper(fmt.Sprintf("%x", twice(newPassword))); err == nil || !strings.Contains(err.Error(), "it says no near") || executortest.Leak(err.Error(), hash) != "" {
			t.Errorf("%d: the hash of the password shows, or nothing: %v", number, err)
		}
	}
}

// TestLoginsOnDouble: one error says that a password is wrong, one that it is right, and the others say neither.
func TestLoginsOnDouble(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number uint16
		in     bool
		class  executors.Class // "": no error
		spared bool
	}{
		{1862, true, "", false},
		{1045, false, "", false},
		{1698, false, executors.ClassAuth, false},
		{3118, false, executors.ClassAuth, false},
		{4151, false, executors.ClassAuth, false},
		{1044, false, executors.ClassAuth, true},
		{1049, false, executors.ClassPolicy, true},
		{1040, false, executors.ClassNetwork, true},
		{1047, false, executors.ClassNetwork, true},
		{1053, false, executors.ClassNetwork, true},
		{1129, false, executors.ClassNetwork, true},
		{1130, false, executors.ClassNetwork, true},
		{1203, false, executors.ClassNetwork, true},
		{1226, false, executors.ClassNetwork, true},
		{1105, false, executors.ClassNetwork, false},
	} {
		s := (&double{login: c.number}).start(t)
		in, err := mysql.New().Verify(t.Context(), s, secret.New([]byte(provenPassword)))
		if in != c.in || executortest.ClassOf(err) != c.class || executors.IsSpared(err) != c.spared {
			t.Errorf("%d: %v, spared %v: %v", c.number, in, executors.IsSpared(err), err)
		}
		if err != nil && executortest.Leak(err.Error(), provenPassword) != "" {
			t.Errorf("%d: the secret shows: %v", c.number, err)
		}
		p, err := mysql.New().Compile(mysql.Catalogue()[0].Content)
		if err != nil {
			t.Fatal(err)
		}
		outcome, err := p.Run(t.Context(), s)
		if class := executortest.ClassOf(err); outcome != executors.NotStarted || class == executors.ClassPolicy || executors.IsSpared(err) != c.spared {
			t.Errorf("%d, of the manager: %s, %v", c.number, outcome, err)
		}
	}
}

// TestSessionsOnDouble: a manager's session goes on only after statements that leave nothing in it.
func TestSessionsOnDouble(t *testing.T) {
	t.Parallel()
	change := mysql.Catalogue()[0].Content
	for template, logins := range map[string]int32{change: 1, "SET @a = 1;\n" + change: 2} {
		d := &double{}
		s := d.start(t)
		s.Sessions = executors.NewSessions(time.Minute)
		p, err := mysql.New().Compile(template)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if outcome, err := p.Run(t.Context(), s); outcome != executors.Applied {
				t.Error(outcome, err)
			}
		}
		if n := d.logins.Load(); n != logins {
			t.Errorf("%q: %d logins, want %d", template, n, logins)
		}
		s.Sessions.Close()
	}
}

// TestUnsendableOnDouble: a login that the protocol would cut or take for an anonymous one is not made.
func TestUnsendableOnDouble(t *testing.T) {
	t.Parallel()
	d := &double{}
	s := d.start(t)
	if in, err := mysql.New().Verify(t.Context(), s, secret.New([]byte("Nul\x00-Pass-1"))); in || executortest.ClassOf(err) != executors.ClassTemplate || d.logins.Load() != 0 {
		t.Errorf("NUL: %v, %v after %d logins", in, err, d.logins.Load())
	}
	resolve := s.Resolve
	s.Resolve = func(n mask.Name) (secret.Value, error) {
		if n == mask.Username {
			return secret.New(nil), nil
		}
		return resolve(n)
	}
	var f *executors.Failure
	if in, err := mysql.New().Verify(t.Context(), s, secret.New([]byte(provenPassword))); in || !errors.As(err, &f) || f.Class != executors.ClassTemplate || d.logins.Load() != 0 {
		t.Errorf("nobody: %v, %v after %d logins", in, err, d.logins.Load())
	}
}

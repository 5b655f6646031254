package postgres_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/postgres"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// double speaks as much of the protocol as a login and statements need, without TLS: for answers that a real server gives in rare
// moments only.
type double struct {
	login  *pgproto3.ErrorResponse // that every login gets, after it has shown its password; nil: it passes
	answer *pgproto3.ErrorResponse // to statements that change something; they are told back in it
	commit pgproto3.BackendMessage // the answer to COMMIT
}

func (d double) start(t *testing.T) executors.Session {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target.Answer(t, l, d.serve)
	e := model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(l.Addr().String()), InsecureTLS: true}
	s := executortest.Kit{Target: e, Manager: &executortest.Account{Name: "postgres", Password: "Manager-Pass-1"}}.Session(executortest.Account{Name: "ann", Password: "Old-Pass-1x"}, "New-Pass-2y")
	s.ReadTimeout = 10 * time.Second
	return s
}

func (d double) serve(c net.Conn) {
	b := pgproto3.NewBackend(c, c)
	first, err := b.ReceiveStartupMessage()
	if _, asks := first.(*pgproto3.SSLRequest); err != nil || asks {
		_, _ = c.Write([]byte("N")) // no TLS: the client comes again without
		first, err = b.ReceiveStartupMessage()
	}
	if _, logs := first.(*pgproto3.StartupMessage); err != nil || !logs {
		return
	}
	say := func(all ...pgproto3.BackendMessage) bool {
		for _, m := range all {
			b.Send(m)
		}
		return b.Flush() == nil
	}
	say(&pgproto3.AuthenticationCleartextPassword{})
	if err := b.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
		return
	}
	if _, err := b.Receive(); err != nil {
		return
	}
	if d.login != nil {
		say(d.login)
		return
	}
	say(&pgproto3.AuthenticationOk{}, &pgproto3.ReadyForQuery{TxStatus: 'I'})
	for {
		m, err := b.Receive()
		q, asks := m.(*pgproto3.Query)
		if err != nil || !asks {
			return
		}
		answer := pgproto3.BackendMessage(&pgproto3.CommandComplete{CommandTag: []byte(strings.Fields(q.String)[0])})
		switch {
		case strings.HasPrefix(q.String, "SHOW"):
			say(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("x"), DataTypeOID: 25}}}, &pgproto3.DataRow{Values: [][]byte{[]byte("scram-sha-256")}})
		case q.String == "COMMIT" && d.commit != nil:
			answer = d.commit
		case strings.HasPrefix(q.String, "ALTER") && d.answer != nil:
			told := *d.answer
			told.Message = "no near " + q.String
			answer = &told
		}
		if !say(answer, &pgproto3.ReadyForQuery{TxStatus: 'I'}) {
			return
		}
	}
}

func says(severity, code string) *pgproto3.ErrorResponse {
	return &pgproto3.ErrorResponse{Severity: severity, SeverityUnlocalized: severity, Code: code, Message: "it says no"}
}

// TestAnswersOnDouble: a clear no means that nothing was done; what the server itself calls unknown, and what ends the session with the
// statement, does not. The verifier of the new password, which the server tells back, is told to nobody.
func TestAnswersOnDouble(t *testing.T) {
	t.Parallel()
	change := postgres.Catalogue()[0].Content
	two := change + ";\n" + change
	for _, c := range []struct {
		what, template string
		with           double
		outcome        executors.Outcome
	}{
		{"no right", change, double{answer: says("ERROR", "42501")}, executors.Rejected},
		{"not known whether it was done", change, double{answer: says("ERROR", "40003")}, executors.Uncertain},
		{"a connection behind it was lost", change, double{answer: says("ERROR", "08006")}, executors.Uncertain},
		{"the session ended", change, double{answer: says("FATAL", "57P01")}, executors.Uncertain},
		{"the server fell", change, double{answer: says("PANIC", "XX000")}, executors.Uncertain},
		{"the first of two, and the session ended", two, double{answer: says("FATAL", "57P01")}, executors.NotStarted},
		{"committed", two, double{}, executors.Applied},
		{"rolled back instead of committed", two, double{commit: &pgproto3.CommandComplete{CommandTag: []byte("ROLLBACK")}}, executors.Rejected},
		{"refused at the commit", two, double{commit: says("ERROR", "23000")}, executors.Rejected},
		{"not known whether it was committed", two, double{commit: says("ERROR", "40003")}, executors.Uncertain},
		{"the session ended with the commit", two, double{commit: says("FATAL", "57P01")}, executors.Uncertain},
	} {
		p, err := postgres.New().Compile(c.template)
		if err != nil {
			t.Fatal(err)
		}
		s := c.with.start(t)
		rec := executors.NewRecorder()
		s.Trace = rec
		outcome, err := p.Run(t.Context(), s)
		if outcome != c.outcome {
			t.Errorf("%s: %s, %v; want %s", c.what, outcome, err, c.outcome)
		}
		told := ""
		for _, st := range rec.Steps() {
			told += st.Error
		}
		if err != nil {
			told += err.Error()
		}
		if c.with.answer != nil && (!strings.Contains(told, "no near") || strings.Contains(told, "$4096:")) {
			t.Errorf("%s: the verifier shows, or nothing: %s", c.what, told)
		}
	}
}

// TestHintsOnDouble: what the server hints at is told, but not a hint that quotes something, and never a detail.
func TestHintsOnDouble(t *testing.T) {
	t.Parallel()
	p, err := postgres.New().Compile(postgres.Catalogue()[0].Content)
	if err != nil {
		t.Fatal(err)
	}
	for hint, want := range map[string]string{"use a longer one": "hint: use a longer one", `not "x y"`: "42501)"} {
		no := says("ERROR", "42501")
		no.Hint, no.Detail = hint, "row seven"
		_, err := p.Run(t.Context(), double{answer: no}.start(t))
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", hint, err)
		}
	}
}

// TestLoginsOnDouble: a server that ends a login after the password was shown may have refused it, unless it says otherwise: it takes
// nobody more, or is just starting.
func TestLoginsOnDouble(t *testing.T) {
	t.Parallel()
	for code, spared := range map[string]bool{"53300": true, "57P03": true, "3D000": true, "42501": true, "57P01": false, "57014": false, "28P01": false, "XX000": false} {
		s := double{login: says("FATAL", code)}.start(t)
		in, err := postgres.New().Verify(t.Context(), s, secret.New([]byte("Proven-Pass-3z")))
		right := code == "3D000" || code == "42501" // what comes after the password was found right
		if in != right || executors.IsSpared(err) != (spared && !right) || (err == nil) != (right || code == "28P01") {
			t.Errorf("%s: %v, spared %v: %v", code, in, executors.IsSpared(err), err)
		}
	}
}

package postgres_test

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mask"
	"cofre/executors/postgres"
	"cofre/fsm/model"
)

func kit(p *target.Postgres, template string) executortest.Kit {
	return executortest.Kit{
		Executor: postgres.New(), Template: template, Login: p.Login,
		Target:  model.Endpoint{Hostname: "localhost", Address: "127.0.0.1", Port: p.Port(), CA: p.CA()},
		Manager: &executortest.Account{Name: p.AdminUser, Password: p.AdminPassword}, Stays: true,
		Account: func(t testing.TB) executortest.Account {
			name, password := p.AddRole(t)
			return executortest.Account{Name: name, Password: password}
		},
		Hostile: []string{
			`Aa1'; DROP ROLE postgres; --`, `Bb2\'; DROP ROLE postgres; --`, `Cc3"quoted"`, `Dd4$$dollar$$/*`, `Ee5 ação-日本-ß`, `  Ff6 spaces  `, `Gg7%s\n\\`, "Hh8-[#USERNAME#]",
		},
		Unfit: []string{"nul\x00-byte-1A", "not\xff-utf8-1A"},
	}
}

// noSecretInLog is the test of RULES 10: the server's statement log never shows a new password.
func noSecretInLog(t *testing.T, p *target.Postgres, k executortest.Kit) {
	log, err := p.Log()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log, "PASSWORD 'SCRAM-SHA-256$") {
		t.Error("positive control: the statement log shows no ALTER at all")
	}
	for _, s := range k.Hostile {
		for _, form := range []string{s, strings.ReplaceAll(s, "'", "''")} {
			if strings.Contains(log, form) {
				t.Errorf("the server's log shows %q", form)
			}
		}
	}
}

func TestAlterRole(t *testing.T) {
	t.Parallel()
	p := target.PostgreSQL(t)
	k := kit(p, postgres.Catalogue()[0].Content)
	t.Run("one statement", func(t *testing.T) { executortest.Exercise(t, k) })
	noSecretInLog(t, p, k)
}

func TestTransaction(t *testing.T) {
	t.Parallel()
	p := target.PostgreSQL(t)
	if err := p.Exec(`CREATE TABLE changes (role text, at timestamptz DEFAULT now())`); err != nil {
		t.Fatal(err)
	}
	// The role and the table would stand in the way of the next attempt in the same session.
	k := kit(p, "-- several statements\nCREATE TEMPORARY TABLE once (a int);\nINSERT INTO changes (role) VALUES ('[#USERNAME#]');\nALTER ROLE \"[#USERNAME#]\" WITH LOGIN ENCRYPTED PASSWORD '[#NEW_PASSWORD#]';\nSET ROLE pg_monitor;\n")
	executortest.Exercise(t, k)
}

// TestHostileNames changes roles whose names mean something to SQL.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	p := target.PostgreSQL(t)
	k := kit(p, postgres.Catalogue()[0].Content)
	for _, name := range []string{`semi; colon`, `dou"ble`, `sin'gle`, `Upper Case`, `back\slash`, `select`, `日本`} {
		if _, _, err := p.CreateRole(name); err != nil {
			t.Fatal(err)
		}
		fresh := executortest.Fresh()
		if outcome, err := k.Once(t, executortest.Account{Name: name}, fresh); outcome != executors.Applied {
			t.Errorf("%q: %s, %v", name, outcome, err)
		} else if ok, err := p.Login(name, fresh); err != nil || !ok {
			t.Errorf("%q: login %v, %v", name, ok, err)
		}
	}
	// The server would cut this name to that of another role.
	long := strings.Repeat("x", 63)
	if _, _, err := p.CreateRole(long); err != nil {
		t.Fatal(err)
	}
	if outcome, err := k.Once(t, executortest.Account{Name: long + "y"}, executortest.Fresh()); outcome != executors.NotStarted {
		t.Errorf("a name that is too long: %s, %v", outcome, err)
	}
}

func TestServerRefuses(t *testing.T) {
	t.Parallel()
	p := target.PostgreSQL(t)
	k := kit(p, postgres.Catalogue()[0].Content)
	outcome, err := k.Once(t, executortest.Account{Name: "no such role"}, executortest.Fresh())
	if outcome != executors.Rejected || executortest.ClassOf(err) != executors.ClassPolicy || !strings.Contains(err.Error(), "42704") {
		t.Errorf("%s, %v", outcome, err)
	}
	// A role without rights cannot change another one.
	name, password := p.AddRole(t)
	k.Manager = &executortest.Account{Name: name, Password: password}
	outcome, err = k.Once(t, executortest.Account{Name: p.AdminUser}, executortest.Fresh())
	if outcome != executors.Rejected || !strings.Contains(err.Error(), "42501") {
		t.Errorf("%s, %v", outcome, err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	p := target.PostgreSQL(t)
	name, password := p.AddRole(t)
	for _, c := range []struct {
		name   string
		change func(*model.Endpoint)
		want   executors.Outcome
		class  executors.Class
	}{
		{"own CA", func(*model.Endpoint) {}, executors.Applied, ""},
		{"unknown CA", func(e *model.Endpoint) { e.CA = "" }, executors.NotStarted, executors.ClassTLS},
		{"other name", func(e *model.Endpoint) { e.Hostname = "db.example" }, executors.NotStarted, executors.ClassTLS},
		{"opt-out", func(e *model.Endpoint) { e.CA, e.InsecureTLS = "", true }, executors.Applied, ""},
	} {
		k := kit(p, postgres.Catalogue()[0].Content)
		c.change(&k.Target)
		outcome, err := k.Once(t, executortest.Account{Name: name, Password: password}, executortest.Fresh())
		if outcome != c.want || executortest.ClassOf(err) != c.class {
			t.Errorf("%s: %s, %v", c.name, outcome, err)
		}
	}
	for _, c := range []struct {
		insecure bool
		want     executors.Outcome
		class    executors.Class
	}{{false, executors.NotStarted, executors.ClassTLS}, {true, executors.Applied, ""}} {
		k := kit(p, postgres.Catalogue()[0].Content)
		k.Target.Port, k.Target.InsecureTLS = withoutTLS(t, p.Addr()), c.insecure
		outcome, err := k.Once(t, executortest.Account{Name: name, Password: password}, executortest.Fresh())
		if outcome != c.want || executortest.ClassOf(err) != c.class {
			t.Errorf("no TLS on offer, opt-out %v: %s, %v", c.insecure, outcome, err)
		}
	}
}

// withoutTLS is a front of a server that says no to TLS, as PostgreSQL does when it has no certificate.
func withoutTLS(t *testing.T, backend string) uint16 {
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
			wg.Go(func() { front(c, backend) })
		}
	})
	return target.PortOf(l.Addr().String())
}

func front(c net.Conn, backend string) {
	defer c.Close()
	first := make([]byte, 8)
	if _, err := io.ReadFull(c, first); err != nil {
		return
	}
	if binary.BigEndian.Uint32(first[4:]) == 80877103 { // SSLRequest
		_, _ = c.Write([]byte("N"))
		return
	}
	server, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	defer server.Close()
	if _, err := server.Write(first); err != nil {
		return
	}
	go func() { _, _ = io.Copy(server, c); _ = server.Close() }()
	_, _ = io.Copy(c, server)
}

// named finds a template of the catalogue.
func named(t *testing.T, name string) string {
	t.Helper()
	for _, e := range postgres.Catalogue() {
		if e.Name == name {
			return e.Content
		}
	}
	t.Fatalf("no catalogue template %q", name)
	return ""
}

// Dynamic users: made, proven by a login, removed with their sessions, proven gone.
func TestRolesComeAndGo(t *testing.T) {
	t.Parallel()
	p := target.PostgreSQL(t)
	k := kit(p, "")
	executortest.Live(t, k, executortest.Life{Create: named(t, "PostgreSQL create role"), Remove: named(t, "PostgreSQL drop role"), Hostile: k.Hostile})
	executortest.Live(t, k, executortest.Life{ // twice: the second time the role is there
		Create: strings.Repeat(named(t, "PostgreSQL create role for a session"), 2), Remove: named(t, "PostgreSQL remove role after a session")})
	noSecretInLog(t, p, k)
}

// TestLock: a role that is locked keeps its password but opens no session, and those that are open end; unlocking brings it back.
// Each is done twice: the second time there is nothing to do.
func TestLock(t *testing.T) {
	t.Parallel()
	p := target.PostgreSQL(t)
	k := kit(p, "")
	acc := k.Account(t)
	open, err := pgconn.Connect(t.Context(), "postgres://"+acc.Name+":"+acc.Password+"@"+p.Addr()+"/postgres?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	if err := open.Exec(t.Context(), "SELECT 1").Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		template string
		in       bool
	}{{"PostgreSQL lock role", false}, {"PostgreSQL lock role", false}, {"PostgreSQL unlock role", true}, {"PostgreSQL unlock role", true}} {
		k.Template = named(t, c.template)
		if outcome, err := k.Once(t, acc, "unused-1"); outcome != executors.Applied {
			t.Fatalf("%s: %s, %v", c.template, outcome, err)
		}
		in, err := p.Login(acc.Name, acc.Password)
		if in != c.in || !in && !strings.Contains(err.Error(), "28000") {
			t.Errorf("%s: logs in %t, %v", c.template, in, err)
		}
	}
	if err := open.Exec(t.Context(), "SELECT 1").Close(); err == nil {
		t.Error("the session that was open when the role was locked goes on")
	}
}

// TestLiteralsOfAnOldServer: where the server's default takes backslashes in literals for escapes, values arrive as they are all the same.
func TestLiteralsOfAnOldServer(t *testing.T) {
	t.Parallel()
	p := target.PostgreSQL(t)
	name, password := p.AddRole(t)
	if err := p.Exec(`ALTER ROLE "` + name + `" SET standard_conforming_strings = off`); err != nil {
		t.Fatal(err)
	}
	k := kit(p, `SELECT 1 / (CASE WHEN '[#SERVER_PATH#]' = concat(chr(92), chr(39), '; x') THEN 1 ELSE 0 END), '[#NEW_PASSWORD#]'`)
	k.Manager, k.Values = &executortest.Account{Name: name, Password: password}, map[mask.Name]string{"SERVER_PATH": `\'; x`}
	if outcome, err := k.Once(t, executortest.Account{Name: name, Password: password}, executortest.Fresh()); outcome != executors.Applied {
		t.Errorf("%s, %v", outcome, err)
	}
}

// TestSessionThatIsEnded: a server that ends the session in the middle of a statement has said nothing about the statement.
func TestSessionThatIsEnded(t *testing.T) {
	t.Parallel()
	p := target.PostgreSQL(t)
	name, password := p.AddRole(t)
	k := kit(p, "SELECT pg_terminate_backend(pg_backend_pid()), '[#NEW_PASSWORD#]'")
	k.Manager = &executortest.Account{Name: name, Password: password}
	if outcome, err := k.Once(t, executortest.Account{Name: name, Password: password}, executortest.Fresh()); outcome != executors.Uncertain || executortest.ClassOf(err) != executors.ClassNetwork {
		t.Errorf("%s, %v", outcome, err)
	}
}

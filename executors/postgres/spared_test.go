package postgres_test

import (
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mask"
	"cofre/executors/postgres"
	"cofre/vault/secret"
)

// TestSparedLogins: only a refused password is a failing login. A server that takes nobody more, from here, or for that database, has
// refused none, and neither has one that let us in before.
func TestSparedLogins(t *testing.T) {
	t.Parallel()
	p := target.PostgreSQL(t)
	name, password := p.AddRole(t)
	const hba = `DO $$ BEGIN EXECUTE format('COPY (SELECT %L) TO %L', 'hostssl all postgres 127.0.0.1/32 scram-sha-256', current_setting('hba_file')); PERFORM pg_reload_conf(); END $$`
	for _, c := range []struct {
		what, before string
		as, database string
		password     string
		class        executors.Class
		spared       bool
	}{
		{"a wrong password", "", name, "", "Wrong-Pass-1", executors.ClassAuth, false},
		{"a database that is not there", "", name, "nowhere", password, executors.ClassProtocol, true},
		{"too many connections", `ALTER ROLE "` + name + `" CONNECTION LIMIT 0`, name, "", password, executors.ClassNetwork, true},
		{"a role that may not log in", `ALTER ROLE "` + name + `" NOLOGIN`, name, "", password, executors.ClassAuth, true},
		{"no entry in pg_hba.conf", hba, name, "", password, executors.ClassNetwork, true},
	} {
		if c.before != "" {
			if err := p.Exec(c.before); err != nil {
				t.Fatal(c.what, err)
			}
		}
		k := kit(p, postgres.Catalogue()[0].Content)
		k.Manager = &executortest.Account{Name: c.as, Password: c.password}
		k.Values = map[mask.Name]string{"ADD_INFO": c.database}
		entered := false
		s := k.Session(executortest.Account{Name: "whoever"}, "New-Pass-2y")
		s.Entered = func() { entered = true }
		program, err := postgres.New().Compile(k.Template)
		if err != nil {
			t.Fatal(err)
		}
		outcome, err := program.Run(t.Context(), s)
		for tries := 0; c.before == hba && tries < 50 && executortest.ClassOf(err) != c.class; tries++ { // it is read again in the server's own time
			time.Sleep(100 * time.Millisecond)
			outcome, err = program.Run(t.Context(), s)
		}
		if outcome != executors.NotStarted || executortest.ClassOf(err) != c.class || executors.IsSpared(err) != c.spared || entered {
			t.Errorf("%s: %s, spared %v, entered %v: %v", c.what, outcome, executors.IsSpared(err), entered, err)
		}
		if c.database != "" || c.password != password {
			continue // as a proof, the first is in force, the other is not
		}
		s = k.Session(executortest.Account{Name: c.as}, "")
		if in, err := postgres.New().Verify(t.Context(), s, secret.New([]byte(password))); in || err == nil || !executors.IsSpared(err) {
			t.Errorf("%s, as a proof: %v, %v", c.what, in, err)
		}
	}
	k := kit(p, "SELECT '"+strings.Repeat("x", 8)+"' FROM nowhere_at_all WHERE a = '[#NEW_PASSWORD#]'")
	entered := false
	s := k.Session(executortest.Account{Name: name}, "New-Pass-2y")
	s.Entered = func() { entered = true }
	program, err := postgres.New().Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := program.Run(t.Context(), s); err == nil || !entered {
		t.Errorf("a statement that fails: entered %v, %v", entered, err)
	}
}

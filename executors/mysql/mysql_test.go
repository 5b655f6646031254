package mysql_test

import (
	"context"
	"strings"
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

func kit(m *target.Maria, template string) executortest.Kit {
	return executortest.Kit{
		Executor: mysql.New(), Template: template, Login: m.Login,
		Target:  model.Endpoint{Hostname: "localhost", Address: "127.0.0.1", Port: m.Port(), CA: m.CA()},
		Manager: &executortest.Account{Name: m.AdminUser, Password: m.AdminPassword}, Stays: true,
		Account: func(t testing.TB) executortest.Account {
			name, password := m.AddUser(t)
			return executortest.Account{Name: name, Password: password}
		},
		Hostile: []string{
			`Aa1'; DROP USER root@localhost; -- `, `Bb2\'; DROP USER root@localhost; # `, `Cc3"quoted"` + "`tick`", `Dd4/*!99999 x */`, `Ee5 ação-日本-ß-😀`, `  Ff6 spaces  `,
			`Gg7%s\n\\$(id)`, "Hh8-[#USERNAME#]", "Ii9-line\nbreak\r\ttab\x1a", `Jj0-ends-with\`, strings.Repeat(`Kk1'\"`, 42) + "Kk1+",
		},
		Unfit: []string{"nul\x00-byte-1A", "not\xff-utf8-1A", ""},
	}
}

// noSecretInLog is the test of RULES 10: the server's statement log never shows a new password.
func noSecretInLog(t *testing.T, m *target.Maria, k executortest.Kit) {
	log, err := m.Log()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log, "IDENTIFIED BY PASSWORD '*") {
		t.Error("positive control: the statement log shows no change at all")
	}
	for _, s := range k.Hostile {
		for _, form := range []string{s, strings.NewReplacer(`'`, `''`, `\`, `\\`).Replace(s)} {
			if strings.Contains(log, form) {
				t.Errorf("the server's log shows %q", form)
			}
		}
	}
}

func TestAlterUser(t *testing.T) {
	t.Parallel()
	m := target.MariaDB(t)
	k := kit(m, mysql.Catalogue()[0].Content)
	t.Run("catalogue", func(t *testing.T) { executortest.Exercise(t, k) })
	noSecretInLog(t, m, k)
	// Positive control: clear text does stand in the log where the template sends it.
	k.Template = "SET PASSWORD FOR '[#USERNAME#]'@'%' = PASSWORD('[#NEW_PASSWORD#]')"
	fresh := executortest.Fresh()
	if outcome, err := k.Once(t, k.Account(t), fresh); outcome != executors.Applied {
		t.Fatalf("%s, %v", outcome, err)
	}
	if log, err := m.Log(); err != nil || !strings.Contains(log, fresh) {
		t.Errorf("the log does not show what a template sends in clear text (%v): the search proves nothing", err)
	}
}

// TestCheckedPasswords: a server that judges new passwords gets them as clear text, escaped.
func TestCheckedPasswords(t *testing.T) {
	t.Parallel()
	m := target.MariaDB(t, "--plugin-load-add=simple_password_check")
	k := kit(m, "ALTER USER [#USERNAME#]@`%` IDENTIFIED BY '[#NEW_PASSWORD#]'; FLUSH PRIVILEGES;")
	k.Rejected = "weakpw"
	executortest.Exercise(t, k)
	// The server names the rule to who asks for it, and says no more than that ALTER USER failed else.
	if outcome, err := k.Once(t, k.Account(t), k.Rejected); outcome != executors.Rejected || err == nil || !strings.Contains(err.Error(), "Too short password") {
		t.Errorf("%s, %v", outcome, err)
	}
}

func TestSetPassword(t *testing.T) {
	t.Parallel()
	m := target.MariaDB(t)
	executortest.Exercise(t, kit(m, "-- double quotes are literals\nSET PASSWORD FOR \"[#USERNAME#]\"@'%' = PASSWORD(\"[#NEW_PASSWORD#]\")"))
}

// TestProcessList holds the server's statement and looks at it as another session would.
func TestProcessList(t *testing.T) {
	t.Parallel()
	m := target.MariaDB(t)
	k, fresh := kit(m, mysql.Catalogue()[0].Content), executortest.Fresh()
	acc := k.Account(t)
	lock, err := m.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := lock.ExecContext(t.Context(), "FLUSH TABLES WITH READ LOCK"); err != nil {
		t.Fatal(err)
	}
	done := make(chan executors.Outcome, 1)
	go func() { outcome, _ := k.Once(t, acc, fresh); done <- outcome }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var shown string
	for shown == "" {
		if err := lock.QueryRowContext(ctx, "SELECT COALESCE(MAX(INFO), '') FROM information_schema.PROCESSLIST WHERE INFO LIKE 'ALTER USER%'").Scan(&shown); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := lock.ExecContext(t.Context(), "UNLOCK TABLES"); err != nil {
		t.Fatal(err)
	}
	if outcome := <-done; outcome != executors.Applied {
		t.Errorf("outcome %s", outcome)
	}
	if !strings.Contains(shown, "PASSWORD '*") || strings.Contains(shown, fresh) {
		t.Error("the process list does not show a hash, or shows the password")
	}
}

// TestHostileNames changes accounts whose names mean something to SQL, next to one that must stay as it is.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	m := target.MariaDB(t)
	k := kit(m, mysql.Catalogue()[0].Content)
	ann, old, err := m.CreateUser("ann", "%")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`semi; colon`, `dou"ble`, `sin'gle`, `ann'@'%`, "tick`s", `back\slash`, `select`, `日本`, `per%cent_`} {
		if _, _, err := m.CreateUser(name, "%"); err != nil {
			t.Fatal(err)
		}
		for _, k.Template = range []string{mysql.Catalogue()[0].Content, "ALTER USER [#USERNAME#]@`%` IDENTIFIED BY \"[#NEW_PASSWORD#]\""} {
			fresh := executortest.Fresh()
			if outcome, err := k.Once(t, executortest.Account{Name: name, Password: "unused"}, fresh); outcome != executors.Applied {
				t.Errorf("%q: %s, %v", name, outcome, err)
			} else if ok, err := m.Login(name, fresh); err != nil || !ok {
				t.Errorf("%q: login %v, %v", name, ok, err)
			}
		}
	}
	// Names that the server would take for another one, or for none, are refused before dialing.
	for _, name := range []string{"ann ", "", "ann😀"} {
		if outcome, err := k.Once(t, executortest.Account{Name: name, Password: "unused"}, executortest.Fresh()); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTemplate {
			t.Errorf("%q: %s, %v", name, outcome, err)
		}
	}
	if ok, err := m.Login(ann, old); err != nil || !ok {
		t.Errorf("another account was changed: %v, %v", ok, err)
	}
}

func TestServerRefuses(t *testing.T) {
	t.Parallel()
	m := target.MariaDB(t)
	k := kit(m, mysql.Catalogue()[0].Content)
	for _, name := range []string{"no such user", strings.Repeat("x", 200)} {
		outcome, err := k.Once(t, executortest.Account{Name: name, Password: "unused"}, executortest.Fresh())
		if outcome != executors.Rejected || executortest.ClassOf(err) != executors.ClassPolicy {
			t.Errorf("%.20s: %s, %v", name, outcome, err)
		}
	}
	acc := k.Account(t)
	// Of a list the server changes the first and refuses the second: no clear no.
	k.Template = "ALTER USER '[#USERNAME#]'@'%' IDENTIFIED BY '[#NEW_PASSWORD#]', 'nobody-here'@'%' IDENTIFIED BY '[#NEW_PASSWORD#]'"
	fresh := executortest.Fresh()
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.Uncertain {
		t.Errorf("list: %s, %v", outcome, err)
	}
	if ok, err := m.Login(acc.Name, fresh); err != nil || !ok {
		t.Errorf("positive control: the list changed nothing: %v, %v", ok, err)
	}
	// Neither is a refusal after a statement that had its effect.
	k.Template = "ALTER USER '[#USERNAME#]'@'%' IDENTIFIED BY '[#NEW_PASSWORD#]'; NO SUCH THING"
	if outcome, err := k.Once(t, acc, executortest.Fresh()); outcome != executors.Uncertain || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("second statement: %s, %v", outcome, err)
	}
	// An account without rights cannot change another one.
	name, password := m.AddUser(t)
	k = kit(m, mysql.Catalogue()[0].Content)
	k.Manager = &executortest.Account{Name: name, Password: password}
	outcome, err := k.Once(t, acc, executortest.Fresh())
	if outcome != executors.Rejected || executortest.ClassOf(err) != executors.ClassPolicy {
		t.Errorf("no rights: %s, %v", outcome, err)
	}
}

// TestHost changes an account at the host that the additional information names.
func TestHost(t *testing.T) {
	t.Parallel()
	m := target.MariaDB(t)
	k := kit(m, mysql.Catalogue()[0].Content)
	p, err := k.Executor.Compile(mysql.Catalogue()[1].Content)
	if err != nil {
		t.Fatal(err)
	}
	name, old, err := m.CreateUser("bob", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	fresh := executortest.Fresh()
	s := k.Session(executortest.Account{Name: name, Password: old}, fresh)
	all := s.Resolve
	s.Resolve = func(n mask.Name) (secret.Value, error) {
		if n == mask.AddInfo {
			return secret.New([]byte("127.0.0.1")), nil
		}
		return all(n)
	}
	if outcome, err := p.Run(t.Context(), s); outcome != executors.Applied {
		t.Fatalf("%s, %v", outcome, err)
	}
	if ok, err := m.Login(name, fresh); err != nil || !ok {
		t.Errorf("login %v, %v", ok, err)
	}
	executortest.Ran(mysql.Catalogue()[1].Content)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	m, plain := target.MariaDB(t), target.MariaDB(t, "--skip-ssl")
	for _, c := range []struct {
		name   string
		server *target.Maria
		change func(*model.Endpoint)
		want   executors.Outcome
		class  executors.Class
	}{
		{"own CA", m, func(*model.Endpoint) {}, executors.Applied, ""},
		{"unknown CA", m, func(e *model.Endpoint) { e.CA = "" }, executors.NotStarted, executors.ClassTLS},
		{"other name", m, func(e *model.Endpoint) { e.Hostname = "db.example" }, executors.NotStarted, executors.ClassTLS},
		{"opt-out", m, func(e *model.Endpoint) { e.CA, e.InsecureTLS = "", true }, executors.Applied, ""},
		{"no TLS on offer", plain, func(*model.Endpoint) {}, executors.NotStarted, executors.ClassTLS},
		{"no TLS on offer, opt-out", plain, func(e *model.Endpoint) { e.InsecureTLS = true }, executors.Applied, ""},
	} {
		k := kit(c.server, mysql.Catalogue()[0].Content)
		c.change(&k.Target)
		outcome, err := k.Once(t, k.Account(t), executortest.Fresh())
		if outcome != c.want || executortest.ClassOf(err) != c.class {
			t.Errorf("%s: %s, %v", c.name, outcome, err)
		}
	}
}

// Dynamic users: made, proven by a login, removed with their sessions, proven gone.
func TestUsersComeAndGo(t *testing.T) {
	t.Parallel()
	m := target.MariaDB(t)
	if _, err := m.DB().ExecContext(t.Context(), "CREATE ROLE readers"); err != nil {
		t.Fatal(err)
	}
	templates := map[string]string{}
	for _, e := range mysql.Catalogue() {
		templates[e.Name] = e.Content
	}
	k := kit(m, "")
	executortest.Live(t, k, executortest.Life{Create: templates["MariaDB create user"], Remove: templates["MariaDB drop user"], Hostile: k.Hostile})
	executortest.Live(t, k, executortest.Life{Create: templates["MariaDB create user with a role"], Remove: templates["MariaDB drop user"], Additional: "readers"})
}

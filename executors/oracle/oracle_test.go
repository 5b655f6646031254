package oracle_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/mask"
	"cofre/executors/oracle"
	"cofre/vault/secret"
)

var theExecutor = oracle.New()

var (
	hostile = []string{"Aa1-'; DROP USER sys; --", "Bb2-$(reboot) \\ [x] %s :b &c", "Cc3 [#USERNAME#] /* x", strings.Repeat("Long-7", 5)}
	unfit   = []string{`quote"-1A-xyz`, "nul\x00-byte-1A", "line\nbreak-1A", "ação-1A-long", "not\xff-utf8-1A", strings.Repeat("long", 257), ""}
)

func template(t *testing.T, name string) string {
	t.Helper()
	for _, e := range oracle.Catalogue() {
		if e.Name == name {
			return e.Content
		}
	}
	t.Fatalf("no catalogue template %q", name)
	return ""
}

func TestAlterUserOnDouble(t *testing.T) {
	t.Parallel()
	k := serve(t).kit()
	k.Template, k.Hostile, k.Unfit, k.Rejected = template(t, "Oracle user"), hostile, unfit, "short"
	executortest.Exercise(t, k)
}

func TestAlterOwnUserOnDouble(t *testing.T) {
	t.Parallel()
	k := serve(t).kit()
	k.Manager, k.Template, k.Hostile, k.Unfit, k.Rejected = nil, template(t, "Oracle user, by itself"), hostile, unfit, "short"
	k.Opening = 11 // the other kit cuts the logon
	executortest.Exercise(t, k)
}

// TestConnOnDouble: the line CONN says who logs in, as in the vendor's example.
func TestConnOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	k, acc := d.kit(), d.add(t)
	k.Manager = &executortest.Account{Name: admin, Password: "not-in-force-1"}
	k.Template = "CONN [#USERNAME#]@[#ADD_INFO#]\nALTER USER [#USERNAME#] IDENTIFIED BY [#NEW_PASSWORD#]"
	if outcome, err := k.Once(t, acc, executortest.Fresh()); outcome != executors.Rejected || !strings.Contains(err.Error(), "ORA-28221") {
		t.Error("without its old password:", outcome, err)
	}
	k.Template += " REPLACE [#CURRENT_PASSWORD#]"
	fresh := executortest.Fresh()
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
		t.Error(outcome, err)
	}
	if ok, _ := d.login(acc.Name, fresh); !ok {
		t.Error("the new password is not in force")
	}
}

// TestPlainOnDouble: a listener without TLS, with the device's opt-out.
func TestPlainOnDouble(t *testing.T) {
	t.Parallel()
	d := listen(t, nil)
	k := d.kit()
	k.Template = template(t, "Oracle user")
	acc, fresh := d.add(t), executortest.Fresh()
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
		t.Fatal(outcome, err)
	}
	if ok, _ := d.login(acc.Name, fresh); !ok {
		t.Error("the new password is not in force")
	}
	k.Target.InsecureTLS = false
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTLS {
		t.Error("without the opt-out:", outcome, err)
	}
	k.Target.InsecureTLS, k.Target.Protocol = true, "ORACLE"
	p, err := k.Executor.Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	silent := k.Session(acc, fresh)
	silent.ConnectTimeout = time.Second // such a listener says nothing
	if outcome, err := p.Run(t.Context(), silent); outcome != executors.NotStarted || executortest.ClassOf(err) == "" {
		t.Error("TLS to a listener without it:", outcome, err)
	}
}

// proves asks the executor whether a secret is in force.
func proves(t *testing.T, k executortest.Kit, a executortest.Account) (bool, error) {
	t.Helper()
	return oracle.New().Verify(t.Context(), k.Session(a, ""), secret.New([]byte(a.Password)))
}

// TestLoginsThatCannotBeToldOnDouble: a locked or expired account, or one without the right to log in, is no statement about the
// password; a name that is not there is.
func TestLoginsThatCannotBeToldOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	for what, change := range map[string]func(*user){
		"ORA-28000": func(u *user) { u.locked = true },
		"ORA-28001": func(u *user) { u.expired = true },
		"ORA-01045": func(u *user) { u.session = false },
	} {
		acc := executortest.Account{Name: "u_" + what[4:], Password: executortest.Fresh()}
		d.mu.Lock()
		d.users[fold(acc.Name)] = &user{password: acc.Password, session: true}
		d.mu.Unlock()
		if ok, err := proves(t, d.kit(), acc); !ok || err != nil {
			t.Errorf("before %s: %v, %v", what, ok, err)
		}
		d.set(acc.Name, change)
		d.told = " " + acc.Password
		if ok, err := proves(t, d.kit(), acc); ok || executortest.ClassOf(err) != executors.ClassAuth || !strings.Contains(err.Error(), what) || executortest.Leak(err.Error(), acc.Password) != "" {
			t.Errorf("%s: %v, %v", what, ok, err)
		}
		d.told = ""
	}
	if ok, err := proves(t, d.kit(), executortest.Account{Name: "nobody", Password: "Some-pass-1"}); ok || err != nil {
		t.Errorf("nobody: %v, %v", ok, err)
	}
	if ok, err := proves(t, d.kit(), executortest.Account{Name: "sys", Password: adminPassword}); !ok || err != nil {
		t.Errorf("SYS, as SYSDBA: %v, %v", ok, err)
	}
}

func TestLockOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	k, acc := d.kit(), d.add(t)
	for _, step := range []struct {
		template string
		open     bool
	}{{"Oracle lock user", false}, {"Oracle lock user", false}, {"Oracle unlock user", true}, {"Oracle lock user", false}, {"Oracle user, unlocking it", true}} {
		k.Template = template(t, step.template)
		fresh := executortest.Fresh()
		if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
			t.Fatal(step.template, outcome, err)
		}
		if strings.Contains(k.Template, "NEW_PASSWORD") {
			acc.Password = fresh
		}
		if ok, err := proves(t, k, acc); ok != step.open || (err == nil) != step.open {
			t.Errorf("%s: %v, %v", step.template, ok, err)
		}
	}
}

// TestUsersComeAndGoOnDouble: dynamic users, as far as the double knows the statements.
func TestUsersComeAndGoOnDouble(t *testing.T) {
	t.Parallel()
	for create, remove := range map[string]string{
		"Oracle create user":               "Oracle drop user",
		"Oracle create user for a session": "Oracle remove user after a session",
	} {
		executortest.Live(t, serve(t).kit(), executortest.Life{Create: template(t, create), Remove: template(t, remove), Additional: service, Hostile: hostile[:2]})
	}
}

// TestAccountsOnDouble: all rows are asked for, and names come as a login takes them.
func TestAccountsOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	for _, name := range []string{"APP_1", "APP_2", "APP_3", "APP_4", "APP_5", "APP_6", "App_7", "app 8", "APPLE", "OTHER"} {
		d.users[name] = &user{password: "Some-pass-1"}
	}
	k := d.kit()
	for prefix, want := range map[string]string{
		"app_": `["\"App_7\"" "app_1" "app_2" "app_3" "app_4" "app_5" "app_6"]`,
		"APP ": `["app 8"]`,
		"x'y":  `[]`,
	} {
		names, more, err := theExecutor.Accounts(t.Context(), k.Session(*k.Manager, ""), prefix)
		if slices.Sort(names); err != nil || more || fmt.Sprintf("%q", names) != want {
			t.Errorf("%s: %q, %t, %v; want %s", prefix, names, more, err, want)
		}
	}
	k.Manager.Password = "Wrong-pass-1"
	if _, _, err := theExecutor.Accounts(t.Context(), k.Session(*k.Manager, ""), "app_"); executortest.ClassOf(err) != executors.ClassAuth {
		t.Error(err)
	}
}

// TestDropOnDouble: a user with an open session, or with objects, stays, unless the template says otherwise.
func TestDropOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	k, acc := d.kit(), executortest.Account{Name: "app_1", Password: executortest.Fresh()}
	d.users["APP_1"] = &user{password: acc.Password, session: true}
	here, there := net.Pipe()
	defer here.Close()
	leave := d.enter("APP_1", there)
	k.Template = template(t, "Oracle drop user")
	if outcome, err := k.Once(t, acc, "Unused-pass-1"); outcome != executors.Rejected || !strings.Contains(err.Error(), "ORA-01940") {
		t.Error("with a session:", outcome, err)
	}
	k.Template = template(t, "Oracle drop user, ending its sessions")
	d.set("app_1", func(u *user) { u.owns = true })
	if outcome, err := k.Once(t, acc, "Unused-pass-1"); outcome != executors.Uncertain || !strings.Contains(err.Error(), "ORA-01922") {
		t.Error("with objects:", outcome, err)
	}
	if _, err := here.Read(make([]byte, 1)); err == nil {
		t.Error("the session goes on")
	}
	leave()
	d.set("app_1", func(u *user) { u.owns = false })
	if outcome, err := k.Once(t, acc, "Unused-pass-1"); outcome != executors.Applied || d.users["APP_1"] != nil {
		t.Error("without:", outcome, err)
	}
}

func TestCertificateIsVerifiedOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	k, acc := d.kit(), d.add(t)
	k.Target.CA = ""
	if ok, err := proves(t, k, acc); ok || executortest.ClassOf(err) != executors.ClassTLS {
		t.Errorf("%v, %v", ok, err)
	}
	k.Target.CA, k.Target.Hostname = d.ca, "other.test"
	if ok, err := proves(t, k, acc); ok || executortest.ClassOf(err) != executors.ClassTLS {
		t.Errorf("another name: %v, %v", ok, err)
	}
	k.Target.Hostname = "example.com" // which is in the certificate
	if ok, err := proves(t, k, acc); !ok || err != nil {
		t.Errorf("the name of the certificate: %v, %v", ok, err)
	}
	k.Target.CA, k.Target.Hostname, k.Target.InsecureTLS = "", "", true
	if ok, err := proves(t, k, acc); !ok || err != nil {
		t.Errorf("with the opt-out: %v, %v", ok, err)
	}
}

// TestServicesOnDouble: the database is named by the template or by the credential; nothing else gets into the descriptor.
func TestServicesOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	k, acc := d.kit(), d.add(t)
	const change = "ALTER USER [#USERNAME#] ACCOUNT UNLOCK"
	for _, c := range []struct{ info, template, place string }{
		{service, change, "(SERVICE_NAME=ORCLPDB1)"},
		{"sid:ORCL", change, "(SID=ORCL)"},
		{"other", "-- to one database\nconn [#auth_user#]@" + service + "\n" + change, "(SERVICE_NAME=ORCLPDB1)"},
		{"ORCL", "CONNECT [#AUTH_USER#]@sid:[#ADD_INFO#] as sysdba;\n" + change, "(SID=ORCL)"},
		{"gone", change, "protocol: ORA-12514"},
		{"x)(SID=ORCL", change, "expected the name of a service"},
		{"", change, "expected the name of a service"},
	} {
		d.mu.Lock()
		d.places = nil
		d.mu.Unlock()
		k.Values[mask.AddInfo], k.Template = c.info, c.template
		outcome, err := k.Once(t, acc, "Unused-pass-1")
		if err != nil {
			if outcome != executors.NotStarted || !strings.Contains(err.Error(), c.place) {
				t.Errorf("%q: %s, %v", c.info, outcome, err)
			}
		} else if len(d.places) != 1 || d.places[0] != c.place || d.sysdba != strings.Contains(c.template, "sysdba") {
			t.Errorf("%q: %q, as SYSDBA %v", c.info, d.places, d.sysdba)
		}
	}
	delete(k.Values, mask.AddInfo)
	k.Template = change
	if outcome, err := k.Once(t, acc, "Unused-pass-1"); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTemplate {
		t.Error("without a service:", outcome, err)
	}
	// A secret is proven where the template logs in.
	p, err := theExecutor.Compile("CONN [#AUTH_USER#]@sid:ORCL\n" + change)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := executors.VerifierOf(theExecutor, p)
	if ok, err := v.Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(acc.Password))); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

// TestStrangeServersOnDouble: a listener that sends us on is not followed, and an answer that breaks off is no answer.
func TestStrangeServersOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	d.away = "127.0.0.2"
	if ok, err := proves(t, d.kit(), d.add(t)); ok || err == nil || !strings.Contains(err.Error(), "sends us on") {
		t.Errorf("%v, %v", ok, err)
	}
	d = serve(t)
	d.short = true
	if ok, err := proves(t, d.kit(), d.add(t)); ok || executortest.ClassOf(err) != executors.ClassProtocol {
		t.Errorf("%v, %v", ok, err)
	}
}

// TestRefusalsOnDouble: only errors of the closed list mean that nothing happened, and only of the first statement.
func TestRefusalsOnDouble(t *testing.T) {
	t.Parallel()
	const good, bad = `ALTER USER [#USERNAME#] IDENTIFIED BY "[#NEW_PASSWORD#]"`, `ALTER USER "no body" IDENTIFIED BY "[#NEW_PASSWORD#]"`
	for _, c := range []struct {
		src  string
		odd  *fault
		want executors.Outcome
	}{
		{good + ";\n" + good + "\n/\n", nil, executors.Applied},
		{"ALTER USER [#USERNAME#] IDENTIFIED BY [#NEW_PASSWORD#]", nil, executors.Applied}, // as the vendor's example writes it
		{good + ";" + bad, nil, executors.Uncertain},
		{bad + ";" + good, nil, executors.Rejected},
		{"BEGIN x; END;\n/", nil, executors.Uncertain},
		{good, no(28007, "the password cannot be reused"), executors.Rejected},
		{good, no(1031, "insufficient privileges"), executors.Rejected},
		{good, no(604, "error occurred at recursive SQL level 1"), executors.Uncertain},
		{good, no(3113, "end-of-file on communication channel"), executors.Uncertain},
		{good, no(1013, "user requested cancel of current operation"), executors.Uncertain},
		{"DROP USER [#USERNAME#]", no(1918, "user does not exist"), executors.Applied},
		{good, no(28008, "invalid old password"), executors.Rejected},
		{good, no(28220, "REPLACE clause not specified"), executors.Rejected},
		{good, no(1920, "user name conflicts with another user or role name"), executors.Rejected},
		{good, no(1935, "missing user or role name"), executors.Rejected},
		{good, no(65066, "the specified changes must apply to all containers"), executors.Rejected},
		{good, no(922, "missing or invalid option"), executors.Rejected},
		{good, no(899, "not the parser's"), executors.Uncertain},
		{good, no(1000, "maximum open cursors exceeded"), executors.Uncertain},
	} {
		d := serve(t)
		d.odd = c.odd
		k := d.kit()
		k.Template = c.src
		outcome, err := k.Once(t, d.add(t), executortest.Fresh())
		if outcome != c.want {
			t.Errorf("%s, %v: %s, %v; want %s", c.src, c.odd, outcome, err, c.want)
		}
		if down := c.odd != nil && c.odd.number == 3113; down != (executortest.ClassOf(err) == executors.ClassNetwork) {
			t.Errorf("%s, %v: %v", c.src, c.odd, err)
		}
	}
}

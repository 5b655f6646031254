package ldap_test

import (
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/ldap"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

func kit(d *target.Slapd, template string) executortest.Kit {
	return executortest.Kit{
		Executor: ldap.New(), Template: template, Login: d.Login,
		Target:  model.Endpoint{Hostname: "localhost", Address: "127.0.0.1", Port: d.Port(), CA: d.CA()},
		Manager: &executortest.Account{Name: d.AdminDN, Password: d.AdminPassword}, Stays: true,
		Account: func(t testing.TB) executortest.Account {
			dn, password := d.AddUser(t)
			return executortest.Account{Name: dn, Password: password}
		},
		Hostile: []string{
			`Aa1')(uid=*))(|(uid=*`, `Bb2\2a\00 "quoted"`, `Cc3,dc=evil+x=y;z<>#`, `Dd4 ação-日本-ß-😀`, `  Ee5 spaces  `, `Ff6%s\n\\$(id)`, "Gg7-[#USERNAME#]",
			"Hh8-line\nbreak\r\ttab\x1a", "Ij{SSHA}x-1{}", strings.Repeat(`Ii9'\"`, 42) + "Ii9+",
		},
		Unfit:    []string{"nul\x00-byte-1A", "not\xff-utf8-1A", "", "{SSHA}not-a-hash", "{CLEARTEXT}x-secret"},
		Rejected: "short",
	}
}

const replace = `connect null "ldap://[#IP#]"
set-option LDAP_OPT_PROTOCOL_VERSION 3
set-option LDAP_OPT_REFERRALS 0
bind "[#AUTH_USER#]"
find "[#USERNAME#]" (objectClass=*)
mod-replace "description" "changed by Cofre"
mod-replace "userPassword" "[#NEW_PASSWORD#]"
end
`

func TestPasswordModify(t *testing.T) {
	t.Parallel()
	d := target.OpenLDAP(t)
	k := kit(d, ldap.Catalogue()[0].Content)
	t.Run("catalogue", func(t *testing.T) { executortest.Exercise(t, k) })
	log, err := d.Log()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log, "PASSMOD id=") {
		t.Error("positive control: the server's log shows no change at all")
	}
	for _, s := range k.Hostile {
		if strings.Contains(log, s) {
			t.Errorf("the server's log shows %q", s)
		}
	}
	// The server keeps a hash; a replaced userPassword, as positive control, is kept as it was sent.
	acc := k.Account(t)
	for template, want := range map[string]bool{ldap.Catalogue()[0].Content: false, "bind \"[#AUTH_USER#]\"\nfind \"[#USERNAME#]\" (uid=*)\nmod-replace userPassword \"[#NEW_PASSWORD#]\"": true} {
		k.Template = template
		fresh := executortest.Fresh()
		if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
			t.Fatalf("%s, %v", outcome, err)
		}
		if stored, err := d.Stored(acc.Name, "userPassword"); err != nil || len(stored) != 1 || strings.Contains(stored[0], fresh) != want {
			t.Errorf("%s: %d values stored, %v: want clear text %v", template, len(stored), err, want)
		}
	}
}

// TestReplace uses StartTLS and the modify operations.
func TestReplace(t *testing.T) {
	t.Parallel()
	d := target.OpenLDAP(t)
	k := kit(d, strings.Replace(replace, "mod-replace \"description\" \"changed by Cofre\"\n", "", 1))
	k.Target.Port = d.PlainPort()
	t.Run("kit", func(t *testing.T) { executortest.Exercise(t, k) })
	k.Template = replace
	outcome, err := k.Once(t, k.Account(t), "short")
	if outcome != executors.Uncertain || !strings.Contains(err.Error(), "line 7") {
		t.Errorf("refused after a change: %s, %v", outcome, err)
	}
	acc := k.Account(t)
	if outcome, err = k.Once(t, acc, executortest.Fresh()); outcome != executors.Applied {
		t.Fatalf("%s, %v", outcome, err)
	}
	if got, err := d.Stored(acc.Name, "description"); err != nil || len(got) != 1 || got[0] != "changed by Cofre" {
		t.Errorf("%q, %v", got, err)
	}
}

// byUID runs the catalogue's second template and verifies, for an account of any uid.
func byUID(t *testing.T, k executortest.Kit, uid, fresh string) (executors.Outcome, bool, error) {
	t.Helper()
	p, err := k.Executor.Compile(ldap.Catalogue()[1].Content)
	if err != nil {
		t.Fatal(err)
	}
	s := k.Session(executortest.Account{Name: uid, Password: "unused-1"}, fresh)
	all := s.Resolve
	s.Resolve = func(n mask.Name) (secret.Value, error) {
		if n == mask.AddInfo {
			return secret.New([]byte(target.PeopleDN)), nil
		}
		return all(n)
	}
	outcome, err := p.Run(t.Context(), s)
	if err != nil {
		return outcome, false, err
	}
	in, err := ldap.New().Verify(t.Context(), s, secret.New([]byte(fresh)))
	if wrong, err := ldap.New().Verify(t.Context(), s, secret.New([]byte("Wrong-pass-1"))); wrong || err != nil {
		t.Errorf("%q: a wrong password: %v, %v", uid, wrong, err)
	}
	return outcome, in, err
}

// TestHostileNames changes accounts whose names mean something to filters and DNs, next to one that must stay as it is.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	d := target.OpenLDAP(t)
	k := kit(d, ldap.Catalogue()[1].Content)
	_, other, old, err := d.CreateUser("ann")
	if err != nil {
		t.Fatal(err)
	}
	for _, uid := range []string{`a*`, `ann)(uid=*`, `back\slash`, `comma, plus+`, `#hash=x`, `日本`, `dou"ble<>;`} {
		_, dn, _, err := d.CreateUser(uid)
		if err != nil {
			t.Fatalf("%q: %v", uid, err)
		}
		fresh := executortest.Fresh()
		if outcome, in, err := byUID(t, k, uid, fresh); outcome != executors.Applied || !in || err != nil {
			t.Errorf("%q: %s, verified %v, %v", uid, outcome, in, err)
		}
		if ok, err := d.Login(dn, fresh); err != nil || !ok {
			t.Errorf("%q: login %v, %v", uid, ok, err)
		}
		executortest.Ran(ldap.Catalogue()[1].Content)
	}
	for _, uid := range []string{"*", "nobody", "a*)(cn=*"} {
		outcome, _, err := byUID(t, k, uid, executortest.Fresh())
		if outcome != executors.NotStarted || !strings.Contains(err.Error(), "no entry") {
			t.Errorf("%q: %s, %v", uid, outcome, err)
		}
	}
	if ok, err := d.Login(other, old); err != nil || !ok {
		t.Errorf("another account was changed: %v, %v", ok, err)
	}
}

func TestServerRefuses(t *testing.T) {
	t.Parallel()
	d := target.OpenLDAP(t)
	k := kit(d, ldap.Catalogue()[0].Content)
	// An account without rights cannot change another one.
	dn, password := d.AddUser(t)
	k.Manager = &executortest.Account{Name: dn, Password: password}
	outcome, err := k.Once(t, k.Account(t), executortest.Fresh())
	if outcome != executors.Rejected || executortest.ClassOf(err) != executors.ClassPolicy || !strings.Contains(err.Error(), "line 4") {
		t.Errorf("%s, %v", outcome, err)
	}
	// It can change itself.
	if outcome, err = k.Once(t, executortest.Account{Name: dn, Password: password}, executortest.Fresh()); outcome != executors.Applied {
		t.Errorf("%s, %v", outcome, err)
	}
	k = kit(d, strings.Replace(ldap.Catalogue()[0].Content, `"[#USERNAME#]"`, `"`+target.PeopleDN+`"`, 1))
	if outcome, err = k.Once(t, k.Account(t), executortest.Fresh()); outcome != executors.NotStarted || !strings.Contains(err.Error(), "more than one") {
		t.Errorf("two entries: %s, %v", outcome, err)
	}
}

// TestUnicodePwd shows the bytes that leave; TestActiveDirectory shows that a domain controller takes them.
func TestUnicodePwd(t *testing.T) {
	t.Parallel()
	d := target.OpenLDAP(t)
	k := kit(d, "bind \"[#AUTH_USER#]\"\nfind \"[#USERNAME#]\" (uid=*)\nmod-add objectClass windowsAccount\nmod-replace unicodePwd \"u([#NEW_PASSWORD#])\"\n")
	acc := k.Account(t)
	if outcome, err := k.Once(t, acc, `Aé"😀-1x`); outcome != executors.Applied {
		t.Fatalf("%s, %v", outcome, err)
	}
	const want = "\"\x00A\x00\xe9\x00\"\x00\x3d\xd8\x00\xde-\x001\x00x\x00\"\x00"
	if got, err := d.Stored(acc.Name, "unicodePwd"); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	d := target.OpenLDAP(t)
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
		for template, port := range map[string]uint16{ldap.Catalogue()[0].Content: d.Port(), replace: d.PlainPort()} {
			k := kit(d, template)
			k.Target.Port = port
			c.change(&k.Target)
			outcome, err := k.Once(t, k.Account(t), executortest.Fresh())
			if outcome != c.want || executortest.ClassOf(err) != c.class {
				t.Errorf("%s, %.10s: %s, %v", c.name, template, outcome, err)
			}
		}
	}
}

func secretOf(s string) secret.Value { return secret.New([]byte(s)) }

// TestEntriesComeAndGo: dynamic users of a real OpenLDAP.
func TestEntriesComeAndGo(t *testing.T) {
	t.Parallel()
	d := target.OpenLDAP(t)
	k := kit(d, "")
	asked := k.Login
	k.Login = func(name, password string) (bool, error) { return asked("uid="+name+","+target.PeopleDN, password) }
	executortest.Live(t, k, executortest.Life{Create: named(t, "OpenLDAP create user"), Remove: named(t, "OpenLDAP remove user"), Additional: target.PeopleDN, Hostile: k.Hostile})
	// A user who may not add is refused, and nothing is there.
	dn, password := d.AddUser(t)
	k.Manager = &executortest.Account{Name: dn, Password: password}
	k.Template, k.Values = named(t, "OpenLDAP create user"), map[mask.Name]string{mask.AddInfo: target.PeopleDN}
	if outcome, err := k.Once(t, executortest.Account{Name: "mallory"}, executortest.Fresh()); outcome != executors.Rejected || executortest.ClassOf(err) != executors.ClassPolicy {
		t.Errorf("%s, %v", outcome, err)
	}
}

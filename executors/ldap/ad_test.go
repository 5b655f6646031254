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
)

func named(t *testing.T, name string) string {
	t.Helper()
	for _, e := range ldap.Catalogue() {
		if e.Name == name {
			return e.Content
		}
	}
	t.Fatalf("no catalogue template %q", name)
	return ""
}

// domain is a kit for a real domain controller.
func domain(s *target.Samba, template string) executortest.Kit {
	return executortest.Kit{
		Executor: ldap.New(), Template: template, Login: s.Login,
		Target:  model.Endpoint{Hostname: "localhost", Address: "127.0.0.1", Port: s.Port(), CA: s.CA()},
		Manager: &executortest.Account{Name: s.AdminUser, Password: s.AdminPassword}, Stays: true,
		Account: func(t testing.TB) executortest.Account {
			name, password := s.AddUser(t)
			return executortest.Account{Name: name, Password: password}
		},
		Values:   map[mask.Name]string{mask.AddInfo: target.UsersDN, "DOMAIN": target.Realm, "AUTH_DOMAIN": target.Realm},
		Hostile:  []string{`Aa1')(uid=*))(|(uid=*`, `Bb2"quoted"\u(x)`, `Cc3 ação-日本-ß-😀`, strings.Repeat(`Dd4'\"`, 20)},
		Unfit:    []string{"nul\x00-byte-1A", "not\xff-utf8-1A", ""},
		Rejected: "short",
		Lingers:  true,
	}
}

// TestActiveDirectory changes and makes users of a real Samba. One server serves all: it is slow to start.
func TestActiveDirectory(t *testing.T) {
	t.Parallel()
	s := target.ActiveDirectory(t)
	k := domain(s, named(t, "Active Directory password (LDAPS)"))
	t.Run("reset", func(t *testing.T) { executortest.Exercise(t, k) })
	t.Run("self", func(t *testing.T) {
		k := domain(s, named(t, "Active Directory password, by itself (LDAPS)"))
		k.Manager, k.Stays = nil, false
		executortest.Exercise(t, k)
	})
	t.Run("users come and go", func(t *testing.T) {
		executortest.Live(t, k, executortest.Life{
			Create: named(t, "Active Directory create user (LDAPS)"), Remove: named(t, "Active Directory remove user (LDAPS)"), Additional: target.UsersDN, Hostile: k.Hostile,
		})
	})
	t.Run("users for sessions", func(t *testing.T) {
		create := named(t, "Active Directory create user for a session (LDAPS)")
		executortest.Live(t, k, executortest.Life{
			Create: strings.Repeat(create, 2), Remove: named(t, "Active Directory remove user after a session (LDAPS)"), Additional: target.UsersDN, Hostile: k.Hostile[:1],
		})
	})
	t.Run("accounts that cannot log in are no wrong passwords", func(t *testing.T) { switches(t, s, k) })
	t.Run("a user without rights resets nobody", func(t *testing.T) {
		k, acc := k, k.Account(t)
		weak := k.Account(t)
		k.Manager = &weak
		if outcome, err := k.Once(t, acc, executortest.Fresh()); outcome != executors.Rejected || executortest.ClassOf(err) != executors.ClassPolicy {
			t.Errorf("%s, %v", outcome, err)
		}
	})
}

// switches disables and enables accounts, twice each: what is right already is no error, and other flags stay.
func switches(t *testing.T, s *target.Samba, k executortest.Kit) {
	acc := k.Account(t)
	const never = "65536" // DONT_EXPIRE_PASSWORD
	disable, enable := named(t, "Active Directory disable account (LDAPS)"), named(t, "Active Directory enable account (LDAPS)")
	for _, c := range []struct{ template, flags string }{
		{strings.ReplaceAll(disable, "set-bits userAccountControl 2", "set-bits userAccountControl "+never), "66048"},
		{disable, "66050"}, {disable, "66050"}, {enable, "66048"}, {enable, "66048"},
	} {
		k.Template = c.template
		if outcome, err := k.Once(t, acc, "unused-1"); outcome != executors.Applied {
			t.Fatalf("%s: %s, %v", c.flags, outcome, err)
		}
		if got, err := s.Stored(acc.Name, "userAccountControl"); err != nil || len(got) != 1 || got[0] != c.flags {
			t.Errorf("flags %v, %v; want %s", got, err, c.flags)
		}
		in, err := ldap.New().Verify(t.Context(), k.Session(acc, ""), secretOf(acc.Password))
		if on := c.flags == "66048"; in != on || (err == nil) != on {
			t.Errorf("flags %s: verified %t, %v", c.flags, in, err)
		}
	}
	k.Template = strings.ReplaceAll(disable, "userAccountControl", "homeDirectory")
	if outcome, err := k.Once(t, acc, "unused-1"); outcome != executors.NotStarted || !strings.Contains(err.Error(), "holds no number in homeDirectory") {
		t.Errorf("%s, %v", outcome, err)
	}
	weak := k.Account(t)
	k.Manager, k.Template = &weak, disable
	if outcome, err := k.Once(t, acc, "unused-1"); outcome != executors.Rejected || executortest.ClassOf(err) != executors.ClassPolicy {
		t.Errorf("without the right: %s, %v", outcome, err)
	}
}

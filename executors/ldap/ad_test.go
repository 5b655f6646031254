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
		Manager: &executortest.Account{Name: s.AdminUser, Password: s.AdminPassword},
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
		k.Manager = nil
		executortest.Exercise(t, k)
	})
	t.Run("users come and go", func(t *testing.T) {
		executortest.Live(t, k, executortest.Life{
			Create: named(t, "Active Directory create user (LDAPS)"), Remove: named(t, "Active Directory remove user (LDAPS)"), Additional: target.UsersDN, Hostile: k.Hostile,
		})
	})
	t.Run("accounts that cannot log in are no wrong passwords", func(t *testing.T) {
		acc := k.Account(t)
		k := k
		for value, want := range map[string]bool{"514": false, "512": true} {
			k.Template = "bind \"[#AUTH_USER#]@[#DOMAIN#]\"\nfind \"[#ADD_INFO#]\" (sAMAccountName=[#USERNAME#])\nmod-replace userAccountControl " + value + "\n# [#NEW_PASSWORD#]\n"
			if outcome, err := k.Once(t, acc, "unused-1"); outcome != executors.Applied {
				t.Fatalf("%s: %s, %v", value, outcome, err)
			}
			in, err := ldap.New().Verify(t.Context(), k.Session(acc, ""), secretOf(acc.Password))
			if in != want || (err == nil) != want {
				t.Errorf("userAccountControl %s: verified %t, %v", value, in, err)
			}
		}
	})
	t.Run("a user without rights resets nobody", func(t *testing.T) {
		k, acc := k, k.Account(t)
		weak := k.Account(t)
		k.Manager = &weak
		if outcome, err := k.Once(t, acc, executortest.Fresh()); outcome != executors.Rejected || executortest.ClassOf(err) != executors.ClassPolicy {
			t.Errorf("%s, %v", outcome, err)
		}
	})
}

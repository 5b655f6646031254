package oracle_test

import (
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
)

// TestMayOnDouble: what the server is asked beforehand is what it does afterwards; where that is not known, it says so.
func TestMayOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	who := func(name string, rights ...string) executortest.Account {
		a := executortest.Account{Name: name, Password: executortest.Fresh()}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.users[fold(name)] = &user{password: a.Password, session: true, rights: rights}
		return a
	}
	system := executortest.Account{Name: admin, Password: adminPassword}
	plain, itself, quoted := who("plain"), who("itself"), who(`"o'Other 1"`)
	maker, half, manager := who("maker", "CREATE USER", "GRANT ANY PRIVILEGE"), who("half", "CREATE USER"), who("manager", "ALTER USER")
	fresh := executortest.Account{Name: "app_260101_1"}
	for _, c := range []struct {
		who, whom executortest.Account
		template  string
		says      string // "": it cannot be told
		done      executors.Outcome
	}{
		{system, plain, "Oracle user", "it has ALTER USER", executors.Applied},
		{manager, quoted, "Oracle user", "it has ALTER USER", executors.Applied},
		{manager, quoted, "Oracle lock user", "it has ALTER USER", executors.Applied},
		{maker, plain, "Oracle user", "it lacks ALTER USER", executors.Rejected},
		{maker, plain, "Oracle unlock user", "it lacks ALTER USER", executors.Rejected},
		{manager, executortest.Account{Name: "nobody"}, "Oracle user", "no user of that name", executors.Rejected},
		{manager, executortest.Account{Name: "sys"}, "Oracle user", "", executors.Rejected},
		{itself, itself, "Oracle user, by itself", "the user itself, with its old password", executors.Applied},
		{half, half, "Oracle user", "", executors.Rejected}, // this server's profile wants the old one
		{manager, fresh, "Oracle create user", "it lacks CREATE USER", executors.Rejected},
		{half, fresh, "Oracle create user", "", executors.Uncertain}, // it makes the user, and may not grant
		{maker, executortest.Account{Name: "app_260101_2"}, "Oracle create user", "it has GRANT ANY PRIVILEGE", executors.Applied},
		{maker, fresh, "Oracle drop user", "it lacks DROP USER", executors.Rejected},
		{system, fresh, "Oracle drop user, ending its sessions", "", executors.Applied},
	} {
		k := d.kit()
		k.Manager, k.Template = &c.who, template(t, c.template)
		compiled, err := k.Executor.Compile(k.Template)
		if err != nil {
			t.Fatal(c.template, err)
		}
		allowed, why, err := compiled.(executors.Judge).May(t.Context(), k.Session(c.whom, "Unused-pass-1"))
		if (err != nil) != (c.says == "") || !strings.Contains(why, c.says) || allowed != (c.done == executors.Applied && err == nil) {
			t.Errorf("%s of %s by %s: %t, %q, %v; want %q", c.template, c.whom.Name, c.who.Name, allowed, why, err, c.says)
		}
		if outcome, err := k.Once(t, c.whom, executortest.Fresh()); outcome != c.done {
			t.Errorf("%s of %s by %s: %s, %v", c.template, c.whom.Name, c.who.Name, outcome, err)
		}
	}
	k := d.kit()
	p, err := k.Executor.Compile("ALTER USER fixed IDENTIFIED BY [#NEW_PASSWORD#]")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.(executors.Judge).May(t.Context(), k.Session(plain, "")); err == nil || !strings.Contains(err.Error(), "changes no user") {
		t.Error(err)
	}
}

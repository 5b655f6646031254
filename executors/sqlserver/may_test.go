package sqlserver_test

import (
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/sqlserver"
)

// TestMayOnDouble: what the server is asked beforehand is what it does afterwards; where that is not known, it says so.
func TestMayOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	login := func(right string) executortest.Account {
		a := d.add(t)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.rights[a.Name] = right
		return a
	}
	sa := executortest.Account{Name: admin, Password: adminPassword}
	plain, itself, manager, other, root := login(""), login(""), login("ALTER ANY LOGIN"), login(""), login("")
	owner := login("ALTER " + other.Name)
	d.mu.Lock()
	d.roots[root.Name] = true
	d.mu.Unlock()
	named := map[string]string{}
	for _, e := range sqlserver.Catalogue() {
		named[e.Name] = e.Content
	}
	for _, c := range []struct {
		who, whom executortest.Account
		template  string
		says      string // "": it cannot be told
		done      executors.Outcome
	}{
		{sa, other, "SQL Server login", "may alter the login", executors.Applied},
		{sa, root, "SQL Server login", "may alter the login", executors.Applied},
		{manager, other, "SQL Server login", "may alter the login", executors.Applied},
		{manager, root, "SQL Server login", "a sysadmin, whose password wants CONTROL SERVER", executors.Rejected},
		{manager, executortest.Account{Name: "nobody'"}, "SQL Server login", "no login of that name", executors.Rejected},
		{plain, other, "SQL Server login", "lacks ALTER ANY LOGIN", executors.Rejected},
		{itself, itself, "SQL Server login, by itself", "the login itself", executors.Applied},
		{owner, other, "SQL Server login", "", executors.Applied},
		{plain, executortest.Account{Name: "o'new]"}, "SQL Server create login", "lacks ALTER ANY LOGIN", executors.Rejected},
		{manager, executortest.Account{Name: "o'new]"}, "SQL Server create login", "may create", executors.Applied},
		{plain, executortest.Account{Name: "o'new]"}, "SQL Server drop login", "lacks ALTER ANY LOGIN", executors.Rejected},
		{manager, executortest.Account{Name: "o'new]"}, "SQL Server drop login", "may drop", executors.Applied},
	} {
		if named[c.template] == "" {
			t.Fatal(c.template)
		}
		k := executortest.Kit{Executor: sqlserver.New(), Template: named[c.template], Target: d.endpoint(), Manager: &c.who, Login: d.login}
		compiled, err := sqlserver.New().Compile(k.Template)
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
	for source, want := range map[string]string{"SELECT 1": "changes no login", "ALTER LOGIN fixed WITH PASSWORD = '[#NEW_PASSWORD#]'": "changes no login"} {
		p, err := sqlserver.New().Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.(executors.Judge).May(t.Context(), executortest.Kit{Target: d.endpoint()}.Session(sa, "")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

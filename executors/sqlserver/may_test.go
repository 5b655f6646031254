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
	judge := executortest.Kit{Executor: sqlserver.New(), Target: d.endpoint(), Login: d.login}.Judge(t, sqlserver.Catalogue())
	judge(sa, other, "SQL Server login", "may alter the login", executors.Applied)
	judge(sa, root, "SQL Server login", "may alter the login", executors.Applied)
	judge(manager, other, "SQL Server login", "may alter the login", executors.Applied)
	judge(manager, root, "SQL Server login", "a sysadmin, whose password wants CONTROL SERVER", executors.Rejected)
	judge(manager, executortest.Account{Name: "nobody'"}, "SQL Server login", "no login of that name", executors.Rejected)
	judge(plain, other, "SQL Server login", "lacks ALTER ANY LOGIN", executors.Rejected)
	judge(itself, itself, "SQL Server login, by itself", "the login itself", executors.Applied)
	judge(owner, other, "SQL Server login", "", executors.Applied)
	judge(plain, executortest.Account{Name: "o'new]"}, "SQL Server create login", "lacks ALTER ANY LOGIN", executors.Rejected)
	judge(manager, executortest.Account{Name: "o'new]"}, "SQL Server create login", "may create", executors.Applied)
	judge(plain, executortest.Account{Name: "o'new]"}, "SQL Server drop login", "lacks ALTER ANY LOGIN", executors.Rejected)
	judge(manager, executortest.Account{Name: "o'new]"}, "SQL Server drop login", "may drop", executors.Applied)
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

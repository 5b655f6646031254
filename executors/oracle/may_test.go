package oracle_test

import (
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/oracle"
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
	judge := d.kit().Judge(t, oracle.Catalogue())
	judge(system, plain, "Oracle user", "it has ALTER USER", executors.Applied)
	judge(manager, quoted, "Oracle user", "it has ALTER USER", executors.Applied)
	judge(manager, quoted, "Oracle lock user", "it has ALTER USER", executors.Applied)
	judge(maker, plain, "Oracle user", "it lacks ALTER USER", executors.Rejected)
	judge(maker, plain, "Oracle unlock user", "it lacks ALTER USER", executors.Rejected)
	judge(manager, executortest.Account{Name: "nobody"}, "Oracle user", "no user of that name", executors.Rejected)
	judge(manager, executortest.Account{Name: "sys"}, "Oracle user", "", executors.Rejected)
	judge(itself, itself, "Oracle user, by itself", "the user itself, with its old password", executors.Applied)
	judge(half, half, "Oracle user", "", executors.Rejected) // this server's profile wants the old one
	judge(manager, fresh, "Oracle create user", "it lacks CREATE USER", executors.Rejected)
	judge(half, fresh, "Oracle create user", "", executors.Uncertain) // it makes the user, and may not grant
	judge(maker, executortest.Account{Name: "app_260101_2"}, "Oracle create user", "it has GRANT ANY PRIVILEGE", executors.Applied)
	judge(maker, fresh, "Oracle drop user", "it lacks DROP USER", executors.Rejected)
	judge(system, fresh, "Oracle drop user, ending its sessions", "", executors.Applied)
	k := d.kit()
	p, err := k.Executor.Compile("ALTER USER fixed IDENTIFIED BY [#NEW_PASSWORD#]")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.(executors.Judge).May(t.Context(), k.Session(plain, "")); err == nil || !strings.Contains(err.Error(), "changes no user") {
		t.Error(err)
	}
}

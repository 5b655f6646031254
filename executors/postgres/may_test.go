package postgres_test

import (
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/postgres"
)

// TestMay: what the server is asked beforehand is what it does afterwards.
func TestMay(t *testing.T) {
	t.Parallel()
	p := target.PostgreSQL(t)
	admin := executortest.Account{Name: p.AdminUser, Password: p.AdminPassword}
	role := func(options string) executortest.Account {
		name, password := p.AddRole(t)
		if err := p.Exec(`ALTER ROLE "` + name + `" ` + options); err != nil {
			t.Fatal(err)
		}
		return executortest.Account{Name: name, Password: password}
	}
	plain, maker, other, super := role("NOCREATEROLE"), role("CREATEROLE"), role("LOGIN"), role("SUPERUSER")
	judge := kit(p, "").Judge(t, postgres.Catalogue())
	judge(admin, super, "PostgreSQL ALTER ROLE", "it is a superuser", executors.Applied)
	judge(maker, super, "PostgreSQL ALTER ROLE", "the role is a superuser, which only another one may change", executors.Rejected)
	judge(maker, other, "PostgreSQL ALTER ROLE", "it has CREATEROLE", executors.Applied)
	judge(plain, other, "PostgreSQL ALTER ROLE", "it lacks CREATEROLE", executors.Rejected)
	judge(plain, executortest.Account{Name: "o'nobody"}, "PostgreSQL ALTER ROLE", "there is no role of that name", executors.Rejected)
	judge(plain, executortest.Account{Name: "o'new"}, "PostgreSQL create role", "it lacks CREATEROLE", executors.Rejected)
	judge(maker, executortest.Account{Name: "o'new"}, "PostgreSQL create role", "it has CREATEROLE", executors.Applied)
	judge(plain, plain, "PostgreSQL lock role", "it lacks CREATEROLE", executors.Rejected)
	judge(plain, plain, "PostgreSQL ALTER ROLE", "it is the role itself", executors.Applied)
	k := kit(p, "SELECT '[#USERNAME#]', '[#NEW_PASSWORD#]'")
	compiled, err := postgres.New().Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := compiled.(executors.Judge).May(t.Context(), k.Session(other, "Unused-pass-1")); executortest.ClassOf(err) != executors.ClassTemplate {
		t.Error("a template about something else:", err)
	}
	k = kit(p, postgres.Catalogue()[0].Content)
	k.Manager = &executortest.Account{Name: plain.Name, Password: "Wrong-pass-1"}
	compiled, _ = postgres.New().Compile(k.Template)
	if _, _, err := compiled.(executors.Judge).May(t.Context(), k.Session(other, "Unused-pass-1")); executortest.ClassOf(err) != executors.ClassAuth {
		t.Error("a wrong login:", err)
	}
}

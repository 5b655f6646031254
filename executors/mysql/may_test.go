package mysql_test

import (
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mysql"
)

// TestMay: what the server is asked beforehand is what it does afterwards; where that is not known, it says so.
func TestMay(t *testing.T) {
	t.Parallel()
	m := target.MariaDB(t)
	exec := func(sql string) error {
		_, err := m.DB().ExecContext(t.Context(), sql)
		return err
	}
	user := func(grant string) executortest.Account {
		name, password := m.AddUser(t)
		if grant != "" {
			if err := exec("GRANT " + grant + " TO '" + name + "'@'%'"); err != nil {
				t.Fatal(err)
			}
		}
		return executortest.Account{Name: name, Password: password}
	}
	if err := exec("CREATE ROLE makers"); err != nil {
		t.Fatal(err)
	}
	admin := executortest.Account{Name: m.AdminUser, Password: m.AdminPassword}
	other, plain, maker, writer, member := user(""), user(""), user("CREATE USER ON *.*"), user("UPDATE ON mysql.*"), user("makers")
	if err := exec("SET DEFAULT ROLE makers FOR '" + member.Name + "'@'%'"); err != nil {
		t.Fatal(err)
	}
	named := map[string]string{}
	for _, e := range mysql.Catalogue() {
		named[e.Name] = e.Content
	}
	for _, c := range []struct {
		who, whom executortest.Account
		template  string
		says      string // "": it cannot be told
		done      executors.Outcome
	}{
		{admin, other, "MySQL ALTER USER", "has the privileges", executors.Applied},
		{maker, other, "MySQL ALTER USER", "has the privileges", executors.Applied},
		{writer, other, "MySQL ALTER USER", "has the privileges", executors.Applied},
		{plain, other, "MySQL ALTER USER", "lacks CREATE USER, and UPDATE on", executors.Rejected},
		{writer, executortest.Account{Name: "o'new"}, "MariaDB create user", "lacks CREATE USER, and INSERT on", executors.Rejected},
		{maker, executortest.Account{Name: "o'new"}, "MariaDB create user", "has the privileges", executors.Applied},
		{member, other, "MySQL ALTER USER", "", executors.Rejected},
	} {
		k := kit(m, named[c.template])
		k.Manager = &c.who
		compiled, err := mysql.New().Compile(k.Template)
		if err != nil {
			t.Fatal(c.template, err)
		}
		allowed, why, err := compiled.(executors.Judge).May(t.Context(), k.Session(c.whom, "Unused-pass-1"))
		if (err != nil) != (c.says == "") || !strings.Contains(why, c.says) || allowed != (c.done == executors.Applied) {
			t.Errorf("%s of %s by %s: %t, %q, %v; want %q", c.template, c.whom.Name, c.who.Name, allowed, why, err, c.says)
		}
		if outcome, err := k.Once(t, c.whom, executortest.Fresh()); outcome != c.done {
			t.Errorf("%s of %s by %s: %s, %v", c.template, c.whom.Name, c.who.Name, outcome, err)
		}
	}
}

package mysql_test

import (
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
	judge := kit(m, "").Judge(t, mysql.Catalogue())
	judge(admin, other, "MySQL ALTER USER", "has the privileges", executors.Applied)
	judge(maker, other, "MySQL ALTER USER", "has the privileges", executors.Applied)
	judge(writer, other, "MySQL ALTER USER", "has the privileges", executors.Applied)
	judge(plain, other, "MySQL ALTER USER", "lacks CREATE USER, and UPDATE on", executors.Rejected)
	judge(writer, executortest.Account{Name: "o'new"}, "MariaDB create user", "lacks CREATE USER, and INSERT on", executors.Rejected)
	judge(maker, executortest.Account{Name: "o'new"}, "MariaDB create user", "has the privileges", executors.Applied)
	judge(member, other, "MySQL ALTER USER", "", executors.Rejected)
}

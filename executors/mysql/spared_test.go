package mysql_test

import (
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mysql"
)

// TestSparedLogins: only a refused password is a failing login, not a server that takes nobody more.
func TestSparedLogins(t *testing.T) {
	t.Parallel()
	m := target.MariaDB(t)
	name, password := m.AddUser(t)
	if _, err := m.DB().Exec("ALTER USER '" + name + "'@'%' WITH MAX_CONNECTIONS_PER_HOUR 1"); err != nil {
		t.Fatal(err)
	}
	k := kit(m, mysql.Catalogue()[0].Content)
	p, err := mysql.New().Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	run := func(password string) (entered bool, err error) {
		k.Manager = &executortest.Account{Name: name, Password: password}
		s := k.Session(executortest.Account{Name: "whoever"}, "New-Pass-2y")
		s.Entered = func() { entered = true }
		_, err = p.Run(t.Context(), s)
		return entered, err
	}
	if entered, err := run("Wrong-Pass-1"); entered || executortest.ClassOf(err) != executors.ClassAuth || executors.IsSpared(err) {
		t.Errorf("a wrong password: entered %v, %v", entered, err)
	}
	if entered, err := run(password); !entered || err == nil {
		t.Errorf("a statement that is refused: entered %v, %v", entered, err)
	}
	if entered, err := run(password); entered || executortest.ClassOf(err) != executors.ClassNetwork || !executors.IsSpared(err) {
		t.Errorf("more connections than it may: entered %v, %v", entered, err)
	}
}

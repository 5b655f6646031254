package mysql_test

import (
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/mysql"
)

func TestMain(m *testing.M) { executortest.Main(m, mysql.Catalogue()) }

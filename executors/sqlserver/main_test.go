package sqlserver_test

import (
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/sqlserver"
)

func TestMain(m *testing.M) { executortest.Main(m, sqlserver.Catalogue()) }

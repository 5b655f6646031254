package oracle_test

import (
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/oracle"
)

func TestMain(m *testing.M) { executortest.Main(m, oracle.Catalogue()) }

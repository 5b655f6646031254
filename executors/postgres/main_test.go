package postgres_test

import (
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/postgres"
)

func TestMain(m *testing.M) { executortest.Main(m, postgres.Catalogue()) }

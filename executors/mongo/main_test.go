package mongo_test

import (
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/mongo"
)

func TestMain(m *testing.M) { executortest.Main(m, mongo.Catalogue()) }

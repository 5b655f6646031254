package azure_test

import (
	"testing"

	"cofre/executors/cloud/azure"
	"cofre/executors/executortest"
)

func TestMain(m *testing.M) { executortest.Main(m, azure.Catalogue()) }

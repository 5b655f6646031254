package winrpc_test

import (
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/winrpc"
)

func TestMain(m *testing.M) { executortest.Main(m, winrpc.Catalogue()) }

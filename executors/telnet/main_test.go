package telnet_test

import (
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/telnet"
)

func TestMain(m *testing.M) { executortest.Main(m, telnet.Catalogue()) }

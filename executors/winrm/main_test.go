package winrm_test

import (
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/winrm"
)

func TestMain(m *testing.M) { executortest.Main(m, winrm.Catalogue()) }

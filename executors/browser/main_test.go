package browser_test

import (
	"testing"

	"cofre/executors/browser"
	"cofre/executors/executortest"
)

func TestMain(m *testing.M) { executortest.Main(m, browser.Catalogue()) }

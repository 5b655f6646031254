package curl_test

import (
	"testing"

	"cofre/executors/curl"
	"cofre/executors/executortest"
)

func TestMain(m *testing.M) { executortest.Main(m, curl.Catalogue()) }

package gcp_test

import (
	"testing"

	"cofre/executors/cloud/gcp"
	"cofre/executors/executortest"
)

func TestMain(m *testing.M) { executortest.Main(m, gcp.Catalogue()) }

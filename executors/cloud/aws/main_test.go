package aws_test

import (
	"testing"

	"cofre/executors/cloud/aws"
	"cofre/executors/executortest"
)

func TestMain(m *testing.M) { executortest.Main(m, aws.Catalogue()) }

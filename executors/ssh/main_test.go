package ssh_test

import (
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/ssh"
)

func TestMain(m *testing.M) { executortest.Main(m, ssh.Catalogue()) }

package ldap_test

import (
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/ldap"
)

func TestMain(m *testing.M) { executortest.Main(m, ldap.Catalogue()) }

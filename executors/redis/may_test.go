package redis_test

import (
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
)

// TestMay: what the server is asked beforehand is what it does afterwards; who may not even ask learns nothing.
func TestMay(t *testing.T) {
	t.Parallel()
	k := kit(target.Redis(t))
	user := func(rules string) executortest.Account {
		a, setup := k.Account(t), k
		setup.Template = "acl setuser [#USERNAME#] " + rules
		if outcome, err := setup.Once(t, a, executortest.Fresh()); outcome != executors.Applied {
			t.Fatal(outcome, err)
		}
		return a
	}
	other := k.Account(t)
	judge := k.Judge(t, nil)
	judge(*k.Manager, other, "", "allow every command", executors.Applied)
	judge(user("+acl"), other, "", "allow every command", executors.Applied)
	judge(user("+acl|dryrun +acl|setuser"), other, "", "acl|save", executors.Uncertain)
	judge(user("+acl|dryrun +ping"), other, "", "acl|setuser", executors.Rejected)
	judge(user("-@all"), other, "", "", executors.Rejected)
}

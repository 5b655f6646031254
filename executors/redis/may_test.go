package redis_test

import (
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/redis"
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
	for _, c := range []struct {
		who  executortest.Account
		says string // "": it cannot be told
		done executors.Outcome
	}{
		{*k.Manager, "allow every command", executors.Applied},
		{user("+acl"), "allow every command", executors.Applied},
		{user("+acl|dryrun +acl|setuser"), "acl|save", executors.Uncertain},
		{user("+acl|dryrun +ping"), "acl|setuser", executors.Rejected},
		{user("-@all"), "", executors.Rejected},
	} {
		k.Manager = &c.who
		p, err := redis.New().Compile(k.Template)
		if err != nil {
			t.Fatal(err)
		}
		fresh := executortest.Fresh()
		allowed, why, err := p.(executors.Judge).May(t.Context(), k.Session(other, fresh))
		if (err != nil) != (c.says == "") || !strings.Contains(why, c.says) || allowed != (c.done == executors.Applied) {
			t.Errorf("%s: %t, %q, %v; want %q", c.who.Name, allowed, why, err, c.says)
		}
		if ok, _ := k.Login(other.Name, fresh); ok {
			t.Errorf("%s: asking made the change", c.who.Name)
		}
		if outcome, err := k.Once(t, other, fresh); outcome != c.done {
			t.Errorf("%s: %s, %v", c.who.Name, outcome, err)
		}
	}
}

package executortest

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

// Life is a pair of templates that create and remove an account.
type Life struct {
	Create, Remove string
	Additional     string // ADD_INFO
	Prefix         string // of the names, where a target takes only some
	Hostile        []string
}

// Live creates an account that does not exist, proves that it logs in, removes it, proves that it does not, and removes it
// again: a removal is repeated until the account is proven gone. Each proof is asked of the executor and of the target itself;
// an executor that lists accounts lists it as long as it is there.
func Live(t *testing.T, k Kit, l Life) {
	t.Helper()
	for _, password := range append([]string{Fresh()}, l.Hostile...) {
		name := l.Prefix + "app_260101_" + strconv.FormatUint(uint64(rand.Uint32()), 16)
		a := Account{Name: name, Password: password}
		in := func(want bool, when, template string) {
			t.Helper()
			s := k.lifeSession(a, l)
			got, err := k.using(template).verifies(t).Verify(t.Context(), s, value(password))
			asked, failed := k.Login(name, password)
			if err != nil || failed != nil || got != want || asked != want {
				t.Errorf("%s: the executor says %t (%v), the target %t (%v)", when, got, err, asked, failed)
			}
		}
		listed := func(want bool, when string) {
			t.Helper()
			p, err := k.Executor.Compile(l.Remove)
			if err != nil {
				t.Fatalf("compile: %v", err)
			}
			lister, ok := executors.ListerOf(k.Executor, p)
			if !ok {
				return
			}
			for _, prefix := range []string{name[:len(l.Prefix)+4], name} {
				names, more, err := lister.Accounts(t.Context(), k.lifeSession(a, l), prefix)
				if err != nil || more || slices.Contains(names, name) != want || slices.ContainsFunc(names, func(n string) bool { return !strings.HasPrefix(n, prefix) }) {
					t.Errorf("%s: accounts with %s: %q, %t, %v", when, prefix, names, more, err)
				}
			}
			if names, _, err := lister.Accounts(t.Context(), k.lifeSession(a, l), "no%_'*)such_"); err != nil || len(names) != 0 {
				t.Errorf("%s: accounts of another name: %q, %v", when, names, err)
			}
		}
		do := func(template, what string) {
			t.Helper()
			p, err := k.Executor.Compile(template)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			s := k.lifeSession(a, l)
			rec := executors.NewRecorder()
			did := attempt{secrets: []string{password, k.Manager.Password}}
			s.Trace, s.Entered = rec, func() { did.entered = true }
			did.outcome, did.err = p.Run(t.Context(), s)
			did.steps = rec.Steps()
			k.check(t, did)
			if did.outcome != executors.Applied {
				t.Errorf("%s: %s: %v", what, did.outcome, did.err)
			}
			Ran(template)
		}
		do(l.Create, "create")
		in(true, "created", l.Create)
		listed(true, "created")
		do(l.Remove, "remove")
		in(false, "removed", l.Remove)
		listed(false, "removed")
		do(l.Remove, "remove again")
	}
}

func (k Kit) lifeSession(a Account, l Life) executors.Session {
	s := k.session(a, a.Password, &wire{})
	resolve := s.Resolve
	s.Resolve = func(n mask.Name) (v secret.Value, err error) {
		if n == mask.AddInfo && l.Additional != "" {
			return value(l.Additional), nil
		}
		return resolve(n)
	}
	return s
}

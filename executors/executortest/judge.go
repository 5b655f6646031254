package executortest

import (
	"slices"
	"strings"
	"testing"

	"cofre/executors"
)

// Judge makes a check of what somebody may do to an account by a template of the catalogue ("": the kit's): the target is asked
// beforehand, whose answer has says in it ("": it cannot be told), asking changes nothing, and then it is done.
func (k Kit) Judge(t *testing.T, catalogue []executors.CatalogueEntry) func(who, whom Account, template, says string, done executors.Outcome) {
	return func(who, whom Account, template, says string, done executors.Outcome) {
		t.Helper()
		k, what := k, template+" of "+whom.Name+" by "+who.Name
		k.Manager = &who
		if template != "" {
			k.Template = named(t, catalogue, template)
		}
		p, err := k.Executor.Compile(k.Template)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		fresh := Fresh()
		allowed, why, err := p.(executors.Judge).May(t.Context(), k.Session(whom, fresh))
		if (err != nil) != (says == "") || !strings.Contains(why, says) || allowed != (done == executors.Applied && err == nil) {
			t.Errorf("%s: %t, %q, %v; want %q", what, allowed, why, err, says)
		}
		if ok, _ := k.Login(whom.Name, fresh); ok {
			t.Errorf("%s: asking made the change", what)
		}
		if outcome, err := k.Once(t, whom, fresh); outcome != done {
			t.Errorf("%s: %s, %v", what, outcome, err)
		}
	}
}

func named(t *testing.T, catalogue []executors.CatalogueEntry, name string) string {
	t.Helper()
	i := slices.IndexFunc(catalogue, func(e executors.CatalogueEntry) bool { return e.Name == name })
	if i < 0 {
		t.Fatalf("no catalogue template %q", name)
	}
	return catalogue[i].Content
}

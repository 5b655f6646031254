package all

import (
	"testing"

	"cofre/executors"
)

func TestCatalogueCompiles(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range Catalogue() {
		e := Find(c.Executor)
		if e == nil {
			t.Errorf("%s: no executor %q", c.Name, c.Executor)
			continue
		}
		p, err := e.Compile(c.Content)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if len(p.Notices()) > 0 || len(p.Masks()) == 0 || c.Kind == "" || seen[c.Name] {
			t.Errorf("%s: notices %q, masks %v, kind %q", c.Name, p.Notices(), p.Masks(), c.Kind)
		}
		seen[c.Name] = true
	}
	if Find("nope") != nil {
		t.Error("an executor that does not exist was found")
	}
}

func TestEveryExecutorVerifies(t *testing.T) {
	t.Parallel()
	for _, e := range List() {
		if _, ok := e.(executors.Verifier); !ok {
			t.Errorf("%s cannot verify: uncertain outcomes could not be settled", e.Name())
		}
	}
}

package table_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cofre/fsm/table"
)

// TestReindexedFor: each thing that index entries follow from has them built anew, also where it alone changed; and all of them are, where
// they are more than is written at once.
func TestReindexedFor(t *testing.T) {
	t.Parallel()
	const most = 100
	long := strings.Repeat("x", 64<<10) // 6 MiB of entries
	lower := func(i *item) []string { return []string{i.Key + i.Group} }
	upper := func(i *item) []string { return []string{strings.ToUpper(i.Key) + i.Group} }
	define := func(ix table.Index[item]) (*table.Table[item], []table.Erased) {
		tab := table.Define(20, "item", func(i *item) string { return i.Key }, ix)
		return tab, []table.Erased{table.Audit, table.AuditHead, tab, others}
	}
	for name, c := range map[string]struct {
		next table.Index[item]
		key  string
	}{
		"a higher edition":    {table.Index[item]{Name: "group", Keys: upper, Edition: 1}, "A%d"},
		"it is unique now":    {table.Index[item]{Name: "group", Keys: lower, Unique: true}, "a%d"},
		"it has another name": {table.Index[item]{Name: "groups", Keys: upper}, "A%d"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fs := vfs.NewMem()
			_, before := define(table.Index[item]{Name: "group", Keys: lower})
			s, err := table.Open("state", before, options(fs))
			if err != nil {
				t.Fatal(err)
			}
			first, _ := define(table.Index[item]{Name: "group", Keys: lower})
			for n := range most {
				commit(s, func(tx *table.Tx) { first.Put(tx, &item{Key: fmt.Sprintf("a%d", n), Group: long}) })
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			tab, after := define(c.next)
			if s, err = table.Open("state", after, options(fs)); err != nil {
				t.Fatal(err)
			}
			v := s.View()
			for n := range most {
				if _, ok := tab.First(v, c.next.Name, fmt.Sprintf(c.key, n)+long); !ok {
					t.Errorf("row %d is not found", n)
					break
				}
			}
			if n := tab.Count(v, c.next.Name, "", "\xff", 2*most); n != most {
				t.Errorf("%d entries for %d rows", n, most)
			}
			v.Close()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

package table_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cofre/fsm/table"
)

// Versions of the program: the next one has another index in front of those that stay, and one lists other keys under its old name.
var (
	next = table.Define(20, "item", func(i *item) string { return i.Key },
		table.Index[item]{Name: "first", Keys: func(i *item) []string { return []string{i.Key[:1]} }},
		table.Index[item]{Name: "group", Edition: 1, Keys: func(i *item) []string { return []string{strings.ToUpper(i.Group)} }},
		table.Index[item]{Name: "tag", Keys: func(i *item) []string { return i.Tags }})
	nextSchema = []table.Erased{table.Audit, table.AuditHead, next, others}
)

// TestReindex: a store that another version wrote has the index entries of this one when it is opened, and a version that goes back has its own again. What
// is replicated stays as it was.
func TestReindex(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	told := 0
	o := options(fs)
	o.Reindexing = func() { told++ }
	open := func(schema []table.Erased) *table.Store {
		t.Helper()
		s, err := table.Open("state", schema, o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	shut := func(s *table.Store) {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := open(schema)
	for n := range 300 {
		commit(s, put(&item{Key: fmt.Sprintf("%c%d", 'a'+n%3, n), Group: fmt.Sprint("g", n%2), Tags: []string{fmt.Sprint(n % 5)}, At: uint64(n)}), emit(fmt.Sprint(n)))
	}
	commit(s, remove("a0"))
	before := shown(t, s)
	shut(s)
	shut(open(schema))
	if told != 0 {
		t.Error("a store of this version was built anew")
	}
	check := func(s *table.Store) {
		t.Helper()
		if got := shown(t, s); got != before {
			t.Error("what is replicated changed")
		}
		v := s.View()
		defer v.Close()
		for index, keys := range map[string]map[string]int{"first": {"a": 99, "b": 100}, "group": {"G0": 149, "G1": 150, "g0": 0, "g1": 0}, "tag": {"0": 59, "4": 60}} {
			for key, want := range keys {
				found := 0
				for i := range next.By(v, index, key) {
					if found++; !next.Has(v, i.Key) {
						t.Errorf("%s %s leads to %s, which is gone", index, key, i.Key)
					}
				}
				if found != want {
					t.Errorf("%s %s finds %d rows, not %d", index, key, found, want)
				}
			}
		}
	}

	whole := func(s *table.Store, tab *table.Table[item], want int, indexes ...string) {
		t.Helper()
		v := s.View()
		defer v.Close()
		for _, index := range indexes {
			if n := tab.Count(v, index, "", "\xff", 1000); n != want {
				t.Errorf("the index %s has %d entries, not %d", index, n, want)
			}
		}
	}

	// A crash before it is durable leaves what the next start builds.
	r := rand.New(rand.NewPCG(1, 1))
	for kept := range 5 {
		s = open(nextSchema)
		clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 25 * kept, RNG: r})
		if kept == 4 {
			check(s)
		}
		shut(s)
		back := options(clone)
		s, err := table.Open("state", nextSchema, back)
		if err != nil {
			t.Fatal(err)
		}
		check(s)
		whole(s, next, 299, "first", "group", "tag")
		shut(s)
		s = open(schema) // the former version again
		whole(s, items, 299, "group", "tag", "at")
		shut(s)
	}
	if told != 10 {
		t.Errorf("built anew %d times", told)
	}
	s = open(schema)
	v := s.View()
	if n := len(strings.Fields(keys(items.By(v, "group", "g1")))); n != 150 {
		t.Errorf("the former version finds %d rows of 150", n)
	}
	v.Close()
	commit(s, put(&item{Key: "a3", Group: "g1"}))
	shut(s)
	told = 0
	s = open(nextSchema)
	defer shut(s)
	v = s.View()
	defer v.Close()
	if n := len(strings.Fields(keys(next.By(v, "group", "G1")))); n != 150 || told != 1 { // a3 was there already
		t.Errorf("%d rows, told %d times", n, told)
	}
}

package table_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cofre/fsm/audit"
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// item is a row with what the tables of the state have: a key, an index of one key, of several, and of none.
type item struct {
	Key   string   `cbor:"key"`
	Group string   `cbor:"group"`
	Tags  []string `cbor:"tags"`
	At    uint64   `cbor:"at"` // 0: not in the index
}

var (
	items = table.Define(20, "item", func(i *item) string { return i.Key },
		table.Index[item]{Name: "group", Keys: func(i *item) []string { return []string{i.Group} }},
		table.Index[item]{Name: "tag", Keys: func(i *item) []string { return i.Tags }},
		table.Index[item]{Name: "at", Keys: func(i *item) []string {
			if i.At == 0 {
				return nil
			}
			return []string{table.NumberKey(i.At)}
		}})
	others = table.Define(21, "other", func(i *item) string { return i.Key })
	schema = []table.Erased{table.Audit, table.AuditHead, items, others}
)

type quiet struct{}

func (quiet) Infof(string, ...any)       {}
func (quiet) Errorf(string, ...any)      {}
func (quiet) Fatalf(f string, a ...any)  { panic(fmt.Sprintf(f, a...)) }
func options(fs vfs.FS) table.Options    { return table.Options{FS: fs, Cache: 1 << 20, Logger: quiet{}} }
func open(t testing.TB) *table.Store     { return openOn(t, vfs.NewMem()) }
func put(i ...*item) func(*table.Tx)     { return func(tx *table.Tx) { putAll(tx, i) } }
func remove(k string) func(tx *table.Tx) { return func(tx *table.Tx) { items.Delete(tx, k) } }

func openOn(t testing.TB, fs vfs.FS) *table.Store {
	t.Helper()
	s, err := table.Open("state", schema, options(fs))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func putAll(tx *table.Tx, rows []*item) {
	for _, i := range rows {
		items.Put(tx, i)
	}
}

// commit applies changes as the entry after the last one.
func commit(s *table.Store, changes ...func(*table.Tx)) {
	b := s.Begin()
	b.Meta().Index++
	for n, c := range changes {
		c(b.Tx(table.Stamp{Pos: model.PosOf(b.Meta().Index, n), At: 1}))
	}
	b.Commit()
}

// dump lists rows, hashes and the end of the trail, and checks them against each other.
func dump(t *testing.T, v *table.View) string {
	t.Helper()
	if v.StateHash() != v.Scrub() {
		t.Error("the rolling hash is not the hash of the rows")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "applied %d hash %s\n", v.Applied().Index, v.StateHash())
	v.Rows(func(e table.Erased, key, value []byte) bool {
		fmt.Fprintf(&b, "%s %q %x\n", e.Name(), key, value)
		return true
	})
	return b.String()
}

func shown(t *testing.T, s *table.Store) string {
	t.Helper()
	v := s.View()
	defer v.Close()
	return dump(t, v)
}

func keys(rows iter.Seq[*item]) string {
	var out []string
	for r := range rows {
		out = append(out, r.Key)
	}
	return strings.Join(out, " ")
}

func emit(name string) func(*table.Tx) {
	return func(tx *table.Tx) { tx.Emit(audit.CommandDenied.With("kind", name)) }
}

package table_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"cofre/fsm/audit"
	"cofre/fsm/codec"
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// A transaction that is rolled back leaves rows, indexes, hashes and the trail as they were, also when a batch goes on.
func TestRollback(t *testing.T) {
	t.Parallel()
	s := open(t)
	commit(s, put(&item{Key: "a", Group: "g", Tags: []string{"x", "y"}, At: 7}, &item{Key: "b", Group: "g"}), emit("before"))
	before := shown(t, s)

	b := s.Begin()
	hash, head := b.StateHash(), b.Tx(table.Stamp{}).Head()
	tx := b.Tx(table.Stamp{})
	items.Put(tx, &item{Key: "a", Group: "h", Tags: []string{"y", "z"}})
	items.Put(tx, &item{Key: "a", Group: "i"})
	items.Delete(tx, "b")
	items.Put(tx, &item{Key: "b", Group: "again"})
	items.Put(tx, &item{Key: "c", Group: "g"})
	others.Put(tx, &item{Key: "o"})
	tx.Emit(audit.CommandDenied.With("kind", "lost"))
	if b.StateHash() == hash {
		t.Fatal("the changes do not count")
	}
	tx.Rollback()
	if b.StateHash() != hash {
		t.Error("the hash is not what it was")
	}
	if diff := cmp.Diff(head, b.Tx(table.Stamp{}).Head()); diff != "" {
		t.Errorf("the end of the trail moved (-before +after):\n%s", diff)
	}
	tx.Rollback() // twice is harmless
	reader := b.Tx(table.Stamp{})
	for _, c := range []struct{ index, key, want string }{
		{"group", "g", "a b"}, {"group", "h", ""}, {"group", "i", ""}, {"group", "again", ""},
		{"tag", "x", "a"}, {"tag", "y", "a"}, {"tag", "z", ""}, {"at", table.NumberKey(7), "a"},
	} {
		if got := keys(items.By(reader, c.index, c.key)); got != c.want {
			t.Errorf("%s %q gives %q, not %q", c.index, c.key, got, c.want)
		}
	}
	b.Commit()
	if diff := cmp.Diff(before, shown(t, s)); diff != "" {
		t.Errorf("the rolled back changes left traces (-before +after):\n%s", diff)
	}
	commit(s, emit("after"))
	v := s.View()
	defer v.Close()
	var prev []byte
	for e := range table.Audit.All(v, "") {
		if !bytes.Equal(e.Sum(), e.Hash) || (prev != nil && !bytes.Equal(prev, e.Prev)) {
			t.Errorf("event %d breaks the chain", e.Seq)
		}
		if prev = e.Hash; e.Field("kind") == "lost" {
			t.Error("the dropped event is in the trail")
		}
	}
}

// The hash taken between two entries of a batch is the one that a replica has which committed them one by one: raft
// chooses the batches, and they differ from node to node.
func TestHashWithinBatch(t *testing.T) {
	t.Parallel()
	whole, single := open(t), open(t)
	b := whole.Begin()
	for n := range 3 {
		commit(single, emit(fmt.Sprint(n)))
		b.Meta().Index++
		emit(fmt.Sprint(n))(b.Tx(stampOf(b)))
		v := single.View()
		if b.StateHash() != v.StateHash() {
			t.Errorf("after entry %d of the batch the hash is %s, alone %s", n+1, b.StateHash(), v.StateHash())
		}
		v.Close()
	}
	b.Commit()
	if diff := cmp.Diff(shown(t, single), shown(t, whole)); diff != "" {
		t.Error(diff)
	}
}

func TestIndexes(t *testing.T) {
	t.Parallel()
	s := open(t)
	commit(s, put(
		&item{Key: "1", Group: "a", Tags: []string{"x", "x\x00y"}, At: 1},
		&item{Key: "2", Group: "a\x00", At: 256},
		&item{Key: "3", Group: "a\x00b", Tags: []string{"x"}, At: 1 << 40},
		&item{Key: "4", Group: "", At: 2},
		&item{Key: "5", Group: "ab"},
		&item{Key: "6", Group: "a", At: 2},
		&item{Key: "7", Group: "\x00"},
	))
	v := s.View()
	defer v.Close()
	n := table.NumberKey
	for _, c := range []struct{ name, got, want string }{
		{"by", keys(items.By(v, "group", "a")), "1 6"},
		{"by a key that ends in zero", keys(items.By(v, "group", "a\x00")), "2"},
		{"by a key with a zero inside", keys(items.By(v, "group", "a\x00b")), "3"},
		{"by the empty key", keys(items.By(v, "group", "")), "4"},
		{"by a zero byte", keys(items.By(v, "group", "\x00")), "7"},
		{"by one of several keys, once", keys(items.By(v, "tag", "x")), "1 3"},
		{"by the longer of several keys", keys(items.By(v, "tag", "x\x00y")), "1"},
		{"by a number", keys(items.By(v, "at", n(2))), "4 6"},
		{"no such key", keys(items.By(v, "group", "b")), ""},
		{"range", keys(items.Range(v, "at", n(2), n(257))), "4 6 2"},
		{"range from is inclusive, to is not", keys(items.Range(v, "at", n(1), n(2))), "1"},
		{"range of nothing", keys(items.Range(v, "at", n(3), n(3))), ""},
		{"range of all", keys(items.Range(v, "at", n(0), n(1<<62))), "1 4 6 2 3"},
		{"reverse", keys(items.Reverse(v, "at", n(2), n(1<<62))), "3 2 6 4"},
		{"all", keys(items.All(v, "")), "1 2 3 4 5 6 7"},
		{"all from", keys(items.All(v, "3")), "3 4 5 6 7"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, not %q", c.name, c.got, c.want)
		}
	}
	if r, ok := items.First(v, "group", "a"); !ok || r.Key != "1" {
		t.Errorf("first is %v", r)
	}
	if r, ok := items.First(v, "group", "none"); ok {
		t.Errorf("first of nothing is %v", r)
	}
	if !items.Has(v, "4") || items.Has(v, "8") {
		t.Error("has")
	}
	for range items.All(v, "") {
		break // an early end closes the scan; Pebble's Close would complain otherwise
	}
}

// Put keeps the indexes in step with what the row says; Delete leaves none behind.
func TestPutMovesIndexes(t *testing.T) {
	t.Parallel()
	s := open(t)
	commit(s, put(&item{Key: "a", Group: "g", Tags: []string{"x", "y"}, At: 5}))
	empty := func(why string, want map[string]string) {
		t.Helper()
		v := s.View()
		defer v.Close()
		got := map[string]string{
			"g": keys(items.By(v, "group", "g")), "h": keys(items.By(v, "group", "h")), "x": keys(items.By(v, "tag", "x")),
			"y": keys(items.By(v, "tag", "y")), "at": keys(items.Range(v, "at", "", "\xff")),
		}
		for k := range got {
			if got[k] == "" {
				delete(got, k)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", why, diff)
		}
		dump(t, v)
	}
	empty("created", map[string]string{"g": "a", "x": "a", "y": "a", "at": "a"})
	commit(s, put(&item{Key: "a", Group: "h", Tags: []string{"y"}, At: 0}))
	empty("moved", map[string]string{"h": "a", "y": "a"})
	unchanged := shown(t, s)
	commit(s, put(&item{Key: "a", Group: "h", Tags: []string{"y"}, At: 0}))
	if got := shown(t, s); got[len("applied 2"):] != unchanged[len("applied 2"):] {
		t.Error("the same row again is a change")
	}
	commit(s, remove("a"), remove("a"), remove("never"))
	empty("deleted", map[string]string{})
	v := s.View()
	defer v.Close()
	if got, want := v.StateHash(), (func() table.Hash { e := open(t).View(); defer e.Close(); return e.StateHash() })(); got != want {
		t.Error("an emptied store has another hash than an empty one")
	}
}

// Random changes, some of them rolled back: the store agrees with a map, the rolling hash with the rows, and a store that
// loads the rows with both.
func TestRandomChanges(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		s, want := open(t), map[string]*item{}
		for range 40 {
			b := s.Begin()
			b.Meta().Index++
			for range r.IntN(4) {
				tx, after := b.Tx(stampOf(b)), map[string]*item{}
				for k, i := range want {
					after[k] = i
				}
				for range 1 + r.IntN(6) {
					randomChange(r, tx, after)
				}
				if r.IntN(3) == 0 {
					tx.Rollback()
				} else {
					want = after
				}
			}
			if r.IntN(5) == 0 {
				b.Drop()
				want = rows(s)
				continue
			}
			b.Commit()
		}
		if diff := cmp.Diff(want, rows(s)); diff != "" {
			t.Errorf("seed %d (-want +got):\n%s", seed, diff)
		}
		first := shown(t, s)
		checkIndexes(t, s, want)
		copied := open(t)
		v := s.View()
		if err := copied.Load(stream(v), v.Applied()); err != nil {
			t.Fatal(err)
		}
		v.Close()
		if diff := cmp.Diff(first, shown(t, copied)); diff != "" {
			t.Errorf("seed %d: the loaded store differs:\n%s", seed, diff)
		}
		checkIndexes(t, copied, want)
		commit(s, emit("next"), put(&item{Key: "n"}))
		commit(copied, emit("next"), put(&item{Key: "n"}))
		if diff := cmp.Diff(shown(t, s), shown(t, copied)); diff != "" {
			t.Errorf("seed %d: the loaded store goes on differently:\n%s", seed, diff)
		}
	}
}

func randomChange(r *rand.Rand, tx *table.Tx, after map[string]*item) {
	key := fmt.Sprint(r.IntN(12))
	switch r.IntN(4) {
	case 0:
		items.Delete(tx, key)
		delete(after, key)
	case 1:
		tx.Emit(audit.CommandDenied.With("kind", key))
	default:
		i := &item{Key: key, Group: string(rune('a' + r.IntN(3))), At: r.Uint64N(4)}
		for range r.IntN(3) {
			i.Tags = append(i.Tags, string(rune('x'+r.IntN(3))))
		}
		items.Put(tx, i)
		after[key] = i
	}
}

func rows(s *table.Store) map[string]*item {
	v := s.View()
	defer v.Close()
	out := map[string]*item{}
	for i := range items.All(v, "") {
		out[i.Key] = i
	}
	return out
}

func checkIndexes(t *testing.T, s *table.Store, want map[string]*item) {
	t.Helper()
	v := s.View()
	defer v.Close()
	for _, g := range []string{"a", "b", "c"} {
		for i := range items.By(v, "group", g) {
			if want[i.Key] == nil || want[i.Key].Group != g {
				t.Errorf("group %s lists %s", g, i.Key)
			}
		}
	}
	n := 0
	for range items.Range(v, "group", "a", "d") {
		n++
	}
	if n != len(want) {
		t.Errorf("the index of groups lists %d rows of %d", n, len(want))
	}
	for k, i := range want {
		for _, tag := range i.Tags {
			if !slices.Contains(slices.Collect(func(yield func(string) bool) {
				for r := range items.By(v, "tag", tag) {
					if !yield(r.Key) {
						return
					}
				}
			}), k) {
				t.Errorf("tag %s does not list %s", tag, k)
			}
		}
	}
}

func stampOf(b *table.Batch) table.Stamp {
	return table.Stamp{Pos: model.PosOf(b.Meta().Index, 0), At: 1}
}

// stream gives the rows of a view one by one.
func stream(v *table.View) func() (table.Row, error) {
	var rows []table.Row
	v.Rows(func(e table.Erased, key, value []byte) bool {
		rows = append(rows, table.Row{Table: e.Name(), Key: bytes.Clone(key), Value: bytes.Clone(value)})
		return true
	})
	return slice(rows)
}

func slice(rows []table.Row) func() (table.Row, error) {
	return func() (table.Row, error) {
		if len(rows) == 0 {
			return table.Row{}, io.EOF
		}
		r := rows[0]
		rows = rows[1:]
		return r, nil
	}
}

// A row that does not belong is an error that names the table, and nothing panics.
func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	good := codec.MustEncode(&item{Key: "a"})
	broken := errors.New("the wire broke")
	for name, c := range map[string]struct {
		next func() (table.Row, error)
		want string
	}{
		"unknown table": {slice([]table.Row{{Table: "nope", Key: []byte("a"), Value: good}}), `load the state: this binary does not know the table "nope"`},
		"foreign key":   {slice([]table.Row{{Table: "item", Key: []byte("b"), Value: good}}), "load a row of table item: its key does not belong to its value"},
		"unknown field": {slice([]table.Row{{Table: "item", Key: []byte(""), Value: codec.MustEncode(map[string]int{"new": 1})}}), ""},
		"garbage":       {slice([]table.Row{{Table: "item", Key: []byte("a"), Value: []byte{0xff}}}), ""},
		"broken stream": {func() (table.Row, error) { return table.Row{}, broken }, "the wire broke"},
	} {
		err := open(t).Load(c.next, table.Applied{Index: 9})
		if err == nil || (c.want != "" && err.Error() != c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Load does not lose what does not fit into one batch.
func TestLoadMuch(t *testing.T) {
	t.Parallel()
	s, n := open(t), 0
	big := make([]byte, 1<<20)
	next := func() (table.Row, error) {
		if n++; n > 10 {
			return table.Row{}, io.EOF
		}
		i := &item{Key: fmt.Sprintf("%02d", n), Group: string(big)}
		return table.Row{Table: "item", Key: []byte(i.Key), Value: codec.MustEncode(i)}, nil
	}
	if err := s.Load(next, table.Applied{Index: 77, Term: 3, Configuration: []byte("c"), ConfigurationIndex: 70}); err != nil {
		t.Fatal(err)
	}
	v := s.View()
	defer v.Close()
	if len(rows(s)) != 10 || v.Scrub() != v.StateHash() {
		t.Errorf("%d rows", len(rows(s)))
	}
	if diff := cmp.Diff(table.Applied{Index: 77, Term: 3, Configuration: []byte("c"), ConfigurationIndex: 70}, v.Applied()); diff != "" {
		t.Error(diff)
	}
}

// A row that cannot be decoded stops the node: it panics with Failure, never with a result.
func TestFailure(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := openOn(t, fs)
	newer := table.Define(20, "item", func(m *map[string]int) string { return "a" })
	commit(s, func(tx *table.Tx) { newer.Put(tx, &map[string]int{"field of the future": 1}) })
	v := s.View()
	defer v.Close()
	defer func() {
		f, ok := recover().(table.Failure)
		if !ok || f.Unwrap() == nil || f.Error() == "" {
			t.Errorf("a row of the future gave %v", f)
		}
	}()
	items.Get(v, "a")
	t.Error("it was read")
}

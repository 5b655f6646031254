package table

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"cofre/fsm/codec"
)

// thing is a row with a unique index, and with parts that a copy could share by mistake.
type thing struct {
	Key   string            `cbor:"key"`
	Name  string            `cbor:"name"`
	List  []string          `cbor:"list,omitempty"`
	Deep  []part            `cbor:"deep,omitempty"`
	Ref   *part             `cbor:"ref,omitempty"`
	Words map[string]string `cbor:"words,omitempty"`
}

type part struct {
	N []uint64 `cbor:"n"`
}

var things = Define(22, "thing", func(t *thing) string { return t.Key },
	Index[thing]{Name: "name", Unique: true, Keys: func(t *thing) []string { return []string{t.Name} }})

func openThings(t *testing.T) *Store {
	t.Helper()
	s, err := Open("state", []Erased{Audit, AuditHead, things}, Options{FS: vfs.NewMem(), Cache: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// What is read through memory is what the store holds, after any mix of puts, deletes, rollbacks, drops and evictions,
// for the writer and for views old and new.
func TestCacheAgreesWithTheStore(t *testing.T) {
	t.Parallel()
	if bad := disagreements(openThings(t), func(*Store, []byte) {}); len(bad) > 0 {
		t.Errorf("%d reads differ, the first: %s", len(bad), bad[0])
	}
}

// The control: a cache that misses one kind of write is found out.
func TestCacheControl(t *testing.T) {
	t.Parallel()
	stale := func(s *Store, key []byte) {
		s.rows.put(key, &cell{value: codec.MustEncode(&thing{Key: string(key[2:]), Name: "n" + string(key[2:]), List: []string{"stale"}}), exists: true}, 0)
	}
	if bad := disagreements(openThings(t), stale); len(bad) == 0 {
		t.Error("a stale cache was not noticed")
	}
}

func disagreements(s *Store, plant func(*Store, []byte)) (bad []string) {
	rnd := rand.New(rand.NewPCG(1, 2))
	key := func() string { return fmt.Sprint(rnd.IntN(40)) }
	check := func(what string, k []byte, got *cell, want *cell) {
		if got.exists != want.exists || string(got.value) != string(want.value) {
			bad = append(bad, fmt.Sprintf("%s of %q: %v, the store has %v", what, k, got.exists, want.exists))
		}
	}
	var views []*View
	for range 400 {
		b := s.Begin()
		for range rnd.IntN(6) {
			tx := b.Tx(Stamp{})
			for range rnd.IntN(6) {
				k := key()
				switch rnd.IntN(8) {
				case 0:
					things.Delete(tx, k)
				case 1:
					s.rows.forget(things.untyped.rowKey(key()))
				default:
					things.Put(tx, &thing{Key: k, Name: "n" + k, List: []string{key()}})
				}
			}
			if rnd.IntN(3) == 0 {
				tx.Rollback()
			}
			for range 4 {
				for _, k := range [][]byte{things.untyped.rowKey(key()), things.untyped.indexKey(0, "n"+key(), "")} {
					want := b.search(k)
					if p, ok := b.changes[string(k)]; ok {
						want = p.now // TestRandomChanges compares these with a map
					}
					check("the writer's read", k, b.get(k), want)
				}
			}
		}
		if rnd.IntN(5) == 0 {
			b.Drop()
		} else {
			b.Commit()
		}
		if rnd.IntN(50) == 0 {
			plant(s, things.untyped.rowKey(key()))
		}
		views = append(views, s.View())
		for _, v := range views {
			for range 3 {
				for _, k := range [][]byte{things.untyped.rowKey(key()), things.untyped.indexKey(0, "n"+key(), "")} {
					check("a view's read", k, v.get(k), v.search(k))
				}
			}
		}
		if len(views) > 5 {
			views[0].Close()
			views = views[1:]
		}
	}
	for _, v := range views {
		v.Close()
	}
	return bad
}

// A row that was got belongs to the one who got it, however deep he changes it.
func TestRowsAreOwnCopies(t *testing.T) {
	t.Parallel()
	s := openThings(t)
	row := func() *thing {
		return &thing{Key: "k", Name: "n", List: []string{"a"}, Deep: []part{{N: []uint64{1}}}, Ref: &part{N: []uint64{2}}, Words: map[string]string{"a": "b"}}
	}
	b := s.Begin()
	tx := b.Tx(Stamp{})
	things.Put(tx, row())
	for range 2 { // the first read decodes, the second finds it decoded
		got, _ := things.Get(tx, "k")
		if diff := cmp.Diff(row(), got); diff != "" {
			t.Fatalf("(-put +got)\n%s", diff)
		}
		got.List[0], got.Deep[0].N[0], got.Ref.N[0], got.Words["a"] = "x", 9, 9, "x"
	}
	b.Commit()
}

// Two rows under one key of a unique index are a defect that ends the command, not a lost row.
func TestUniqueIndex(t *testing.T) {
	t.Parallel()
	s := openThings(t)
	b := s.Begin()
	tx := b.Tx(Stamp{})
	things.Put(tx, &thing{Key: "1", Name: "same"})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a second row took the key")
			}
		}()
		things.Put(tx, &thing{Key: "2", Name: "same"})
	}()
	tx.Rollback()
	if _, ok := things.First(tx, "name", "same"); ok {
		t.Error("the entry outlived the rollback")
	}
	b.Commit()
}

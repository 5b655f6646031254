package table_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cofre/fsm/table"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// After a crash at any moment the store comes back at an older applied index, whole: the rows, the hashes and the end of
// the trail are those of exactly that index, and at least that of the last flush. With the log's entries from there it
// reaches the same state.
func TestCrash(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		for _, kept := range []int{0, 50, 100} {
			crash(t, seed, kept)
		}
	}
}

func crash(t *testing.T, seed uint64, kept int) {
	t.Helper()
	name := fmt.Sprintf("seed %d, %d %% of what was not synced kept", seed, kept)
	r := rand.New(rand.NewPCG(seed, uint64(kept)))
	fs := vfs.NewCrashableMem()
	s, err := table.Open("state", schema, options(fs))
	if err != nil {
		t.Fatal(err)
	}
	states, flushed := []string{shown(t, s)}, uint64(0)
	entry := func(s *table.Store, n uint64) {
		commit(s, put(&item{Key: fmt.Sprint(n % 7), Group: fmt.Sprint(n), Tags: []string{fmt.Sprint(n % 3)}}), emit(fmt.Sprint(n)))
	}
	for n := uint64(1); n <= 30; n++ {
		entry(s, n)
		states = append(states, shown(t, s))
		if r.IntN(6) == 0 {
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
			flushed = n
		}
		if r.IntN(4) != 0 && n != 30 {
			continue
		}
		clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: r})
		back, err := table.Open("state", schema, options(clone))
		if err != nil {
			t.Fatalf("%s, crash after entry %d: %v", name, n, err)
		}
		got := back.Applied().Index
		if got < flushed || got > n || shown(t, back) != states[got] {
			t.Errorf("%s, crash after entry %d, flushed to %d: back at %d with\n%s", name, n, flushed, got, shown(t, back))
		}
		for i := got + 1; i <= n; i++ {
			entry(back, i)
		}
		if shown(t, back) != states[n] {
			t.Errorf("%s: replayed to entry %d it differs", name, n)
		}
		if err := back.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A crash at any write of a build, flip and reap leaves either the old store in use, or the new one, each whole.
func TestCrashAroundFlip(t *testing.T) {
	t.Parallel()
	newer := 0
	for seed := range uint64(3) {
		for _, kept := range []int{0, 50} {
			fs := vfs.NewCrashableMem()
			h := home(t, fs)
			commit(h.Store(), put(&item{Key: "old"}))
			if err := h.Store().Flush(); err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(seed, uint64(kept)))
			after := func(step string, allowed ...string) {
				clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: r})
				back, err := table.OpenHome("home", schema, options(clone))
				if err != nil {
					t.Errorf("crash after %s: %v", step, err)
					return
				}
				v := back.View()
				dump(t, v)
				v.Close()
				i, rows := at(back)
				if got := fmt.Sprint(i, " ", rows); got != allowed[0] && got != allowed[len(allowed)-1] {
					t.Errorf("crash after %s: back with %s, not %v", step, got, allowed)
				} else if i == 9 {
					newer++
				}
				if err := back.Reap(); err != nil {
					t.Errorf("reap after a crash: %v", err)
				}
				if names, _ := clone.List("home"); len(names) != 2 {
					t.Errorf("crash after %s: reaping left %v", step, names)
				}
				if err := back.Close(); err != nil {
					t.Error(err)
				}
			}
			after("the first flush", "1 old")
			build(t, h, "9-new", 9, &item{Key: "new"})
			after("the build", "1 old")
			if err := h.Flip("9-new"); err != nil {
				t.Fatal(err)
			}
			after("the flip", "9 new")
			if err := h.Reap(); err != nil {
				t.Fatal(err)
			}
			after("the reaping", "9 new")
			commit(h.Store(), put(&item{Key: "more"}))
			after("a write", "9 new", "10 more new")
			if err := h.Store().Flush(); err != nil {
				t.Fatal(err)
			}
			after("the second flush", "10 more new")
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if newer == 0 {
		t.Error("no crash found the new store: the test proves nothing")
	}
}

// TestCrashAfterBuild: a node writes the record of the state that it received before it flips to it, so a store that was built is all
// there after a crash, its name included.
func TestCrashAfterBuild(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	h := home(t, fs)
	if err := h.Store().Flush(); err != nil {
		t.Fatal(err)
	}
	build(t, h, "9-new", 9, &item{Key: "new"})
	back, err := table.OpenHome("home", schema, options(fs.CrashClone(vfs.CrashCloneCfg{})))
	if err != nil {
		t.Fatal(err)
	}
	if err := back.Flip("9-new"); err != nil {
		t.Fatal(err)
	}
	if i, rows := at(back); i != 9 || fmt.Sprint(rows) != "new" {
		t.Errorf("back with %d %v", i, rows)
	}
	if err := errors.Join(back.Close(), h.Close()); err != nil {
		t.Error(err)
	}
}

// The first start may crash between the pointer and the store.
func TestCrashAtFirstStart(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	h := home(t, fs)
	commit(h.Store(), put(&item{Key: "a"}))
	clone := fs.CrashClone(vfs.CrashCloneCfg{})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := clone.RemoveAll("home/0-first"); err != nil {
		t.Fatal(err)
	}
	h = home(t, clone)
	if i, rows := at(h); i != 0 || rows != "" {
		t.Errorf("%d %s", i, rows)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

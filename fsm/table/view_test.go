package table_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"cofre/fsm/table"
)

// A view shows one applied index to its end, whatever is written meanwhile.
func TestViewPins(t *testing.T) {
	t.Parallel()
	s := open(t)
	commit(s, put(&item{Key: "a", Group: "old"}), emit("old"))
	v := s.View()
	defer v.Close()
	before := dump(t, v)
	var g sync.WaitGroup
	g.Go(func() {
		for n := range 50 {
			commit(s, put(&item{Key: "a", Group: fmt.Sprint(n)}, &item{Key: fmt.Sprint("k", n)}), emit("new"))
		}
		if err := s.Flush(); err != nil {
			t.Error(err)
		}
	})
	for range 20 {
		if diff := cmp.Diff(before, dump(t, v)); diff != "" {
			t.Fatalf("the view moved:\n%s", diff)
		}
	}
	g.Wait()
	if diff := cmp.Diff(before, dump(t, v)); diff != "" {
		t.Fatalf("the view moved:\n%s", diff)
	}
	if now := s.View(); now.Applied().Index != 51 || keys(items.By(now, "group", "49")) != "a" {
		t.Error("a new view shows old rows")
	} else {
		now.Close()
	}
	v.Close()
	v.Close() // twice is harmless
}

// A batch reads its own writes; a view does not see them before the commit, and never after a drop.
func TestBatchIsolation(t *testing.T) {
	t.Parallel()
	s := open(t)
	commit(s, put(&item{Key: "a"}))
	b := s.Begin()
	b.Meta().Index = 99
	items.Put(b.Tx(table.Stamp{}), &item{Key: "b"})
	if keys(items.All(b.Tx(table.Stamp{}), "")) != "a b" {
		t.Error("the next transaction of the batch does not see the former")
	}
	v := s.View()
	if keys(items.All(v, "")) != "a" || v.Applied().Index != 1 || s.Applied().Index != 1 {
		t.Error("a view sees a batch that is not committed")
	}
	v.Close()
	b.Drop()
	if v = s.View(); keys(items.All(v, "")) != "a" || s.Applied().Index != 1 {
		t.Error("a dropped batch left rows")
	}
	dump(t, v)
	v.Close()
}

// The store closes, flushed, when its last view ends; from Close on there are no new ones.
func TestCloseWaitsForViews(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	s, err := table.Open("state", schema, options(fs))
	if err != nil {
		t.Fatal(err)
	}
	commit(s, put(&item{Key: "a"}))
	v, ok := s.TryView()
	if !ok {
		t.Fatal("no view of an open store")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if keys(items.All(v, "")) != "a" {
		t.Error("the view lost its store")
	}
	if w, ok := s.TryView(); ok { // the old view still holds it
		w.Close()
	}
	v.Close()
	if _, ok := s.TryView(); ok {
		t.Error("a view of a closed store")
	}
	if got := shown(t, openOn(t, fs.CrashClone(vfs.CrashCloneCfg{}))); got == "" || !contains(got, `item "a"`) {
		t.Errorf("closing did not flush: %s", got)
	}
}

func home(t *testing.T, fs vfs.FS) *table.Home {
	t.Helper()
	h, err := table.OpenHome("home", schema, options(fs))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func build(t *testing.T, h *table.Home, dir string, index uint64, rows ...*item) table.Hash {
	t.Helper()
	src := open(t)
	commit(src, put(rows...))
	v := src.View()
	defer v.Close()
	sum, err := h.Build(dir, stream(v), table.Applied{Index: index})
	if err != nil {
		t.Fatal(err)
	}
	if sum != v.StateHash() {
		t.Error("the built store has another hash")
	}
	return sum
}

func at(h *table.Home) (uint64, string) {
	v := h.View()
	defer v.Close()
	return v.Applied().Index, keys(items.All(v, ""))
}

// A flip leaves open views where they are; the old store closes when the last of them ends.
func TestFlip(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	h := home(t, fs)
	commit(h.Store(), put(&item{Key: "old"}))
	old, store := h.View(), h.Store()
	build(t, h, "9-new", 9, &item{Key: "new"})
	if i, rows := at(h); i != 1 || rows != "old" {
		t.Fatalf("building aside showed: %d %s", i, rows)
	}
	for range 2 { // a second flip to the same does nothing
		if err := h.Flip("9-new"); err != nil {
			t.Fatal(err)
		}
	}
	if i, rows := at(h); i != 9 || rows != "new" || h.Directory() != "9-new" {
		t.Errorf("after the flip: %d %s", i, rows)
	}
	if keys(items.All(old, "")) != "old" {
		t.Error("the old view moved")
	}
	if err := h.Reap(); err != nil {
		t.Fatal(err)
	}
	if names, _ := fs.List("home"); len(names) != 3 {
		t.Fatalf("reaped while a view reads: there are %v", names)
	}
	old.Close()
	if _, ok := store.TryView(); ok {
		t.Error("the old store is still open")
	}
	if err := h.Reap(); err != nil {
		t.Fatal(err)
	}
	if names, _ := fs.List("home"); len(names) != 2 {
		t.Errorf("after reaping there are %v", names)
	}
	if err := h.Remove("9-new"); err == nil {
		t.Error("the store in use was removed")
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = home(t, fs)
	if i, rows := at(h); i != 9 || rows != "new" {
		t.Errorf("reopened: %d %s", i, rows)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

// Views are taken while stores are flipped: none panics, and each is whole.
func TestFlipWhileReading(t *testing.T) {
	t.Parallel()
	h := home(t, vfs.NewMem())
	commit(h.Store(), put(&item{Key: "0"}))
	stop := make(chan struct{})
	var g sync.WaitGroup
	for range 4 {
		g.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if i, rows := at(h); rows != "0" && rows != fmt.Sprint(i) {
					t.Errorf("a view of %d shows %q", i, rows)
				}
			}
		})
	}
	for n := uint64(2); n < 12; n++ {
		dir := fmt.Sprintf("%d-x", n)
		build(t, h, dir, n, &item{Key: fmt.Sprint(n)})
		if err := h.Flip(dir); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	g.Wait()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

// A name that is none, or of a store that is not there, does not flip: an empty state must never come into use.
func TestFlipRefuses(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	h := home(t, fs)
	defer func() { _ = h.Close() }()
	commit(h.Store(), put(&item{Key: "a"}))
	before := pointer(t, fs)
	for _, dir := range []string{"", "in-use", "../x", "a/b", `a\b`, ".", "..", "5-gone"} {
		if err := h.Flip(dir); err == nil {
			t.Errorf("flipped to %q", dir)
		}
	}
	if i, rows := at(h); i != 1 || rows != "a" || h.Directory() != "0-first" {
		t.Errorf("%d %s in %s", i, rows, h.Directory())
	}
	if after := pointer(t, fs); after != before {
		t.Errorf("the next start would look for %s", after)
	}
	// A stream that breaks leaves nothing behind.
	broken := errors.New("broken")
	if _, err := h.Build("7-half", func() (table.Row, error) { return table.Row{}, broken }, table.Applied{}); !errors.Is(err, broken) {
		t.Errorf("build: %v", err)
	}
	if names, _ := fs.List("home"); slices.Contains(names, "7-half") {
		t.Errorf("there are %v", names)
	}
}

func TestPointerDamaged(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "a path": "../elsewhere\n", "a newline": "\n", "itself": "in-use\n", "hidden": ".x\n", "a store that is gone": "9-gone\n"} {
		fs := vfs.NewMem()
		h := home(t, fs)
		commit(h.Store(), put(&item{Key: "a"}))
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := fs.Create("home/in-use", vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(f, text)
		_ = f.Close()
		if h, err := table.OpenHome("home", schema, options(fs)); err == nil {
			i, rows := at(h)
			t.Errorf("%s: opened with %d %q", name, i, rows)
		}
	}
}

// pointer is what the next start opens.
func pointer(t *testing.T, fs vfs.FS) string {
	t.Helper()
	f, err := fs.Open("home/in-use")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

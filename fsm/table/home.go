package table

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Home is a directory of stores, of which one is in use. A received state is built aside, made durable, and then
// flipped to; the old store goes when its last view ends.
type Home struct {
	fs      vfs.FS
	root    string
	schema  []Erased
	options Options
	current atomic.Pointer[placed]

	mu     sync.Mutex // guards former
	former []*placed  // out of use, and perhaps pinned by views
}

type placed struct {
	*Store
	dir string
}

const (
	pointerFile = "in-use"
	firstStore  = "0-first"
)

// OpenHome opens the store in use under root, or creates the first one.
func OpenHome(root string, schema []Erased, o Options) (*Home, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	h := &Home{fs: o.FS, root: root, schema: schema, options: o}
	if err := h.fs.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("create the state directory: %w", err)
	}
	dir, err := h.readPointer()
	if errors.Is(err, os.ErrNotExist) {
		dir, err = firstStore, errors.Join(h.syncDir(h.fs.PathDir(root)), h.writePointer(firstStore))
	}
	if err != nil {
		return nil, fmt.Errorf("find the state store in use: %w", err)
	}
	s, err := h.open(dir, dir != firstStore) // the first start may have ended before it made the first store
	if err != nil {
		return nil, fmt.Errorf("open what %s names: %w", h.fs.PathJoin(root, pointerFile), err)
	}
	h.current.Store(&placed{s, dir})
	return h, nil
}

// open opens a store. One that must exist is never created: an empty state in its place would be a state nobody had.
func (h *Home) open(dir string, exists bool) (*Store, error) {
	o := h.options
	o.mustExist = exists
	return Open(h.fs.PathJoin(h.root, dir), h.schema, o)
}

// Store is the store in use, for the one writer.
func (h *Home) Store() *Store { return h.current.Load().Store }

// Directory is the name of the store in use.
func (h *Home) Directory() string { return h.current.Load().dir }

// View pins the store in use.
func (h *Home) View() *View {
	for {
		if v, ok := h.Store().TryView(); ok {
			return v
		}
	}
}

// Build makes a new store aside from a stream of rows and leaves it closed and durable.
func (h *Home) Build(dir string, next func() (Row, error), applied Applied) (Hash, error) {
	if err := h.fs.RemoveAll(h.fs.PathJoin(h.root, dir)); err != nil {
		return Hash{}, fmt.Errorf("build a state store: %w", err)
	}
	s, err := h.open(dir, false)
	if err != nil {
		return Hash{}, err
	}
	if err := s.Load(next, applied); err != nil {
		return Hash{}, errors.Join(err, s.Close(), h.fs.RemoveAll(h.fs.PathJoin(h.root, dir)))
	}
	sum := combine(s.schema, s.hashes)
	if err := errors.Join(s.Close(), h.syncDir(h.root)); err != nil {
		return Hash{}, fmt.Errorf("build a state store: %w", err)
	}
	return sum, nil
}

// Flip puts a built store into use; flipping to the one in use does nothing.
func (h *Home) Flip(dir string) error {
	if !validDir(dir) {
		return fmt.Errorf("flip the state store: %q is not a store's name", dir)
	}
	old := h.current.Load()
	if old.dir == dir {
		return nil
	}
	s, err := h.open(dir, true)
	if err != nil {
		return err
	}
	if err := h.writePointer(dir); err != nil {
		return errors.Join(err, s.Close())
	}
	h.mu.Lock()
	h.former = append(h.former, old) // first: out of use, and not known as former, it would be reaped
	h.mu.Unlock()
	h.current.Store(&placed{s, dir})
	if err := old.Close(); err != nil {
		return fmt.Errorf("close the former state store: %w", err)
	}
	return nil
}

// pinned lists the former stores that views still read: a backup may take as long as it likes.
func (h *Home) pinned() (dirs []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.former = slices.DeleteFunc(h.former, func(p *placed) bool { return p.closed.Load() })
	for _, p := range h.former {
		dirs = append(dirs, p.dir)
	}
	return dirs
}

// Reap removes stores that are neither in use, nor read, nor named in keep.
func (h *Home) Reap(keep ...string) error {
	names, err := h.fs.List(h.root)
	if err != nil {
		return fmt.Errorf("list state stores: %w", err)
	}
	kept := map[string]bool{h.Directory(): true, pointerFile: true}
	for _, k := range append(h.pinned(), keep...) {
		kept[k] = true
	}
	for _, n := range names {
		if !kept[n] && validDir(n) {
			err = errors.Join(err, h.fs.RemoveAll(h.fs.PathJoin(h.root, n)))
		}
	}
	return err
}

// Remove removes a built store that is not in use.
func (h *Home) Remove(dir string) error {
	if !validDir(dir) || dir == h.Directory() {
		return fmt.Errorf("remove the state store %q: it is in use, or no store", dir)
	}
	return h.fs.RemoveAll(h.fs.PathJoin(h.root, dir))
}

// Close closes the store in use, flushed.
func (h *Home) Close() error { return h.Store().Close() }

func validDir(dir string) bool {
	return dir != "" && dir != pointerFile && !strings.ContainsAny(dir, "/\\") && !strings.HasPrefix(dir, ".")
}

func (h *Home) readPointer() (string, error) {
	f, err := h.fs.Open(h.fs.PathJoin(h.root, pointerFile))
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, 256))
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	dir := strings.TrimSuffix(string(b), "\n")
	if !validDir(dir) {
		return "", fmt.Errorf("the pointer to the state store is damaged")
	}
	return dir, nil
}

func (h *Home) writePointer(dir string) error {
	tmp := h.fs.PathJoin(h.root, pointerFile+".new")
	f, err := h.fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("write the pointer to the state store: %w", err)
	}
	_, err = f.Write([]byte(dir + "\n"))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the pointer to the state store: %w", err)
	}
	if err := h.fs.Rename(tmp, h.fs.PathJoin(h.root, pointerFile)); err != nil {
		return fmt.Errorf("write the pointer to the state store: %w", err)
	}
	return h.syncDir(h.root)
}

func (h *Home) syncDir(dir string) error {
	d, err := h.fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("sync the state directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync the state directory: %w", err)
	}
	return nil
}

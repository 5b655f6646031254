package keyring

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"cofre/vault/secret"
)

// memory keeps keys in pages outside the Go heap that the kernel may not swap out. Locking single heap objects would
// not do: the lock is per page and ends for all neighbours with the first unlock.
type memory struct {
	pages    [][]byte
	free     []byte // rest of the last page
	unlocked error  // why some page is not locked
}

func newMemory() *memory { return &memory{} }

// keep copies a key into the pages. The copy is wiped by its Value; its place is used again only after release.
func (m *memory) keep(v secret.Value) secret.Value {
	n := v.Len()
	if len(m.free) < n {
		m.grow()
	}
	place := m.free[:n:n]
	m.free = m.free[n:]
	_ = v.Reveal(func(b []byte) error { copy(place, b); return nil })
	return secret.New(place)
}

func (m *memory) grow() {
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		m.unlocked = fmt.Errorf("map memory for keys: %w", err)
		m.free = make([]byte, os.Getpagesize()) // the heap will do: refusing to start would help nobody
		return
	}
	m.pages = append(m.pages, page)
	m.free = page
	if err := unix.Mlock(page); err != nil {
		m.unlocked = fmt.Errorf("lock memory for keys (see LimitMEMLOCK): %w", err)
	}
}

// release gives the pages back. All keys must be wiped: nothing may point into them.
func (m *memory) release() {
	for _, page := range m.pages {
		clear(page)
		_ = unix.Munmap(page) // fails only for a range that was never mapped; ends the lock too
	}
	m.pages, m.free = nil, nil
}

package clustertest

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"sync"
)

// ErrCrashed is what a crashing folder answers.
var ErrCrashed = errors.New("the machine lost power")

// Files is a folder of snapshot records in memory, which can lose power at a chosen write.
type Files struct {
	mu      sync.Mutex // guards the fields
	content map[string][]byte
	crash   int // Replace calls until power is lost; 0: never
	lost    bool
}

// NewFiles is an empty folder.
func NewFiles() *Files { return &Files{content: map[string][]byte{}} }

// CrashAt lets the n-th Replace from now fail before anything is written, and everything after it.
func (f *Files) CrashAt(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crash = n
}

// Restart brings the power back.
func (f *Files) Restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crash, f.lost = 0, false
}

func (f *Files) clone() *Files {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &Files{content: maps.Clone(f.content)}
}

// List names the files.
func (f *Files) List() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.content)), nil
}

// Read reads one.
func (f *Files) Read(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.content[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(b), nil
}

// Replace writes one.
func (f *Files) Replace(name string, content []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.crash > 0 {
		f.crash--
		f.lost = f.lost || f.crash == 0
	}
	if f.lost {
		return ErrCrashed
	}
	f.content[name] = bytes.Clone(content)
	return nil
}

// Remove removes one.
func (f *Files) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost {
		return ErrCrashed
	}
	delete(f.content, name)
	return nil
}

package raftnode

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	"cofre/vault/disk"
)

// Files is the folder of snapshot records. Tests put a crashable one in its place.
type Files interface {
	// List names the files, sorted.
	List() ([]string, error)
	Read(name string) ([]byte, error)
	// Replace writes a file atomically and durably: after a crash there is the old content or the new.
	Replace(name string, content []byte) error
	Remove(name string) error
}

// Folder is Files in a directory of the operating system, which is created when absent.
func Folder(dir string) (Files, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of snapshot records: %w", err)
	}
	return folder(dir), nil
}

type folder string

func (f folder) List() ([]string, error) {
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	return names, nil
}

func (f folder) Read(name string) ([]byte, error) { return os.ReadFile(filepath.Join(string(f), name)) }

func (f folder) Remove(name string) error {
	err := os.Remove(filepath.Join(string(f), name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (f folder) Replace(name string, content []byte) error {
	return disk.WriteFile(filepath.Join(string(f), name), content)
}

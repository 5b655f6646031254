package siem

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"cofre/vault/disk"
)

// Cursor keeps a sink's positions.
type Cursor interface {
	Load() (positions, error)
	Store(positions) error
}

// FileCursor is a Cursor in a small file. Store replaces it atomically and returns when it is on the disk.
type FileCursor struct{ Path string }

type cursorFile struct {
	Format    int       `json:"format"`
	Positions positions `json:"positions"`
}

// Load gives the stored positions; none if there is no file. A damaged file is an error: starting over would repeat the
// whole trail, and skipping would lose some of it, so a person decides by removing the file.
func (c *FileCursor) Load() (positions, error) {
	b, err := os.ReadFile(c.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the cursor: %w", err)
	}
	var f cursorFile
	if err := json.Unmarshal(b, &f); err != nil || f.Format != 1 {
		return nil, fmt.Errorf("the cursor %s is damaged: remove it to send the trail from its beginning again", c.Path)
	}
	return f.Positions, nil
}

// Store replaces the file.
func (c *FileCursor) Store(at positions) error {
	b, err := json.Marshal(cursorFile{Format: 1, Positions: at})
	if err == nil {
		err = disk.WriteFile(c.Path, append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("store the cursor: %w", err)
	}
	return nil
}

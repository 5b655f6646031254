package siem

import (
	"context"
	"errors"
	"fmt"
	"os"

	"cofre/fsm/audit"
)

// file appends JSON lines. It opens the file for each batch, so that a rotated one is left alone, and fsyncs before the
// cursor moves.
type file struct {
	path  string
	least audit.Class
}

func newFile(c FileConfig) *file {
	f := &file{path: c.Path, least: audit.Public}
	if c.Plaintext {
		f.least = audit.Sensitive
	}
	return f
}

// Send appends the batch. A torn line of an earlier crash is ended first.
func (f *file) Send(_ context.Context, batch []audit.Event) error {
	out, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the audit file: %w", err)
	}
	var buf []byte
	if torn(out) {
		buf = append(buf, '\n')
	}
	for i := range batch {
		line, err := jsonLine(viewOf(&batch[i], f.least))
		if err != nil {
			return errors.Join(err, out.Close())
		}
		buf = append(buf, line...)
	}
	_, err = out.Write(buf)
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("write the audit file: %w", err)
	}
	return nil
}

func torn(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], info.Size()-1)
	return err == nil && last[0] != '\n'
}

// Settled is true: Send fsyncs.
func (f *file) Settled() (bool, error) { return true, nil }

// Close has nothing to give back.
func (f *file) Close() error { return nil }

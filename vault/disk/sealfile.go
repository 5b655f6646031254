package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cofre/vault/secret"
)

// SealFile writes a small encrypted file with mode 0600. It replaces an older one as a whole: after a crash there is
// either the old content or the new.
func SealFile(path string, key Key, purpose string, plaintext secret.Value) error {
	var box bytes.Buffer
	w, err := NewWriter(key, purpose, &box)
	if err == nil {
		err = plaintext.Reveal(func(b []byte) error { _, err := w.Write(b); return err })
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = WriteFile(path, box.Bytes())
	}
	if err != nil {
		return fmt.Errorf("seal file %s: %w", path, err)
	}
	return nil
}

// OpenFile reads a file that SealFile wrote. A file that is not there gives os.ErrNotExist.
func OpenFile(path string, key Key, purpose string) (secret.Value, error) {
	v, err := openFile(path, key, purpose)
	if err != nil {
		return secret.Value{}, fmt.Errorf("open sealed file %s: %w", path, err)
	}
	return v, nil
}

func openFile(path string, key Key, purpose string) (secret.Value, error) {
	box, err := os.ReadFile(path)
	if err != nil {
		return secret.Value{}, err
	}
	r, err := NewReader(key, purpose, bytes.NewReader(box))
	if err != nil {
		return secret.Value{}, err
	}
	plain := make([]byte, 0, len(box)) // large enough, so that growing leaves no copies behind
	for {
		n, err := r.Read(plain[len(plain):cap(plain)])
		plain = plain[:len(plain)+n]
		if errors.Is(err, io.EOF) {
			return secret.New(plain), nil
		}
		if err != nil {
			clear(plain)
			return secret.Value{}, err
		}
	}
}

// Leftover tells whether name is that of a temporary file that WriteFile had begun, for one of these files, when its process was
// killed. It was never in force.
func Leftover(name string, files ...string) bool {
	return slices.ContainsFunc(files, func(f string) bool {
		n, ok := strings.CutPrefix(name, "."+f+".")
		return ok && n != "" && strings.Trim(n, "0123456789") == ""
	})
}

// WriteFile replaces a file atomically and durably, mode 0600: temporary file, fsync, rename, fsync of the folder.
// The content is written as it is; it must be ciphertext or no secret.
func WriteFile(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

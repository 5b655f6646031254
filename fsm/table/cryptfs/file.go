package cryptfs

import (
	"bytes"
	"errors"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cofre/vault/disk"
)

// file is an open encrypted file. Reading and writing have positions of their own.
type file struct {
	fs      *fs
	base    vfs.File
	cipher  *disk.FileCipher // nil: the file is empty
	writeAt bool             // opened for reading and writing: the position of the file below is not ours
	read    int64            // next byte that Read returns
	written int64            // next byte that Write writes
}

var errOffset = errors.New("negative offset")

func (f *file) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := f.ReadAt(p, f.read)
	f.read += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil // the next call says so
	}
	return n, err
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errOffset // shifted, it would reach into the header
	}
	if f.cipher == nil {
		return 0, io.EOF
	}
	n, err := f.base.ReadAt(p, off+disk.HeaderSize)
	if err != nil && !errors.Is(err, io.EOF) && f.fs.failed != nil {
		f.fs.failed(err)
	}
	f.cipher.XOR(p[:n], off)
	return n, err
}

// Write encrypts p in place, which the contract of vfs.File allows; no copy is made on Pebble's hot path.
func (f *file) Write(p []byte) (n int, err error) {
	f.cipher.XOR(p, f.written)
	if f.writeAt {
		n, err = f.base.WriteAt(p, f.written+disk.HeaderSize)
	} else {
		n, err = f.base.Write(p)
	}
	f.written += int64(n)
	if n < len(p) {
		f.cipher.XOR(p[n:], f.written) // plaintext again: the caller may offer the rest once more
	}
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errOffset
	}
	box := bytes.Clone(p)
	f.cipher.XOR(box, off)
	return f.base.WriteAt(box, off+disk.HeaderSize)
}

func (f *file) Preallocate(offset, length int64) error {
	return f.base.Preallocate(offset+disk.HeaderSize, length)
}

func (f *file) Prefetch(offset, length int64) error {
	return f.base.Prefetch(offset+disk.HeaderSize, length)
}

func (f *file) SyncTo(length int64) (bool, error) { return f.base.SyncTo(length + disk.HeaderSize) }

func (f *file) Stat() (vfs.FileInfo, error) { return shift(f.base.Stat()) }
func (f *file) Close() error                { return f.base.Close() }
func (f *file) Sync() error                 { return f.base.Sync() }
func (f *file) SyncData() error             { return f.base.SyncData() }

// Fd hides the descriptor: whoever reads or maps it would see ciphertext at unshifted offsets.
func (f *file) Fd() uintptr { return vfs.InvalidFd }

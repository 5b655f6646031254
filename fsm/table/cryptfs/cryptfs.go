// Package cryptfs is a file system for Pebble whose files are encrypted under the node's disk key.
//
// It owns the layout of an encrypted file: the 64-byte header of vault/disk, then the content under AES-256-CTR; sizes
// and offsets are shifted, so Pebble does not notice. Names, folders and links are those of the file system below.
// It hides content; it does not authenticate it (Pebble's checksums and the state hash find changed bytes).
//
// It guarantees that a file of another node, of another key or without encryption is refused by name. A file is empty
// when nothing of its header reached the disk (no bytes, or only zeros): such a file was created and never synced
// before a crash, and without encryption it would be empty too. Bytes that were never written (a hole below a WriteAt,
// or a block lost in a crash) read as noise, not as zeros. Whoever opens the Pebble store may call it.
package cryptfs

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cofre/vault/disk"
)

const purpose = "state"

// fs spells out every method instead of embedding: a method that Pebble adds must be looked at, not passed through.
type fs struct {
	base   vfs.FS
	key    disk.Key
	failed func(error) // of reading; nil: only who reads is told
}

// New wraps base. The key must stay loaded as long as files are opened.
func New(base vfs.FS, key disk.Key) vfs.FS { return &fs{base: base, key: key} }

func (s *fs) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.base.Create(name, category)
	if err != nil {
		return nil, err
	}
	h, c, err := disk.NewFileHeader(s.key, purpose)
	if err == nil {
		_, err = f.Write(h[:])
	}
	if err != nil {
		return nil, fmt.Errorf("create encrypted file %s: %w", name, errors.Join(err, f.Close()))
	}
	return &file{fs: s, base: f, cipher: c}, nil
}

func (s *fs) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := s.base.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		return f, nil
	}
	var c *disk.FileCipher
	if err == nil {
		c, err = s.readHeader(f)
	}
	if err != nil {
		return nil, fmt.Errorf("open encrypted file %s: %w", name, errors.Join(err, f.Close()))
	}
	return &file{fs: s, base: f, cipher: c}, nil
}

func (s *fs) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := s.base.OpenReadWrite(name, category, opts...)
	if err != nil {
		return nil, err
	}
	c, err := s.readHeader(f)
	if err == nil && c == nil {
		var h disk.Header
		if h, c, err = disk.NewFileHeader(s.key, purpose); err == nil {
			_, err = f.WriteAt(h[:], 0)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open encrypted file %s: %w", name, errors.Join(err, f.Close()))
	}
	return &file{fs: s, base: f, cipher: c, writeAt: true}, nil
}

// readHeader finds the cipher of a file; nil for one whose header never reached the disk.
func (s *fs) readHeader(f vfs.File) (*disk.FileCipher, error) {
	var h disk.Header
	n, err := f.ReadAt(h[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read header: %w", err)
	}
	if h == (disk.Header{}) {
		return nil, nil
	}
	if n < len(h) {
		return nil, fmt.Errorf("header of %d bytes: %w", n, disk.ErrFormat)
	}
	return disk.ParseFileHeader(s.key, purpose, h)
}

// ReuseForWrite gives the new name a file of its own, as the contract allows: writing again under the key of the old
// file would reveal the difference of the two contents.
func (s *fs) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := s.base.Remove(oldname); err != nil {
		return nil, err
	}
	return s.Create(newname, category)
}

func (s *fs) Stat(name string) (vfs.FileInfo, error) { return shift(s.base.Stat(name)) }

func (s *fs) Link(oldname, newname string) error            { return s.base.Link(oldname, newname) }
func (s *fs) OpenDir(name string) (vfs.File, error)         { return s.base.OpenDir(name) }
func (s *fs) Remove(name string) error                      { return s.base.Remove(name) }
func (s *fs) RemoveAll(name string) error                   { return s.base.RemoveAll(name) }
func (s *fs) Rename(oldname, newname string) error          { return s.base.Rename(oldname, newname) }
func (s *fs) MkdirAll(dir string, perm iofs.FileMode) error { return s.base.MkdirAll(dir, perm) }
func (s *fs) Lock(name string) (io.Closer, error)           { return s.base.Lock(name) }
func (s *fs) List(dir string) ([]string, error)             { return s.base.List(dir) }
func (s *fs) PathBase(path string) string                   { return s.base.PathBase(path) }
func (s *fs) PathJoin(elem ...string) string                { return s.base.PathJoin(elem...) }
func (s *fs) PathDir(path string) string                    { return s.base.PathDir(path) }
func (s *fs) GetDiskUsage(p string) (vfs.DiskUsage, error)  { return s.base.GetDiskUsage(p) }
func (s *fs) Unwrap() vfs.FS                                { return s.base }

// shifted is the description of an encrypted file as Pebble sees it.
type shifted struct{ vfs.FileInfo }

func (i shifted) Size() int64 { return max(0, i.FileInfo.Size()-disk.HeaderSize) }

func shift(info vfs.FileInfo, err error) (vfs.FileInfo, error) {
	if err != nil || info.IsDir() {
		return info, err
	}
	return shifted{info}, nil
}

// OnDisk is New over the operating system's files. full is called, and waited for, when the disk has no space; then what failed is
// tried once more. Pebble itself tries again without a pause. failed is told of a file that cannot be read, whoever reads.
func OnDisk(key disk.Key, full func(), failed func(error)) vfs.FS {
	return on(vfs.Default, key, full, failed)
}

func on(base vfs.FS, key disk.Key, full func(), failed func(error)) vfs.FS {
	return &fs{base: vfs.OnDiskFull(base, full), key: key, failed: failed}
}

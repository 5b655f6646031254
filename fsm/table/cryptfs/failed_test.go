package cryptfs_test

import (
	"errors"
	"io"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cofre/fsm/table/cryptfs"
	"cofre/vault/disk"
)

// TestUnreadableFileIsTold: a file that the disk does not give back is told to who opened the file system, whoever reads it (a handler's
// panic would be answered and forgotten); the end of a file is not.
func TestUnreadableFileIsTold(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	base := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind == errorfs.OpFileReadAt {
			return syscall.EIO
		}
		return nil
	}))
	var told []error
	fs := cryptfs.On(base, disk.GenerateKey(), func() {}, func(err error) { told = append(told, err) })
	f, err := fs.Create("f", vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write([]byte("content"))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if f, err = fs.Open("f"); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(f); string(b) != "content" || err != nil || len(told) != 0 {
		t.Errorf("read %q, %v, told %v", b, err, told)
	}
	broken.Store(true)
	if _, err := f.ReadAt(make([]byte, 4), 0); !errors.Is(err, syscall.EIO) || len(told) != 1 || !errors.Is(told[0], syscall.EIO) {
		t.Errorf("read: %v, told %v", err, told)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

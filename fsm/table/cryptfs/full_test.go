package cryptfs_test

import (
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cofre/fsm/table/cryptfs"
	"cofre/vault/disk"
)

// fullDisk takes no byte while it is full, and counts how often it was tried.
type fullDisk struct {
	vfs.FS
	full  atomic.Bool
	tried atomic.Int64
}

type fullFile struct {
	vfs.File
	fs *fullDisk
}

func (d *fullDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	if err != nil {
		return nil, err
	}
	return &fullFile{f, d}, nil
}

func (f *fullFile) Write(p []byte) (int, error) {
	if f.fs.full.Load() {
		f.fs.tried.Add(1)
		return 0, syscall.ENOSPC
	}
	return f.File.Write(p)
}

// TestFullDiskIsTriedSlowly: while the disk is full Pebble's flushes wait as long as they are told, and none is lost when there is space
// again. The control: without a wait they are tried as fast as the machine can.
func TestFullDiskIsTriedSlowly(t *testing.T) {
	t.Parallel()
	const pause, span = 50 * time.Millisecond, 500 * time.Millisecond
	most := 2 * int64(span/pause+2) // each is tried once more at once
	for name, wait := range map[string]time.Duration{"patient": pause, "control": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := &fullDisk{FS: vfs.NewMem()}
			db, err := pebble.Open("state", &pebble.Options{FS: cryptfs.On(base, disk.GenerateKey(), func() { <-time.After(wait) }, nil), DisableWAL: true, Logger: quiet{}})
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Set([]byte("k"), []byte("v"), pebble.NoSync); err != nil {
				t.Fatal(err)
			}
			base.full.Store(true)
			flushed, err := db.AsyncFlush()
			if err != nil {
				t.Fatal(err)
			}
			<-time.After(span)
			if n := base.tried.Load(); n == 0 || (n > most) != (wait == 0) {
				t.Errorf("tried %d times in %s, with a pause of %s", n, span, wait)
			}
			base.full.Store(false)
			<-flushed
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

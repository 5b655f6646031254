package table_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cofre/fsm/table"
)

// TestFailedDisk: who opened a store is told that its tables cannot be written, by what the disk says; and nothing that was committed
// is lost to those who read meanwhile, or once the disk takes it.
func TestFailedDisk(t *testing.T) {
	t.Parallel()
	for _, fault := range []error{syscall.EIO, syscall.EROFS, syscall.ENOENT} {
		t.Run(fault.Error(), func(t *testing.T) {
			t.Parallel()
			var broken atomic.Bool
			fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
				if broken.Load() && op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst") {
					return fault
				}
				return nil
			}))
			o, told := options(fs), make(chan error, 1)
			o.Failed = func(err error) {
				select {
				case told <- err:
				default:
				}
			}
			s, err := table.Open("state", schema, o)
			if err != nil {
				t.Fatal(err)
			}
			broken.Store(true)
			commit(s, put(&item{Key: "a"}))
			want := shown(t, s)
			flushed := make(chan error, 1)
			go func() { flushed <- s.Flush() }()
			select {
			case err := <-told:
				if !errors.Is(err, fault) {
					t.Errorf("told %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("nobody is told")
			}
			if got := shown(t, s); got != want {
				t.Errorf("it shows %s, want %s", got, want)
			}
			broken.Store(false)
			if err := errors.Join(<-flushed, s.Close()); err != nil {
				t.Fatal(err)
			}
			if got := shown(t, openOn(t, fs)); got != want {
				t.Errorf("it comes back with %s, want %s", got, want)
			}
		})
	}
}

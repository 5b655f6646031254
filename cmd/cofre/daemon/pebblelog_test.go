package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"
	"golang.org/x/sys/unix"
)

// TestPebbleLog: a full disk does not fill the log too, one that fails ends the process, which says of which file and what to do, other
// errors are told each time, a damaged file is named without the keys of its rows and with what to do, and a full disk with what to do.
func TestPebbleLog(t *testing.T) {
	t.Parallel()
	log, hook := logrustest.NewNullLogger()
	log.SetLevel(logrus.InfoLevel)
	ended := 0
	log.ExitFunc = func(int) { ended++ }
	l := newPebbleLog(log, "state", "/data/state", "replace the node")
	for range 1000 {
		l.failed(&fs.PathError{Op: "write", Path: "/data/state/000007.sst", Err: unix.ENOSPC})
	}
	l.Errorf("something else: %d", 1)
	l.Errorf("something else: %d", 2)
	var told []string
	for _, e := range hook.AllEntries() {
		told = append(told, e.Message)
	}
	if len(told) != 3 || ended != 0 || !strings.Contains(told[0], "000007.sst: no space left on device: make room") {
		t.Errorf("ended %d times, told: %q", ended, told)
	}
	for n, fault := range []error{unix.EIO, unix.EROFS, unix.ENOENT} {
		l.failed(fmt.Errorf("flush: %w", errors.Join(&fs.PathError{Op: "open", Path: "/data/state/000008.sst", Err: fault}, io.ErrClosedPipe)))
		e := hook.LastEntry()
		if ended != n+1 || e.Level != logrus.FatalLevel || !strings.Contains(e.Message, "/data/state/000008.sst: "+fault.Error()) || !strings.HasSuffix(e.Message, "replace the node") {
			t.Errorf("ended %d times: %s", ended, e.Message)
		}
	}
	got := l.fatal("on-disk corruption: /data/state/1.sst; bounds: [\\x00a; web1.example.org]; details: checksum mismatch 1 != 2\n(1) path\n -- stack trace")
	if want := "on-disk corruption: /data/state/1.sst; details: checksum mismatch 1 != 2: replace the node"; got != want {
		t.Errorf("%s\n%s", got, want)
	}
	if got := l.fatal("MANIFEST flush failed: no space left on device"); strings.Contains(got, "replace") || !strings.Contains(got, "make room on the disk of /data/state") {
		t.Errorf("data are thrown away for a full disk: %s", got)
	}
}

package daemon

import (
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"
)

// TestPebbleLog: a full disk does not fill the log too, other errors are told each time, and a damaged file is named without the keys
// of its rows and with what to do.
func TestPebbleLog(t *testing.T) {
	t.Parallel()
	log, hook := logrustest.NewNullLogger()
	log.SetLevel(logrus.InfoLevel)
	l := newPebbleLog(log, "state", "replace the node")
	for range 1000 {
		l.Errorf("background error: %s", "no space left on device")
	}
	l.Errorf("something else: %d", 1)
	l.Errorf("something else: %d", 2)
	var told []string
	for _, e := range hook.AllEntries() {
		told = append(told, e.Message)
	}
	if len(told) != 3 || !strings.Contains(told[0], "no space left on device") {
		t.Errorf("told: %q", told)
	}
	got := l.fatal("on-disk corruption: /data/state/1.sst; bounds: [\\x00a; web1.example.org]; details: checksum mismatch 1 != 2\n(1) path\n -- stack trace")
	if want := "on-disk corruption: /data/state/1.sst; details: checksum mismatch 1 != 2: replace the node"; got != want {
		t.Errorf("%s\n%s", got, want)
	}
	if got := l.fatal("MANIFEST flush failed: no space left on device"); strings.Contains(got, "replace") {
		t.Errorf("data are thrown away for a full disk: %s", got)
	}
}

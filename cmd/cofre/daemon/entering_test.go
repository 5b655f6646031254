package daemon

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"cofre/cmd/cofre/config"
)

// TestNoSpace: nobody founds, enters or restores a cluster on a disk that is nearly full; a restore that comes to its end stops before
// the store does, which would wait for ever. The control: a disk with space.
func TestNoSpace(t *testing.T) {
	t.Parallel()
	free := config.Listen{Listen: "127.0.0.1:0"}
	api := config.API{Listen: "127.0.0.1:0"}
	c := config.Config{DataDir: t.TempDir(), Peer: free, API: api, Gossip: free}
	if err := canServe(t.Context(), c); (err != nil) != diskLow(c.DataDir) {
		t.Errorf("in the temporary folder: %v", err)
	}
	c.DataDir = "/proc" // has none
	if err := canServe(t.Context(), c); err == nil || !strings.Contains(err.Error(), "data_dir: the disk is nearly full") {
		t.Errorf("without space: %v", err)
	}
	for _, full := range []int{0, 3} { // at which look
		looks := 0
		s := &sparing{Reader: bytes.NewReader(make([]byte, 3*spared)), low: func() bool { looks++; return looks == full }}
		n, err := io.Copy(io.Discard, s)
		if full == 0 && (err != nil || n != 3*spared) || full > 0 && (!errors.Is(err, errNoSpace) || n < spared || n >= 3*spared) {
			t.Errorf("full at look %d: %d bytes, %v", full, n, err)
		}
	}
}

package operator

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/input"
)

// TestWriteShares: the files are all there or none is, and one that was there stays as it was. Before, shares that are in force nowhere lay
// beside one that may be.
func TestWriteShares(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	if typed, err := writeShares("recovery", []string{"ONE", "TWO", "THREE"}, dir); err != nil || typed != "ONE" {
		t.Fatalf("%q, %v", typed, err)
	}
	for _, name := range []string{"recovery-1", "recovery-3"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if typed, err := writeShares("recovery", []string{"FOUR", "FIVE", "SIX"}, dir); err == nil || typed != "" || !strings.Contains(err.Error(), "recovery-2 exists") {
		t.Errorf("%q, %v", typed, err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("there are %v, %v", left, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "recovery-2")); err != nil || string(b) != "TWO\n" {
		t.Errorf("the share that was there is %q, %v", b, err)
	}
}

// TestInitIsProven: an init ends well when one of the shares was typed, in whatever case; else its status says that nobody knows whether they were kept.
func TestInitIsProven(t *testing.T) {
	t.Parallel()
	for typed, proven := range map[string]bool{"R-TWO\n": true, "no\n r-one \n": true, "no\nU-ONE\n": false, "": false} {
		var out strings.Builder
		cmd := &cobra.Command{}
		cmd.SetOut(&out)
		cmd.SetIn(strings.NewReader(typed))
		err := showInit(cmd, initAnswer{Shares: []string{"U-ONE"}, RecoveryShares: []string{"R-ONE", "R-TWO"}}, nil)
		if (err == nil) != proven || !strings.Contains(out.String(), "cofre cluster token") || err != nil && !strings.Contains(err.Error(), "cofre recover rekey") {
			t.Errorf("%q: %v\n%s", typed, err, out.String())
		}
	}
}

// TestSharesForNobody: who would type shares for a node that has no vault is told before.
func TestSharesForNobody(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	client, _ := daemonDouble(t, mux)
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"initialized":false,"headline":"this node does not belong to a cluster yet"}`))
	})
	cmd := &cobra.Command{}
	cmd.SetIn(strings.NewReader("ONE\n"))
	cmd.SetContext(t.Context())
	if err := feedShares(cmd, client(), "/unseal"); err == nil || !strings.Contains(err.Error(), "does not belong to a cluster yet") {
		t.Error(err)
	}
}

// TestUnasked: a daemon that another user may not ask is not one that does not run.
func TestUnasked(t *testing.T) {
	t.Parallel()
	for why, want := range map[error]string{
		syscall.EACCES:       "only root and the user of the daemon may use its socket: try it with sudo (/run/s",
		syscall.ECONNREFUSED: "no cofre server answers at /run/s",
		syscall.ENOENT:       "no cofre server answers at /run/s",
	} {
		if err := unasked("/run/s", why); !strings.HasPrefix(err.Error(), want) || !undone(err) {
			t.Errorf("%v: %v, undone %t", why, err, undone(err))
		}
	}
}

// TestInterruptedShares: who interrupts is not told that too few shares came.
func TestInterruptedShares(t *testing.T) {
	t.Parallel()
	silent, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = hold.Close(), silent.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cmd := &cobra.Command{}
	cmd.SetIn(input.Of(ctx, silent))
	if _, err := shareLines(cmd)(); !errors.Is(err, input.ErrInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
	cmd.SetIn(strings.NewReader("\n"))
	if _, err := shareLines(cmd)(); err == nil || err.Error() != tooFewShares {
		t.Errorf("at the end: %v", err)
	}
}

package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestConsoleWithoutAMajority: on the one node that is left each command says what it takes, and no new shares lie about that nobody could
// put in force.
func TestConsoleWithoutAMajority(t *testing.T) {
	t.Parallel()
	c := startSeveral(t, 3, "")
	first := c.nodes[0]
	c.nodes[1].kill()
	c.nodes[2].kill()
	time.Sleep(7 * time.Second) // it knows by then
	shares := filepath.Join(t.TempDir(), "shares")
	first.fails("no contact with the leader", "", "recover", "rekey", "--recovery-out", shares)
	if _, err := os.Stat(shares); !os.IsNotExist(err) {
		t.Errorf("shares that nobody put in force: %v", err)
	}
	first.fails("1 of 3 voters answer", "", "cluster", "remove", "n3")
	first.fails("no leader is known", "", "cluster", "transfer-leader")
}

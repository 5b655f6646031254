package api

import (
	"strings"
	"testing"
)

// TestLongMessageKeepsTheTable: a message is cut for people, nothing else is; what is empty has a dash.
func TestLongMessageKeepsTheTable(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ã", 80)
	got := cells([]string{"CREDENTIAL", "MESSAGE", "NODE"}, []string{long, long, ""})
	if got[0] != long || got[1] != strings.Repeat("ã", maxSentence-1)+"…" || got[2] != "-" {
		t.Errorf("%q", got)
	}
	if got := cells([]string{"MESSAGE"}, []string{strings.Repeat("ã", maxSentence)}); got[0] != strings.Repeat("ã", maxSentence) {
		t.Errorf("%q", got)
	}
}

package api

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"cofre/httpapi/operation"
)

// Who waits for an operation is told what each attempt met, not only its class.
func TestFollowTellsWhy(t *testing.T) {
	t.Parallel()
	var out, notes bytes.Buffer
	c := &cobra.Command{}
	c.SetOut(&out)
	c.SetErr(&notes)
	o := &operation.View{Number: 7, State: "dead", Final: true, Attempts: []operation.Attempt{
		{Outcome: "not started", Class: "tls", Message: "the server offers no TLS\x1b[2J"}, {Outcome: "applied"}, {}}}
	err := (&session{}).follow(c, o)
	if err == nil || !strings.Contains(err.Error(), "cofre operation show 7") {
		t.Error(err)
	}
	if got := notes.String(); strings.Count(got, "attempt ") != 1 || !strings.Contains(got, "    attempt 1: the server offers no TLS") || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
}

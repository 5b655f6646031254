package api

import (
	"bytes"
	"regexp"
	"strconv"
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

// One command waits for all that it asked for, and tells what became of each; what was refused is among them.
func TestWaitForSeveral(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	h.run("template", "put", "passwd", h.file("t", "exec \"passwd\""), "--executor", "ssh")
	for _, name := range []string{"root", "app"} {
		h.run("credential", "create", name, "--hostname", "web1", "--username", name, "--template", "passwd", "--generate")
	}
	cancelled := make(chan error)
	go func() {
		defer close(cancelled)
		for n := range 2 {
			for {
				if _, _, err := h.try("", "operation", "cancel", strconv.Itoa(n+1)); err == nil {
					break
				} else if !strings.Contains(err.Error(), "no such operation") {
					cancelled <- err
					return
				}
			}
		}
	}()
	out, notes, err := h.try("", "operation", "request", "root", "none", "app", "--wait")
	for err := range cancelled {
		t.Fatal(err)
	}
	out = regexp.MustCompile(` [12] `).ReplaceAllString(steady(out), " N ") // they are asked for side by side
	if err == nil || !strings.Contains(err.Error(), "3 of 3 did not succeed") || out != "NAME  NUMBER  STATE  ERROR\nroot  N  cancelled  -\nnone  -  -  Credential not found\napp  N  cancelled  -\n" {
		t.Errorf("%v\n%s", err, out)
	}
	if notes != "1 of 3: root: cancelled\n2 of 3: none: Credential not found\n3 of 3: app: cancelled\n" {
		t.Errorf("%q", notes)
	}
	out, _, err = h.try("", "operation", "wait", "1", "77", "--csv")
	if err == nil || !strings.HasPrefix(out, "NAME,NUMBER,STATE,ERROR\n1,1,cancelled,\n77,,,") || !strings.Contains(out, "no such operation") {
		t.Errorf("%v\n%s", err, out)
	}
}

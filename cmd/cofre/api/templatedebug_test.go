package api

import (
	"strings"
	"testing"

	"cofre/fsm/model"
	fsmnode "cofre/fsm/node"
	"cofre/fsm/operation"
	"cofre/fsm/state"
)

// TestTemplateDebugger: what a template would do and with what, a dry run, and the record of an attempt. The slot is played here. No
// secret is in anything that is printed.
func TestTemplateDebugger(t *testing.T) {
	t.Parallel()
	h := open(t)
	play(h, fsmnode.Announce, fsmnode.AnnounceArgs{Announced: model.Announcement{Slots: 1, Version: "test", Level: 1}})
	h.run("device", "create", "web1")
	h.run("template", "put", "Ours", h.file("t.txt", "exec \"passwd [#USERNAME#]\"\nexpect \"*:\"\nexec [#NEW_PASSWORD#]\nexpect \"*$\"\nend\n"), "--executor", "ssh")
	h.run("template", "put", "More", h.file("m.txt", "exec \"passwd [#ADD_INFO#]\"\nexec [#NEW_PASSWORD#]\nend\n"), "--executor", "ssh")
	h.runWith(password, "credential", "create", "a", "--hostname", "web1", "--username", "ann", "--secret-stdin", "--template", "Ours")
	var printed strings.Builder
	run := func(args ...string) string {
		t.Helper()
		out, notes, err := h.try("", args...)
		if err != nil {
			t.Fatalf("cofre %s: %v", strings.Join(args, " "), err)
		}
		printed.WriteString(out + notes)
		return out
	}
	says := func(out string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("it does not say %q:\n%s", want, out)
			}
		}
	}

	says(run("template", "explain", "Ours"), "version", "   1  ", "exec \"passwd [#USERNAME#]\"", "[#NEW_PASSWORD#]  secret", "[#USERNAME#]  shown")
	says(run("template", "explain", "Ours", "--credential", "a"), "[#NEW_PASSWORD#]  (hidden)", "[#USERNAME#]  ann")
	out, _, err := h.try("", "template", "explain", "More", "--credential", "a")
	if err == nil || !strings.Contains(err.Error(), "a tag has no value for this credential") {
		t.Error(err)
	}
	says(out, "[#ADD_INFO#]  (no value)")
	h.refused("no such template", "template", "explain", "None")

	// The slot of the dry run, and then that of the change, is played beside the command that waits for it.
	for _, c := range []struct {
		args   []string
		report operation.FinishArgs
		wants  []string
		failed string
	}{
		{[]string{"template", "dry-run", "Ours", "--credential", "a"}, operation.FinishArgs{Outcome: model.OutcomeApplied, Attempt: model.Attempt{Steps: []model.Step{{Text: "the target was reached, and let [#AUTH_USER#] in"}}}},
			[]string{"let [#AUTH_USER#] in"}, ""},
		{[]string{"template", "dry-run", "Ours", "--credential", "a"}, operation.FinishArgs{Outcome: model.OutcomeNotStarted, Class: "network", Message: "no route"}, nil, "no route"},
	} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.slot(c.report)
		}()
		out, notes, err := h.try("", c.args...)
		<-done
		printed.WriteString(out + notes)
		if (err != nil) != (c.failed != "") || err != nil && !strings.Contains(err.Error()+out+notes, c.failed) {
			t.Errorf("%v: %v\n%s%s", c.args, err, out, notes)
		}
		says(out, c.wants...)
	}

	h.run("operation", "request", "a")
	h.slot(operation.FinishArgs{Outcome: model.OutcomeNotStarted, Class: "timeout", Message: "the target did not answer", Attempt: model.Attempt{
		TemplateVersion: 1, Steps: []model.Step{{Text: "logged in as [#AUTH_USER#]"}, {At: 5, Line: 1, Text: "exec \"passwd [#USERNAME#]\"", Sent: 12}, {At: 1005, Line: 2, Text: "expect \"*:\"", Got: 3, Error: "it did not come"}}}})
	says(run("template", "replay", "3"), "1 of 1", "Ours", "   1  done     ", "sent 12, got 0 bytes", "+1.005s", "; it did not come", "   3  not reached", "logged in as [#AUTH_USER#]")
	h.refused("the operation has 1 attempts", "template", "replay", "3", "--attempt", "2")
	if strings.Contains(printed.String(), password) {
		t.Error("a secret was printed")
	}
}

// slot plays one attempt on the operation that waits, with its template.
func (h *house) slot(report operation.FinishArgs) {
	h.t.Helper()
	for {
		again := h.fsm.Changed()
		v := h.fsm.View()
		var waiting *model.Operation
		for o := range state.Operations.All(v, "") {
			if o.State == model.OpReady || o.State == model.OpUncertain {
				waiting = o
			}
		}
		v.Close()
		if waiting == nil {
			select {
			case <-again:
				continue
			case <-h.t.Context().Done():
				return
			}
		}
		report.Operation, report.Attempt.Template = waiting.ID, waiting.Template
		report.Token = play(h, operation.Grant, operation.GrantArgs{Operation: waiting.ID, Node: "n1"}).Token
		play(h, operation.Finish, report)
		return
	}
}

package daemon

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/sirupsen/logrus/hooks/test"

	"cofre/fsm/application"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/dsm"
	"cofre/fsm/trail"
)

// writer keeps what was proposed, or fails.
type writer struct {
	fail error
	got  []command.Envelope
}

func (w *writer) Propose(_ context.Context, e command.Envelope) (command.Result, error) {
	w.got = append(w.got, e)
	return command.Result{Body: codec.MustEncode(dsm.Done{})}, w.fail
}

// Reads that showed nothing are audited with their number, once; what could not be written is told the next time.
func TestUnchangedReadsAreAudited(t *testing.T) {
	t.Parallel()
	log, _ := test.NewNullLogger()
	w := &writer{fail: errors.New("no majority")}
	m := &member{notes: newNotes(), log: log}
	m.notes.unchanged.add("a", "10.0.0.1")
	m.notes.unchanged.add("a", "10.0.0.1")
	m.writeTallies(t.Context(), w)
	m.notes.unchanged.add("a", "10.0.0.1")
	w.fail, w.got = nil, nil
	m.writeTallies(t.Context(), w)
	m.writeTallies(t.Context(), w)
	if len(w.got) != 1 || w.got[0].Kind != "dsm.unchanged" {
		t.Fatalf("%+v", w.got)
	}
	var args dsm.UnchangedArgs
	if err := codec.Decode(w.got[0].Payload, &args); err != nil || len(args.Counts) != 1 || args.Counts[0] != (dsm.UnchangedCount{Authorization: "a", Source: "10.0.0.1", Count: 3}) {
		t.Errorf("%+v, %v", args, err)
	}
}

// So are issued tokens.
func TestTokensAreAudited(t *testing.T) {
	t.Parallel()
	log, _ := test.NewNullLogger()
	w := &writer{fail: errors.New("no majority")}
	m := &member{notes: newNotes(), log: log}
	m.notes.tokens.add("a", "10.0.0.1")
	m.writeTallies(t.Context(), w)
	m.notes.tokens.add("a", "10.0.0.1")
	w.fail, w.got = nil, nil
	m.writeTallies(t.Context(), w)
	m.writeTallies(t.Context(), w)
	if len(w.got) != 1 {
		t.Fatalf("%+v", w.got)
	}
	var args application.CountArgs
	if err := codec.Decode(w.got[0].Payload, &args); err != nil || len(args.Counts) != 1 || args.Counts[0] != (application.TokenCount{Authorization: "a", Source: "10.0.0.1", Count: 2}) {
		t.Errorf("%+v, %v", args, err)
	}
}

// And denials.
func TestDenialsAreAudited(t *testing.T) {
	t.Parallel()
	log, _ := test.NewNullLogger()
	w := &writer{fail: errors.New("no majority")}
	m := &member{notes: newNotes(), log: log}
	m.notes.deny("401 unauthenticated", "10.0.0.1")
	m.writeDenials(t.Context(), w)
	m.notes.deny("401 unauthenticated", "10.0.0.2")
	w.fail, w.got = nil, nil
	m.writeDenials(t.Context(), w)
	m.writeDenials(t.Context(), w)
	if len(w.got) != 1 || w.got[0].Kind != "audit.note" {
		t.Fatalf("%+v", w.got)
	}
	var args trail.NoteArgs
	if err := codec.Decode(w.got[0].Payload, &args); err != nil || args.Count != 2 || len(args.Sources) != 2 || !slices.Equal(args.Reasons, []string{"401 unauthenticated x 2"}) {
		t.Errorf("%+v, %v", args, err)
	}
}

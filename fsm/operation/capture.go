package operation

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// This file holds what a target says in an attempt, kept on demand: a pattern that did not come is understood only by who sees
// what came instead (RULES 10).

// Captured is what a slot kept of one attempt.
type Captured struct {
	Row    string       `cbor:"row"`
	Output model.Sealed `cbor:"output"`
	Bytes  int          `cbor:"bytes"` // that the target sent
}

// CaptureArgs name an operation, and say whether what its target says is kept.
type CaptureArgs struct {
	Operation model.OperationID `cbor:"operation"`
	On        bool              `cbor:"on"`
}

// Capture lets what the target says be kept from the next attempt on, or keeps it no longer and drops what was kept. Asking for it needs
// what reading it will need, and the right to run operations.
var Capture = command.Define("operation.capture", 1, func(tx *table.Tx, m command.Meta, a CaptureArgs) (model.Operation, error) {
	o, _, err := controlled(tx, m, a.Operation)
	if err != nil {
		return model.Operation{}, err
	}
	if a.On {
		if err := mayHear(tx, m, o); err != nil {
			return model.Operation{}, err
		}
		if o.State == model.OpSucceeded || o.State == model.OpCancelled {
			return model.Operation{}, model.Errorf(model.Conflict, "the operation is %s: it has no further attempt in which its target could say anything", o.State)
		}
	} else {
		dropCaptures(tx, o.ID)
	}
	capture(tx, o, a.On)
	putOperation(tx, o)
	return *o, nil
}).AuditDenials()

func capture(tx *table.Tx, o *model.Operation, on bool) {
	o.Capture = on
	word := "no"
	if on {
		word = "yes"
	}
	tx.Emit(audit.OperationCapture.With("operation", string(o.ID), "number", fmt.Sprint(o.Number), "on", word))
}

// mayHear decides who may ask for what the target says: who may read every secret that the attempt works with. The values of an
// application's secrets are nobody's but the application's.
func mayHear(tx *table.Tx, m command.Meta, o *model.Operation) error {
	if o.Occasion != nil {
		return model.Errorf(model.Invalid, "what a target says in an automation of an application's secret is not kept").WithField("capture")
	}
	return mayReadAll(tx, m, involved(tx, o, state.DoorOf(tx, o)))
}

// involved lists the credentials whose secrets an attempt works with.
func involved(tx *table.Tx, o *model.Operation, door model.CredentialID) []model.CredentialID {
	ids := []model.CredentialID{door}
	if o.Target.Kind == model.TargetCredential {
		c, _ := state.Credentials.Look(tx, o.Target.ID)
		ids = append(ids, c.ID, c.Parent)
	}
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id model.CredentialID) bool { return id == "" })
}

func mayReadAll(tx *table.Tx, m command.Meta, ids []model.CredentialID) error {
	for _, id := range ids {
		if _, err := command.MayReference(tx, m.Actor, m.At, id, ""); err != nil {
			return model.Errorf(model.Denied, "what a target says is kept for those who may read every secret that the operation works with").WithCode(1009)
		}
	}
	return nil
}

// keepCapture stores what a slot kept, unless that is no longer wanted. It never stops a report: what is too long,
// or was sealed under a key term that is gone, is not kept.
func keepCapture(tx *table.Tx, m command.Meta, o *model.Operation, l *model.Lease, c *Captured) {
	if c == nil || !o.Capture || c.Row == "" || len(c.Output.Box) > model.MaxCaptured+maxMessage || state.CheckTerm(tx, c.Output) != nil {
		return
	}
	n := state.Next(tx, "capture")
	if n > model.MaxCaptures {
		if old, ok := state.Captures.First(tx, "number", table.NumberKey(n-model.MaxCaptures)); ok {
			state.Captures.Delete(tx, state.Captures.Key(old))
		}
	}
	state.Captures.Put(tx, &model.Capture{
		Operation: o.ID, Token: l.Token, Number: n, Row: c.Row, Output: c.Output, Bytes: c.Bytes, Involved: involved(tx, o, cmp.Or(l.Door, state.DoorOf(tx, o))), At: m.At,
	})
}

func dropCaptures(tx *table.Tx, id model.OperationID) {
	for _, c := range state.CapturesOf(tx, id) {
		state.Captures.Delete(tx, state.Captures.Key(c))
	}
}

// ReadCaptureArgs name an attempt.
type ReadCaptureArgs struct {
	Operation model.OperationID `cbor:"operation"`
	Attempt   int               `cbor:"attempt"` // from 1; 0: the last one of which something was kept
}

// ReadCaptureResult is what was kept, whose read is now committed.
type ReadCaptureResult struct {
	Capture model.Capture `cbor:"capture"`
	Attempt int           `cbor:"attempt"`
}

// ReadCapture records the read of what a target said. It is for who may read every secret that the attempt worked with.
var ReadCapture = command.Define("operation.captured", 1, func(tx *table.Tx, m command.Meta, a ReadCaptureArgs) (ReadCaptureResult, error) {
	o, ok := state.Operations.Get(tx, string(a.Operation))
	if !ok {
		return ReadCaptureResult{}, model.Errorf(model.NotFound, "there is no such operation")
	}
	s, err := subjectOf(tx, o)
	if err != nil {
		return ReadCaptureResult{}, err
	}
	if _, err := command.Authorize(tx, m.Actor, m.At, hear, s.object()); err != nil {
		return ReadCaptureResult{}, err
	}
	n, found := 0, ReadCaptureResult{}
	for at := range state.Attempts.All(tx, string(o.ID)+"/") {
		if at.Operation != o.ID {
			break
		}
		n++
		if c, ok := state.CaptureOf(tx, at); ok && (a.Attempt == 0 || a.Attempt == n) {
			found = ReadCaptureResult{Capture: *c, Attempt: n}
		}
	}
	if err := mayReadAll(tx, m, found.Capture.Involved); err != nil {
		return ReadCaptureResult{}, err
	}
	if found.Attempt == 0 || found.Capture.Until() <= m.At {
		return ReadCaptureResult{}, model.Errorf(model.NotFound, "nothing that the target said is kept: that is done on demand, for %g days, and where a target says more than stands in the message", model.CaptureKeep.Hours()/24)
	}
	tx.Emit(audit.OperationCaptured.With("operation", string(o.ID), "number", fmt.Sprint(o.Number), "attempt", fmt.Sprint(found.Attempt)))
	return found, nil
}).AuditDenials()

// DropCaptures removes what was kept long enough. It emits no event.
var DropCaptures = command.Define("operation.drop_captures", 1, func(tx *table.Tx, m command.Meta, _ Done) (PruneResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return PruneResult{}, err
	}
	if state.SystemRow(tx).Frozen {
		return PruneResult{}, errPruneFrozen
	}
	var old []string
	for c := range state.Captures.Range(tx, "number", table.NumberKey(0), table.NumberKey(math.MaxUint64)) {
		if c.Until() > m.At || len(old) == pruneSome {
			break
		}
		old = append(old, state.Captures.Key(c))
	}
	for _, k := range old {
		state.Captures.Delete(tx, k)
	}
	return PruneResult{Removed: len(old), More: len(old) == pruneSome}, nil
})

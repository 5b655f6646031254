package operation

import (
	"fmt"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// FinishArgs are what an attempt came to. A change reports Outcome and Class; a settling reports Proven (the version that
// logged in, 0 if none), Refused (those that the target refused) and whether all were tried. Logins are those that failed,
// or may have.
type FinishArgs struct {
	Operation model.OperationID `cbor:"operation"`
	Token     model.Pos         `cbor:"token"`
	Outcome   model.Outcome     `cbor:"outcome"`
	Class     string            `cbor:"class,omitempty"`
	Message   string            `cbor:"message,omitempty"` // redacted
	Futile    bool              `cbor:"futile,omitempty"`  // the device's settings refuse it, before anybody is dialed
	Proven    uint64            `cbor:"proven,omitempty"`
	Refused   []uint64          `cbor:"refused,omitempty"`
	Found     bool              `cbor:"found,omitempty"` // a removal: the user was there when the attempt began
	Logins    model.Logins      `cbor:"logins"`
	Attempt   model.Attempt     `cbor:"attempt"`
	Captured  *Captured         `cbor:"captured,omitempty"` // nil: nothing was to be kept, or the target said nothing
}

// FinishResult tells whether the report was taken and what became of the operation.
type FinishResult struct {
	Fenced bool                 `cbor:"fenced,omitempty"`
	State  model.OperationState `cbor:"state,omitempty"`
}

const (
	settlePause = 2 * time.Second // the shortest time that packets on their way get to land
	maxMessage  = 1024
	maxSteps    = 200
	classAuth   = "auth"

	// classTemplate: the template and what the operation has for it do not fit. No target has a part in that, and nothing of it
	// changes by itself.
	classTemplate = "template"

	// classHostKey, classTLS: the target did not prove who it is, and was told nothing.
	classHostKey = "hostkey"
	classTLS     = "tls"

	uncorrected = "; it was not tried again, because that would change nothing"
)

// MaxWay is how many credentials of jump hosts and proxies a report names.
const MaxWay = 64

// Finish settles an attempt, once, for the live lease only.
var Finish = command.Define("operation.finish", 1, func(tx *table.Tx, m command.Meta, a FinishArgs) (FinishResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return FinishResult{}, err
	}
	o, ok := leased(tx, m, a.Operation, a.Token, "finish")
	if !ok {
		return FinishResult{Fenced: true}, nil
	}
	s, err := subjectOf(tx, o)
	if err != nil {
		return FinishResult{}, err
	}
	if len(a.Message) > maxMessage || len(a.Attempt.Steps) > maxSteps || len(a.Refused) > model.MaxVersions || len(a.Logins.Way) > MaxWay {
		return FinishResult{}, model.Errorf(model.Invalid, "the report is too long")
	}
	settle, lease := o.State == model.OpSettling, o.Lease
	settleLogins(tx, m, lease, s, a.Logins)
	if err := s.report(tx, m, o, a, clearAt(tx, lease)); err != nil {
		return FinishResult{}, err
	}
	o.Message = a.Message
	a.Attempt.Operation, a.Attempt.Token, a.Attempt.Node, a.Attempt.Settle = o.ID, a.Token, m.Node, settle
	a.Attempt.EndedAt, a.Attempt.Outcome, a.Attempt.Class, a.Attempt.Message = m.At, o.History[len(o.History)-1].Event, a.Class, a.Message
	record(tx, &a.Attempt)
	keepCapture(tx, m, o, lease, a.Captured)
	if e := gaveUp(o, a); e != "" {
		if err := move(o, e, m.At, m.Node, ""); err != nil {
			return FinishResult{}, err
		}
		if e == futile {
			o.Message += uncorrected
		}
	}
	if o.State.Final() {
		if err := end(tx, m, o, s); err != nil {
			return FinishResult{}, err
		}
		return FinishResult{State: o.State}, nil
	}
	rest(tx, o, s)
	tx.Emit(audit.OperationRetried.With("operation", string(o.ID), "number", fmt.Sprint(o.Number), "outcome", a.Attempt.Outcome, "class", a.Class, "state", o.State.String()))
	return FinishResult{State: o.State}, nil
})

// gaveUp tells by which event an operation ends that would be tried again; "": it is tried again. What may have changed the target is
// settled first, and what must be done in the end, such as a removal, has no last attempt: a correction finds those still trying. So does
// a verification of a target that is away; one that meets another machine in its place ends like a change does, and comes again with the
// next heartbeat.
func gaveUp(o *model.Operation, a FinishArgs) event {
	again, verifies := o.State == model.OpReady && o.MaxAttempts > 0, o.State == model.OpUncertain && o.Kind == model.Verify
	switch {
	case (a.Futile || a.Class == classTemplate) && (again || verifies):
		return futile
	case again && o.Attempt >= o.MaxAttempts, verifies && (a.Class == classHostKey || a.Class == classTLS) && o.Settles >= o.MaxAttempts:
		return exhausted
	}
	return ""
}

// landed is when a change whose end is not known has happened, if it ever does: packets that are on their way, and a
// target that is at work after the connection was cut, get the time that leases leave to a node that is late.
func landed(tx *table.Tx, m command.Meta) model.Time {
	return m.At + max(model.Time(settlePause.Milliseconds()), model.Time(state.SystemRow(tx).Leases.Grace))
}

// clearAt is when nothing that a lease allowed can begin any more.
func clearAt(tx *table.Tx, l *model.Lease) model.Time {
	return l.Until + model.Time(state.SystemRow(tx).Leases.Grace)
}

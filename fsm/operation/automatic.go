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

// StartAutomatic counts changes that a trigger wants to start together, or refuses them: the trigger looked before the bounds
// changed. The last ones of an hour may exceed its bound, so that a run of more members than that begins at all.
func StartAutomatic(tx *table.Tx, m command.Meta, n int) error {
	a := state.Automation(tx)
	switch {
	case a.Stopped != 0:
		return model.Errorf(model.Conflict, "the automation is stopped: %s", a.Reason)
	case a.FrozenUntil(m.At) != 0:
		return model.Errorf(model.Conflict, "changes are frozen until %s", a.FrozenUntil(m.At))
	case a.Left(m.At, state.Registered(tx)) == 0:
		return model.Errorf(model.Conflict, "triggers started %d changes in this hour and %d in this minute, their bound", a.Started, a.Begun)
	}
	a.Count(m.At, n)
	state.Automations.Put(tx, &a)
	return nil
}

// countFailure stops the automation when too many changes that nobody asked for fail in a row: then the template, the
// manager's account or the network is broken, and each further try only makes it worse.
func countFailure(tx *table.Tx, m command.Meta, o *model.Operation) {
	if !o.Automatic() || o.State == model.OpCancelled {
		return
	}
	a := state.Automation(tx)
	if o.State == model.OpSucceeded {
		if a.Failed != 0 {
			a.Failed = 0
			state.Automations.Put(tx, &a)
		}
		return
	}
	if a.Failed++; a.Settings.Failures > 0 && a.Failed >= a.Settings.Failures && a.Stopped == 0 {
		a.Stopped, a.Reason = m.At, fmt.Sprintf("%d automatic changes failed in a row", a.Failed)
		tx.Emit(audit.AutomationStopped.With("reason", a.Reason, "operation", string(o.ID)))
	}
	state.Automations.Put(tx, &a)
}

// heldPause is how long at most an operation waits before it is looked at again while a freeze, a stop or the execution hours hold it
// back.
const heldPause = 10 * time.Minute

// DeferArgs let an operation wait.
type DeferArgs struct {
	Operation model.OperationID `cbor:"operation"`
	Until     model.Time        `cbor:"until,omitempty"` // when the execution hours begin, as the leader read the clock of their zone
}

// maxClosed bounds how far ahead execution hours begin.
const maxClosed = 15 * 24 * time.Hour

// Defer lets what nobody asked for, and what waits, wait for the end of a freeze or a stop, or for the execution hours.
var Defer = command.Define("operation.defer", 1, func(tx *table.Tx, m command.Meta, a DeferArgs) (ControlArgs, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return ControlArgs{}, err
	}
	row := state.Automation(tx)
	until := row.FrozenUntil(m.At)
	pause := m.At.Add(heldPause)
	if row.Stopped != 0 {
		until = max(until, pause)
	}
	closed := a.Until > m.At && a.Until <= m.At.Add(maxClosed) && !row.Settings.Window.Always()
	if closed {
		until = max(until, a.Until)
	}
	o, ok := state.Operations.Get(tx, string(a.Operation))
	if !ok || until == 0 || !row.Holds(o, closed) {
		return ControlArgs{}, model.Errorf(model.Conflict, "the operation does not wait, or nothing is frozen")
	}
	if o.Held == 0 {
		o.Held = o.NotBefore
	}
	o.NotBefore = max(o.NotBefore, min(until, pause))
	putOperation(tx, o)
	return ControlArgs{o.ID}, nil
})

// Undefer lets what was put off wait no longer than it would have, once nothing holds it back any more: somebody ended the freeze or the
// stop, or changed the execution hours. It keeps its place among what waits.
var Undefer = command.Define("operation.undefer", 1, func(tx *table.Tx, m command.Meta, a ControlArgs) (ControlArgs, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return ControlArgs{}, err
	}
	row := state.Automation(tx)
	held := row.Stopped != 0 || row.FrozenUntil(m.At) != 0
	o, ok := state.Operations.Get(tx, string(a.Operation))
	if !ok || o.Held == 0 || held && row.Holds(o, false) {
		return ControlArgs{}, model.Errorf(model.Conflict, "the operation was not put off, or something holds it back")
	}
	o.NotBefore, o.Held = o.Held, 0
	putOperation(tx, o)
	return ControlArgs{o.ID}, nil
})

// RunNow lets an operation that waits begin at once: its schedule, a freeze and a stop do not hold it back any more.
var RunNow = command.Define("operation.run_now", 1, func(tx *table.Tx, m command.Meta, a ControlArgs) (model.Operation, error) {
	o, _, err := controlled(tx, m, a.Operation)
	if err != nil {
		return model.Operation{}, err
	}
	if o.State != model.OpReady && o.State != model.OpUncertain {
		return model.Operation{}, model.Errorf(model.Conflict, "the operation is %s: only one that waits can be run now", o.State)
	}
	hurry(tx, m, o)
	return *o, nil
}).AuditDenials()

func hurry(tx *table.Tx, m command.Meta, o *model.Operation) {
	o.Immediate, o.NotBefore, o.Held = true, m.At, 0
	o.History = append(o.History, model.Transition{At: m.At, From: o.State, To: o.State, Event: "run now"})
	putOperation(tx, o)
	tx.Emit(audit.OperationHurried.With("operation", string(o.ID), "number", fmt.Sprint(o.Number)))
}

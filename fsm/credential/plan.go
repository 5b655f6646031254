package credential

import (
	"time"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// planStep is how many credentials one command plans: the log entry stays short.
const planStep = 200

// PlanArgs are empty: where to go on is state.
type PlanArgs struct{}

// PlanResult tells how many plans changed.
type PlanResult struct {
	Changed int `cbor:"changed"`
}

// Plan plans the next credentials anew after a change of the policies; the scheduler asks until none is left.
var Plan = command.Define("credential.plan", 1, func(tx *table.Tx, m command.Meta, _ PlanArgs) (PlanResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return PlanResult{}, err
	}
	sys := state.SystemRow(tx)
	if sys.Replan == 0 {
		return PlanResult{}, nil
	}
	var rows []*model.Credential
	for c := range state.Credentials.Range(tx, "number", table.NumberKey(sys.Replan), table.NumberKey(^uint64(0))) {
		if rows = append(rows, c); len(rows) == planStep {
			break
		}
	}
	sys.Replan = 0
	if len(rows) == planStep {
		sys.Replan = rows[planStep-1].Number + 1
	}
	state.System.Put(tx, &sys)
	var r PlanResult
	for _, c := range rows {
		governed, rotate, verify := c.Governed, c.RotateAt, c.VerifyAt
		if state.Plan(tx, c); c.Governed != governed || c.RotateAt != rotate || c.VerifyAt != verify {
			put(tx, c)
			r.Changed++
		}
	}
	return r, nil
})

// maxDefer is more than the longest time that a window stays closed.
const maxDefer = 15 * 24 * time.Hour

// DeferArgs move what is due of a credential, its automatic change or its verification, to a later moment.
type DeferArgs struct {
	Credential model.CredentialID  `cbor:"credential"`
	Kind       model.OperationKind `cbor:"kind"` // PasswordChange or Verify
	Until      model.Time          `cbor:"until"`
}

// Defer lets a change that is due wait until its policy's window opens, or for an operation that is open. The leader names
// the moment: what the clocks of a zone show depends on the rules that a machine knows for it.
var Defer = command.Define("credential.defer", 1, func(tx *table.Tx, m command.Meta, a DeferArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return Done{}, err
	}
	c, err := find(tx, a.Credential)
	if err != nil {
		return Done{}, err
	}
	if state.SystemRow(tx).Frozen { // the trigger looked just before state time jumped
		return Done{}, model.Errorf(model.Conflict, "nothing is put off: "+model.Unconfirmed)
	}
	if a.Until <= m.At || a.Until > m.At.Add(maxDefer) || !c.PutOff(a.Kind, m.At, a.Until) {
		return Done{}, model.Errorf(model.Conflict, "nothing is due, or the moment is out of range")
	}
	put(tx, c)
	return Done{}, nil
})

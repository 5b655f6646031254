package operation

import (
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// KeepArgs hold a secret that the target made for a new dynamic user, such as the access key of a cloud.
type KeepArgs struct {
	Operation model.OperationID `cbor:"operation"`
	Token     model.Pos         `cbor:"token"`
	Row       string            `cbor:"row"` // id that the ciphertext is bound to
	Secret    model.Sealed      `cbor:"secret"`
}

// Keep commits what the target made, in place of the stand-in that Begin committed, before anything is done with it. Until then
// nobody can have it: an attempt that ends before is removed at the target by the next one, by the user's name.
var Keep = command.Define("operation.keep", 1, func(tx *table.Tx, m command.Meta, a KeepArgs) (LeaseResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return LeaseResult{}, err
	}
	o, ok := leased(tx, m, a.Operation, a.Token, "keep")
	if !ok {
		return LeaseResult{Fenced: true}, nil
	}
	u, found := state.DynamicUsers.Get(tx, o.Target.ID)
	switch {
	case !found || o.Kind != model.Provision || o.State != model.OpRunning:
		return LeaseResult{}, model.Errorf(model.Conflict, "no dynamic user is being created")
	case a.Row == "" || a.Secret.IsZero():
		return LeaseResult{}, model.Errorf(model.Invalid, "keep without a secret")
	}
	if err := state.CheckTerm(tx, a.Secret); err != nil {
		return LeaseResult{}, err
	}
	if u.Row != a.Row { // said again, it is the same
		u.Row, u.Secret = a.Row, a.Secret
		u.Revision++
		state.PutDynamicUser(tx, u)
		tx.Emit(audit.DynamicKept.With("user", string(u.ID), "number", fmt.Sprint(u.Number), "operation", string(o.ID)))
	}
	return LeaseResult{Version: 1, Until: o.Lease.Until}, nil
})

package operation

import (
	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// ControlArgs name an operation.
type ControlArgs struct {
	Operation model.OperationID `cbor:"operation"`
}

// Cancel ends an operation that waits and has done nothing: a ready change or an unsettled verify.
var Cancel = command.Define("operation.cancel", 1, func(tx *table.Tx, m command.Meta, a ControlArgs) (model.Operation, error) {
	o, s, err := controlled(tx, m, a.Operation)
	if err != nil {
		return model.Operation{}, err
	}
	if o.State.Final() || o.State.Live() {
		return model.Operation{}, model.Errorf(model.Conflict, "the operation is %s: only one that waits can be cancelled", o.State)
	}
	if err := s.stopped(m, o); err != nil {
		return model.Operation{}, err
	}
	if err := move(o, cancelled, m.At, "", ""); err != nil {
		return model.Operation{}, err
	}
	if err := s.ended(tx, m, o); err != nil {
		return model.Operation{}, err
	}
	rest(tx, o, s)
	tx.Emit(audit.OperationCancelled.With(told(tx, o)...))
	return *o, advance(tx, m, o)
}).AuditDenials()

// Retry starts a failed operation again: a dead one from the start, an out-of-sync one by settling anew.
var Retry = command.Define("operation.retry", 1, func(tx *table.Tx, m command.Meta, a ControlArgs) (model.Operation, error) {
	o, s, err := controlled(tx, m, a.Operation)
	if err != nil {
		return model.Operation{}, err
	}
	if open, ok := state.Operations.First(tx, "dedup", o.DedupKey); ok && open.ID != o.ID {
		return model.Operation{}, model.Errorf(model.Conflict, "operation %d does the same already", open.Number)
	}
	if busy := *s.busy(); busy != "" && busy != o.ID {
		return model.Operation{}, model.Errorf(model.Conflict, "another operation works on the target")
	}
	if o.Run != "" {
		return model.Operation{}, model.Errorf(model.Conflict, "an operation of a chain is not run again alone: its run goes on without it, or is over")
	}
	if o.Kind == model.Preflight {
		return model.Operation{}, model.Errorf(model.Conflict, "a dry run is over: ask for a new one")
	}
	if o.Kind == model.Verify && o.State == model.OpDead {
		return model.Operation{}, model.Errorf(model.Conflict, "the verification is over: ask for a new one")
	}
	if o.Kind == model.SearchOrphans {
		return model.Operation{}, model.Errorf(model.Conflict, "a search is over: ask for a new one")
	}
	if isAccess(o.Kind) {
		return model.Operation{}, model.Errorf(model.Conflict, "its sessions are over: begin a new one")
	}
	if o.Kind == model.Provision {
		return model.Operation{}, model.Errorf(model.Conflict, "its user is removed by now: request a new one")
	}
	if o.State != model.OpDead && o.State != model.OpOutOfSync {
		return model.Operation{}, model.Errorf(model.Conflict, "the operation is %s: only one that failed can be started again", o.State)
	}
	if err := move(o, retried, m.At, "", ""); err != nil {
		return model.Operation{}, err
	}
	o.Attempt, o.Settles, o.Refused, o.FinishedAt, o.NotBefore = 0, 0, nil, 0, m.At
	if c := s.account(); c != nil && o.State == model.OpUncertain {
		c.BadLogins = nil // a person asked for it
		s.store(tx)
	}
	putOperation(tx, o)
	again := *o
	again.Trigger = "retry"
	tx.Emit(audit.OperationCreated.With(told(tx, &again)...))
	return *o, nil
}).AuditDenials()

func controlled(tx *table.Tx, m command.Meta, id model.OperationID) (*model.Operation, subject, error) {
	o, ok := state.Operations.Get(tx, string(id))
	if !ok {
		return nil, nil, model.Errorf(model.NotFound, "there is no such operation")
	}
	s, err := subjectOf(tx, o)
	if err != nil {
		return nil, nil, err
	}
	if _, err := command.Authorize(tx, m.Actor, m.At, run, s.object()); err != nil {
		return nil, nil, err
	}
	return o, s, nil
}

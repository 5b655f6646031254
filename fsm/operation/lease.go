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

const maxDelay = 366 * 24 * time.Hour

// GrantArgs give an operation to a slot of a node.
type GrantArgs struct {
	Operation model.OperationID `cbor:"operation"`
	Node      model.NodeID      `cbor:"node"`
	Slot      int               `cbor:"slot"`
}

// GrantResult tells the token, or why nothing was granted any more.
type GrantResult struct {
	Token model.Pos `cbor:"token,omitempty"`
	Ended bool      `cbor:"ended,omitempty"` // the operation came to an end instead
}

// Grant leases a waiting operation. The token is the position of this command in the log.
var Grant = command.Define("operation.grant", 1, func(tx *table.Tx, m command.Meta, a GrantArgs) (GrantResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return GrantResult{}, err
	}
	o, ok := state.Operations.Get(tx, string(a.Operation))
	if !ok || (o.State != model.OpReady && o.State != model.OpUncertain) || o.NotBefore > m.At {
		return GrantResult{}, model.Errorf(model.Conflict, "the operation does not wait for a slot")
	}
	n, ok := state.Nodes.Get(tx, string(a.Node))
	if !ok || n.State != model.NodeApproved || a.Slot < 0 || a.Slot >= n.Announced.Slots {
		return GrantResult{}, model.Errorf(model.Conflict, "node %s has no slot %d", a.Node, a.Slot)
	}
	for other := range state.Operations.By(tx, "lease", string(a.Node)) {
		if other.Lease.Slot == a.Slot {
			return GrantResult{}, model.Errorf(model.Conflict, "slot %d of node %s is taken", a.Slot, a.Node)
		}
	}
	s, err := subjectOf(tx, o)
	if err != nil {
		return GrantResult{}, err
	}
	busy := s.busy()
	if *busy != "" && *busy != o.ID {
		return GrantResult{}, model.Errorf(model.Conflict, "another operation works on the target")
	}
	settle := o.State == model.OpUncertain
	if err := s.impossible(); err != nil && !settle {
		return endWithout(tx, m, o, s, err)
	}
	if err := move(o, granted, m.At, a.Node, fmt.Sprintf("slot %d", a.Slot)); err != nil {
		return GrantResult{}, err
	}
	if settle {
		o.Settles++
	}
	o.Executor, o.Template = s.means(o)
	o.Lease = &model.Lease{Node: a.Node, Slot: a.Slot, Token: m.Pos, Until: m.At + model.Time(state.SystemRow(tx).Leases.TTL)}
	if err := reserve(tx, m, o, s); err != nil {
		return GrantResult{}, err
	}
	*busy = o.ID
	putOperation(tx, o)
	s.store(tx)
	tx.Emit(audit.OperationStarted.With("operation", string(o.ID), "number", fmt.Sprint(o.Number), "executor", string(o.Executor),
		"slot", fmt.Sprint(a.Slot), "runner", string(a.Node), "attempt", fmt.Sprint(o.Attempt+1), "settle", fmt.Sprint(settle)))
	return GrantResult{Token: m.Pos}, nil
})

// endWithout ends an operation that cannot run any more, because its target was disabled, lost its template or is full.
func endWithout(tx *table.Tx, m command.Meta, o *model.Operation, s subject, why error) (GrantResult, error) {
	if err := move(o, exhausted, m.At, "", why.Error()); err != nil {
		return GrantResult{}, err
	}
	o.Message = why.Error()
	return GrantResult{Ended: true}, end(tx, m, o, s)
}

// BeginArgs commit the new secret, before anything is sent to the target.
type BeginArgs struct {
	Operation model.OperationID `cbor:"operation"`
	Token     model.Pos         `cbor:"token"`
	Row       string            `cbor:"row,omitempty"` // id that the ciphertext is bound to
	Candidate model.Sealed      `cbor:"candidate"`
	Public    string            `cbor:"public,omitempty"` // of an SSH key: its public half
	Reuse     uint64            `cbor:"reuse,omitempty"`  // instead: number of a version that provably was never sent
}

// LeaseResult tells whether the lease still holds, and until when.
type LeaseResult struct {
	Fenced  bool       `cbor:"fenced,omitempty"`
	Version uint64     `cbor:"version,omitempty"`
	Until   model.Time `cbor:"until,omitempty"`
}

// Begin commits the candidate, once per lease; it counts as a renewal. Only then may the target be touched. A slot that
// settles begins too, without a candidate, so that a later life of it does not try every login once more.
var Begin = command.Define("operation.begin", 1, func(tx *table.Tx, m command.Meta, a BeginArgs) (LeaseResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return LeaseResult{}, err
	}
	o, ok := leased(tx, m, a.Operation, a.Token, "begin")
	if !ok || o.Lease.Begun {
		return LeaseResult{Fenced: true}, nil
	}
	if err := state.CheckTerm(tx, a.Candidate); err != nil {
		return LeaseResult{}, err
	}
	o.Lease.Begun = true
	o.Lease.Until = m.At + model.Time(state.SystemRow(tx).Leases.TTL)
	if o.State == model.OpSettling {
		putOperation(tx, o)
		return LeaseResult{Until: o.Lease.Until}, nil
	}
	s, err := subjectOf(tx, o)
	if err != nil {
		return LeaseResult{}, err
	}
	if err := move(o, begun, m.At, m.Node, ""); err != nil {
		return LeaseResult{}, err
	}
	if o.Candidate, err = s.begin(m, o, a); err != nil {
		return LeaseResult{}, err
	}
	o.Attempt++
	putOperation(tx, o)
	s.store(tx)
	tx.Emit(audit.OperationCandidate.With("operation", string(o.ID), "number", fmt.Sprint(o.Number), "version", fmt.Sprint(o.Candidate)))
	if o.Kind == model.SecretAutomation {
		tellHanded(tx, o)
	}
	return LeaseResult{Version: o.Candidate, Until: o.Lease.Until}, nil
}).Suffices()

// leased finds an operation under the live lease of the proposing node; otherwise the attempt is audited as stale.
func leased(tx *table.Tx, m command.Meta, id model.OperationID, token model.Pos, what string) (*model.Operation, bool) {
	o, ok := state.Operations.Get(tx, string(id))
	if ok && o.Lease != nil && o.Lease.Token == token && o.Lease.Node == m.Node {
		return o, true
	}
	tx.Emit(audit.OperationFenced.With("operation", string(id), "event", what, "token", fmt.Sprint(uint64(token))))
	return nil, false
}

// RenewArgs are all leases that a node still works on.
type RenewArgs struct {
	Tokens []model.Pos `cbor:"tokens"`
}

// RenewResult tells until when the renewed leases hold, and which were lost.
type RenewResult struct {
	Until model.Time  `cbor:"until"`
	Lost  []model.Pos `cbor:"lost,omitempty"`
}

// Renew keeps the leases of the proposing node: one command per interval, whatever their number.
var Renew = command.Define("operation.renew", 1, func(tx *table.Tx, m command.Meta, a RenewArgs) (RenewResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return RenewResult{}, err
	}
	held := map[model.Pos]*model.Operation{}
	for o := range state.Operations.By(tx, "lease", string(m.Node)) {
		held[o.Lease.Token] = o
	}
	r := RenewResult{Until: m.At + model.Time(state.SystemRow(tx).Leases.TTL)}
	for _, t := range a.Tokens {
		o, ok := held[t]
		if !ok {
			r.Lost = append(r.Lost, t)
			continue
		}
		o.Lease.Until = r.Until
		putOperation(tx, o)
	}
	return r, nil
}).Suffices()

// ExpireArgs name a lease that ran out.
type ExpireArgs struct {
	Operation model.OperationID `cbor:"operation"`
	Token     model.Pos         `cbor:"token"`
}

// Expire takes a lease back after its time and grace; the leader proposes it only after it saw no renewal itself.
var Expire = command.Define("operation.expire", 1, func(tx *table.Tx, m command.Meta, a ExpireArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return Done{}, err
	}
	o, ok := state.Operations.Get(tx, string(a.Operation))
	if !ok || o.Lease == nil || o.Lease.Token != a.Token {
		return Done{}, nil // finished, or granted anew, meanwhile
	}
	if m.At < clearAt(tx, o.Lease) {
		return Done{}, model.Errorf(model.Conflict, "the lease still holds")
	}
	s, err := subjectOf(tx, o)
	if err != nil {
		return Done{}, err
	}
	node := o.Lease.Node
	settleLogins(tx, m, o.Lease, s, everyLogin)
	if err := move(o, expired, m.At, node, "no sign of life"); err != nil {
		return Done{}, err
	}
	o.NotBefore, o.Message = m.At, fmt.Sprintf("node %s was not heard of in time", node)
	if err := s.lost(m, o); err != nil {
		return Done{}, err
	}
	if o.State.Final() {
		return Done{}, end(tx, m, o, s)
	}
	rest(tx, o, s)
	tx.Emit(audit.OperationRetried.With("operation", string(o.ID), "number", fmt.Sprint(o.Number), "outcome", "lease expired", "state", o.State.String()))
	return Done{}, nil
})

// Done is the result of verbs that have nothing to tell.
type Done struct{}

func putOperation(tx *table.Tx, o *model.Operation) {
	o.Revision++
	state.Operations.Put(tx, o)
}

func putCredential(tx *table.Tx, c *model.Credential) {
	c.Revision++
	state.Credentials.Put(tx, c)
}

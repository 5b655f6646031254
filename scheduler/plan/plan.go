// Package plan decides, purely, which slot gets which waiting operation, and which leases have run out. It reads a
// bounded part of the state; scheduler/lead proposes what it decides, and the reducers decide again.
package plan

import (
	"iter"
	"time"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Held is a lease as the leader sees it.
type Held struct {
	Operation model.OperationID
	Lease     model.Lease
}

// Leases lists the live leases of all nodes, also of those that were removed.
func Leases(r table.Reader) []Held {
	var held []Held
	for o := range leased(r) {
		held = append(held, Held{o.ID, *o.Lease})
	}
	return held
}

// leased lists the operations that hold a lease, by node.
func leased(r table.Reader) iter.Seq[*model.Operation] {
	return state.Operations.Glance(r, "lease", "", "\xff") // names of nodes are ASCII
}

// Overdue tells whether a lease is to be taken back: its time and grace are over in state time, and the leader itself has
// seen no renewal for as long on its own clock (RULES 5). silent is how long it has seen none.
func Overdue(l model.Lease, t model.Leases, now model.Time, silent time.Duration) bool {
	return now >= l.Until+model.Time(t.Grace) && silent >= model.Span(t.TTL+t.Grace)
}

// NextWake tells when the earliest waiting operation, due credential, custody or dynamic user will be due after now; 0:
// nothing before the horizon. The horizon bounds what is searched: the index of custodies moves with every read.
func NextWake(r table.Reader, now, horizon model.Time) model.Time {
	var next model.Time
	consider := func(t model.Time) {
		if t > now && (next == 0 || t < next) {
			next = t
		}
	}
	for _, index := range []string{"prompt", "patient"} {
		for o := range state.Operations.Glance(r, index, table.TimeKey(now+1), table.TimeKey(horizon)) {
			consider(o.NotBefore)
			break
		}
	}
	for c := range state.Credentials.Range(r, "due", table.TimeKey(now+1), table.TimeKey(horizon)) {
		consider(c.RotateAt)
		break
	}
	for c := range state.Credentials.Range(r, "verify", table.TimeKey(now+1), table.TimeKey(horizon)) {
		consider(c.VerifyAt)
		break
	}
	for c := range state.Chains.Range(r, "due", table.TimeKey(now+1), table.TimeKey(horizon)) {
		consider(c.NextAt)
		break
	}
	for c := range state.Custodies.Range(r, "until", table.TimeKey(now+1), table.TimeKey(horizon)) {
		consider(c.Until)
		break
	}
	for s := range state.Sessions.Range(r, "until", table.TimeKey(now+1), table.TimeKey(horizon)) {
		consider(s.Until)
		break
	}
	for u := range state.DynamicUsers.Range(r, "ends", table.TimeKey(now+1), table.TimeKey(horizon)) {
		consider(u.ExpiresAt)
		break
	}
	return next
}

package operation

import (
	"math"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

const (
	leastKeep = 24 * time.Hour
	pruneSome = 200 // operations that one command removes
)

var errPruneFrozen = model.Errorf(model.Conflict, "nothing is removed: "+model.Unconfirmed)

// PruneArgs say how long operations are kept after their end, in milliseconds of state time.
type PruneArgs struct {
	Keep int64 `cbor:"keep"`
}

// PruneResult tells how many operations went, and whether there are more to go.
type PruneResult struct {
	Removed int  `cbor:"removed"`
	More    bool `cbor:"more,omitempty"`
}

// Prune removes operations that ended long ago, with their attempts: the trail keeps what became of them, and no secret
// version depends on them. It emits no event.
var Prune = command.Define("operation.prune", 1, func(tx *table.Tx, m command.Meta, a PruneArgs) (PruneResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return PruneResult{}, err
	}
	keep := time.Duration(a.Keep) * time.Millisecond
	switch {
	case keep < leastKeep || a.Keep > math.MaxInt64/int64(time.Millisecond):
		return PruneResult{}, model.Errorf(model.Invalid, "operations are kept for at least %s", leastKeep)
	case state.SystemRow(tx).Frozen:
		return PruneResult{}, errPruneFrozen
	}
	before := m.At.Add(-keep)
	var old []model.OperationID
	var out PruneResult
	for o := range state.Operations.Range(tx, "number", table.NumberKey(0), table.NumberKey(math.MaxUint64)) {
		if o.CreatedAt >= before {
			break // numbers rise with time: the rest is younger
		}
		if !o.State.Final() || o.FinishedAt >= before {
			continue
		}
		if out.More = len(old) == pruneSome; out.More {
			break
		}
		old = append(old, o.ID)
	}
	for _, id := range old {
		forget(tx, id)
	}
	out.More = forgetSessions(tx, before) || forgetRuns(tx, before) || out.More
	out.Removed = len(old)
	return out, nil
})

// forget removes an operation and its attempts, with what was kept of them.
func forget(tx *table.Tx, id model.OperationID) {
	for _, k := range attemptsOf(tx, id) {
		state.Attempts.Delete(tx, k)
	}
	dropCaptures(tx, id)
	state.Operations.Delete(tx, string(id))
}

// forgetSessions removes sessions that ended before a moment, and tells whether there are more.
func forgetSessions(tx *table.Tx, before model.Time) bool {
	var old []string
	for s := range state.Sessions.Range(tx, "number", table.NumberKey(0), table.NumberKey(math.MaxUint64)) {
		if s.StartedAt >= before || len(old) == pruneSome {
			break
		}
		if !s.Live() && s.EndedAt < before {
			old = append(old, string(s.ID))
		}
	}
	for _, id := range old {
		state.Sessions.Delete(tx, id)
	}
	return len(old) == pruneSome
}

// forgetRuns removes runs of chains that ended before a moment, and tells whether there are more.
func forgetRuns(tx *table.Tx, before model.Time) bool {
	var old []string
	for r := range state.ChainRuns.Range(tx, "number", table.NumberKey(0), table.NumberKey(math.MaxUint64)) {
		if r.StartedAt >= before || len(old) == pruneSome {
			break
		}
		if r.State.Final() && r.EndedAt < before {
			old = append(old, string(r.ID))
		}
	}
	for _, id := range old {
		state.ChainRuns.Delete(tx, id)
	}
	return len(old) == pruneSome
}

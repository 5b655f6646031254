package trail

import (
	"fmt"
	"math"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

const (
	leastKeep = 30 * 24 * time.Hour
	pruneSome = 1000 // events that one command removes
)

// PruneArgs say how long events are kept, in milliseconds of state time.
type PruneArgs struct {
	Keep int64 `cbor:"keep"`
}

// PruneResult tells how many events went, and whether there are more to go.
type PruneResult struct {
	Removed int  `cbor:"removed"`
	More    bool `cbor:"more,omitempty"`
}

// Prune removes the oldest events: those past their time that the receivers of every node have. Those that somebody's
// receivers have not acknowledged stay twice as long; then they go, and audit.gap says which. The chain goes on from what
// stays: an export that begins there names the hash before it.
var Prune = command.Define("audit.prune", 1, func(tx *table.Tx, m command.Meta, a PruneArgs) (PruneResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return PruneResult{}, err
	}
	keep := time.Duration(a.Keep) * time.Millisecond
	switch {
	case keep < leastKeep || a.Keep > math.MaxInt64/int64(2*time.Millisecond):
		return PruneResult{}, model.Errorf(model.Invalid, "events are kept for at least %s", leastKeep)
	case state.SystemRow(tx).Frozen:
		return PruneResult{}, model.Errorf(model.Conflict, "nothing is removed: "+model.Unconfirmed)
	}
	acked := acknowledged(tx)
	var old []uint64
	var out PruneResult
	for e := range table.Audit.All(tx, "") {
		if e.At >= m.At.Add(-keep) || e.Seq > acked && e.At >= m.At.Add(-2*keep) || e.Seq == tx.Head().Seq {
			break
		}
		if out.More = len(old) == pruneSome; out.More {
			break
		}
		old = append(old, e.Seq)
	}
	for _, seq := range old {
		table.Audit.Delete(tx, table.NumberKey(seq))
	}
	if out.Removed = len(old); out.Removed > 0 {
		if last := old[len(old)-1]; last > acked {
			tx.Emit(audit.AuditGap.With("from", fmt.Sprint(max(old[0], acked+1)), "to", fmt.Sprint(last)))
		}
	}
	return out, nil
})

// acknowledged is the position that the receivers of every node have passed, those of removed nodes included: somebody
// sends in their place.
func acknowledged(tx *table.Tx) uint64 {
	low := uint64(math.MaxUint64)
	for n := range state.Nodes.All(tx, "") {
		low = min(low, n.AuditAck)
	}
	return low
}

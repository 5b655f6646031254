package dynamic

import (
	"math"
	"time"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

const (
	leastKeep = 24 * time.Hour
	pruneSome = 200 // users that one command removes
)

// PruneArgs say how long users are listed after they are gone, in milliseconds of state time.
type PruneArgs struct {
	Keep int64 `cbor:"keep"`
}

// PruneResult tells how many rows went, and whether there are more to go.
type PruneResult struct {
	Removed int  `cbor:"removed"`
	More    bool `cbor:"more,omitempty"`
}

// Prune forgets users that were proven gone long ago: the trail keeps what became of them. It emits no event.
var Prune = command.Define("dynamic.prune", 1, func(tx *table.Tx, m command.Meta, a PruneArgs) (PruneResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return PruneResult{}, err
	}
	keep := time.Duration(a.Keep) * time.Millisecond
	switch {
	case keep < leastKeep || a.Keep > math.MaxInt64/int64(time.Millisecond):
		return PruneResult{}, model.Errorf(model.Invalid, "dynamic users are listed for at least %s after their end", leastKeep)
	case state.SystemRow(tx).Frozen:
		return PruneResult{}, model.Errorf(model.Conflict, "nothing is removed: "+model.Unconfirmed)
	}
	var old []string
	var out PruneResult
	for u := range state.DynamicUsers.Range(tx, "removed", table.TimeKey(0), table.TimeKey(max(0, m.At.Add(-keep)))) {
		if out.More = len(old) == pruneSome; out.More {
			break
		}
		old = append(old, string(u.ID))
	}
	for _, id := range old {
		state.DynamicUsers.Delete(tx, id)
	}
	out.Removed = len(old)
	return out, nil
})

package operation

import (
	"slices"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// relieved is how many users in debt one removal that came through looks at. Each that goes makes room for the next, so a
// device that is back is not overrun by all that waited for it.
const relieved = 64

// unreached are the classes of attempts that did not come through to the target: it said nothing against the removal.
var unreached = []string{"network", "timeout"}

// relieve closes the breaker of a device that answers again. Removals that fail wait longer and longer, an hour in the end;
// when one of the device comes through, those that did not for want of a connection are due now. What the target refused
// keeps its own time.
func relieve(tx *table.Tx, m command.Meta, on model.DeviceID) {
	looked := 0
	for u := range state.DynamicUsers.By(tx, "debt", string(on)) {
		if looked++; looked > relieved {
			return
		}
		o, ok := state.Operations.First(tx, "open", string(u.ID))
		if !ok || o.State.Live() || !slices.Contains(unreached, o.History[len(o.History)-1].Note) {
			continue
		}
		due := max(m.At, u.ClearAt)
		if u.GoneAt != 0 {
			due = max(due, u.GoneAt.Add(model.GoneApart))
		}
		if due < o.NotBefore {
			o.NotBefore = due
			putOperation(tx, o)
		}
	}
}

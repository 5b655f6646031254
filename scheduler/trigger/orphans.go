package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Orphans finds that a round of searches for accounts without an owner is due, or is to be planned for the first time.
func Orphans(r table.Reader, now model.Time, _ int) []Due {
	if waits(r) {
		return nil
	}
	plan := state.OrphanPlanOf(r)
	switch {
	case plan.NextAt > now, plan.NextAt == 0 && plan.Every < 0:
		return nil
	case plan.NextAt == 0:
		for range state.Profiles.All(r, "") {
			return []Due{{Orphans: true}}
		}
		return nil
	}
	return []Due{{Orphans: true}}
}

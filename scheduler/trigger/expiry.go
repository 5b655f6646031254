package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Expiry finds credentials whose secret is too old, or was viewed too long ago, or was in a custody that ran out, under their policy.
// RotateAt holds all of them. Outside of the window of its policy a change waits until it opens.
func Expiry(r table.Reader, now model.Time, limit int) []Due {
	a := state.Automation(r)
	if waits(r) || a.Stopped != 0 || a.FrozenUntil(now) != 0 || Closed(&a, now) != 0 {
		return nil
	}
	left := a.Left(now, state.Registered(r))
	if left == 0 {
		return braked(r, &a, now)
	}
	limit = min(limit, left)
	var due []Due
	for c := range state.Credentials.Range(r, "due", table.TimeKey(0), table.TimeKey(now+1)) {
		if len(due) == limit {
			break
		}
		if engaged(r, c.ID, now) {
			due = append(due, Due{Credential: c.ID, Kind: model.PasswordChange, Until: now.Add(model.Recheck)})
			continue
		}
		p := state.PolicyOf(r, c)
		if opens := Opens(&p.Window, now); opens > now {
			due = append(due, Due{Credential: c.ID, Kind: model.PasswordChange, Until: opens})
			continue
		}
		_, why := p.Rotation(c)
		if why == "" || why == model.DueFirst {
			why = model.DueExpiry
		}
		due = append(due, Due{Credential: c.ID, Kind: model.PasswordChange, Trigger: why})
	}
	return due
}

// counted bounds how far the changes that are due are counted for people.
const counted = 100_000

// braked tells once an hour how many changes wait because triggers have started as many as they may. What waits for the next
// cycle is nothing to tell.
func braked(r table.Reader, a *model.Automation, now model.Time) []Due {
	if a.Braked == model.HourOf(now) || a.LeftInHour(now, state.Registered(r)) > 0 {
		return nil
	}
	if n := state.Credentials.Count(r, "due", table.TimeKey(0), table.TimeKey(now+1), counted); n > 0 {
		return []Due{{Brake: n}}
	}
	return nil
}

package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Heartbeat finds credentials whose stored secret is to be proven by a login.
func Heartbeat(r table.Reader, now model.Time, limit int) []Due {
	a := state.Automation(r)
	if waits(r) || a.Stopped != 0 || Closed(&a, now) != 0 {
		return nil
	}
	var due []Due
	for c := range state.Credentials.Range(r, "verify", table.TimeKey(0), table.TimeKey(now+1)) {
		if len(due) == limit {
			break
		}
		if engaged(r, c.ID, now) {
			due = append(due, Due{Credential: c.ID, Kind: model.Verify, Until: now.Add(model.Recheck)}) // what is open ends with a proof too
			continue
		}
		due = append(due, Due{Credential: c.ID, Kind: model.Verify, Trigger: "heartbeat"})
	}
	return due
}

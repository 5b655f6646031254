package automation

import (
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// DailyArgs are the numbers of a day that ended, as the leader counted them: Apply does not read every credential.
type DailyArgs struct {
	Day       model.Time `cbor:"day"` // its start, UTC
	Total     int        `cbor:"total"`
	Managed   int        `cbor:"managed"`
	Updated   int        `cbor:"updated"`
	Expired   int        `cbor:"expired"`
	Waiting   int        `cbor:"waiting"`
	Failed    int        `cbor:"failed"`
	OutOfSync int        `cbor:"out_of_sync"`

	Succeeded int `cbor:"succeeded"` // operations that ended on the day
	Dead      int `cbor:"dead"`
	Cancelled int `cbor:"cancelled"`
}

// SumUp tells once what was true at the end of a day, and what happened on it. A day in which nobody led to its end is told by the next
// leader, if it was yesterday; the first day of a cluster has nothing to tell.
var SumUp = command.Define("automation.daily", 1, func(tx *table.Tx, m command.Meta, a DailyArgs) (NoArgs, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, system, nil); err != nil {
		return NoArgs{}, err
	}
	row := state.Automation(tx)
	if yesterday := model.DayOf(m.At) - model.Time(model.Day); a.Day != yesterday || row.Told >= yesterday {
		return NoArgs{}, model.Errorf(model.Conflict, "only yesterday is summed up, and only once")
	}
	first := row.Told == 0
	row.Told = a.Day
	state.Automations.Put(tx, &row)
	if first {
		return NoArgs{}, nil
	}
	day := a.Day.Std().UTC().Format("2006-01-02")
	tx.Emit(audit.CredentialDaily.With("day", day, "total", fmt.Sprint(a.Total), "managed", fmt.Sprint(a.Managed), "updated", fmt.Sprint(a.Updated), "expired", fmt.Sprint(a.Expired),
		"waiting", fmt.Sprint(a.Waiting), "failed", fmt.Sprint(a.Failed), "out_of_sync", fmt.Sprint(a.OutOfSync)))
	tx.Emit(audit.OperationDaily.With("day", day, "succeeded", fmt.Sprint(a.Succeeded), "failed", fmt.Sprint(a.Dead), "cancelled", fmt.Sprint(a.Cancelled)))
	return NoArgs{}, nil
})

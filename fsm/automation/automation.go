// Package automation is the feature of what the system starts by itself: its bounds, the freezes in which it starts no
// change, and the brakes that stop it when too much changes or fails.
package automation

import (
	"fmt"
	"slices"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "automation", Commands: []command.Erased{Put, AddFreeze, EndFreeze, Stop, Resume, Brake, SumUp}}

var (
	write  = authz.Action{Module: model.ModulePAM, Write: true, Right: model.PolicyWrite}
	system = authz.Action{System: true}
)

// PutArgs are the settings as they shall be; the revision must be the current one, 0 does not check.
type PutArgs struct {
	Settings model.AutomationSettings `cbor:"settings"`
	Revision uint64                   `cbor:"revision,omitempty"`
}

// Put changes the bounds.
var Put = command.Define("automation.put", 1, func(tx *table.Tx, m command.Meta, a PutArgs) (model.Automation, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, write, nil); err != nil {
		return model.Automation{}, err
	}
	if err := a.Settings.Check(); err != nil {
		return model.Automation{}, err
	}
	row := state.Automation(tx)
	if a.Revision != 0 && a.Revision != row.Revision {
		return row, model.Errorf(model.Conflict, "the settings changed meanwhile: they are at revision %d", row.Revision).WithField("revision")
	}
	row.Settings = a.Settings
	store(tx, m, &row)
	s := &row.Settings
	tx.Emit(audit.AutomationPut.With("share", fmt.Sprint(s.Share), "least", fmt.Sprint(s.Least), "failures", fmt.Sprint(s.Failures), "lanes", fmt.Sprint(s.Lanes),
		"attempts", fmt.Sprint(s.Attempts), "records", fmt.Sprint(s.Records)))
	return row, nil
}).AuditDenials()

const (
	maxFreezes = 64
	maxFreeze  = 366 * 24 * time.Hour
)

// FreezeArgs name a span in which the system starts no change by itself.
type FreezeArgs struct {
	Name  string     `cbor:"name"`
	From  model.Time `cbor:"from"`
	Until model.Time `cbor:"until"`
}

// AddFreeze plans a freeze, or changes the one with that name.
var AddFreeze = command.Define("automation.freeze", 1, func(tx *table.Tx, m command.Meta, a FreezeArgs) (model.Automation, error) {
	c, err := command.Authorize(tx, m.Actor, m.At, write, nil)
	if err != nil {
		return model.Automation{}, err
	}
	if !model.ValidName(a.Name) {
		return model.Automation{}, model.Errorf(model.Invalid, "a freeze's name has 1 to 63 letters, digits, '-', '_' or '.'").WithField("name")
	}
	from := max(a.From, m.At)
	if a.Until <= from || a.Until > from.Add(maxFreeze) {
		return model.Automation{}, model.Errorf(model.Invalid, "a freeze ends after now and after its start, within a year").WithField("until")
	}
	row := state.Automation(tx)
	row.Freezes = slices.DeleteFunc(slices.Clone(row.Freezes), func(f model.Freeze) bool { return f.Name == a.Name || f.Until <= m.At })
	if len(row.Freezes) == maxFreezes {
		return row, model.Errorf(model.Conflict, "%d freezes are planned already: remove one first", maxFreezes)
	}
	row.Freezes = append(row.Freezes, model.Freeze{Name: a.Name, From: from, Until: a.Until, By: c.Authorization.ID})
	slices.SortFunc(row.Freezes, func(a, b model.Freeze) int { return int(a.From - b.From) })
	store(tx, m, &row)
	tx.Emit(audit.AutomationFrozen.With("name", a.Name, "from", from.String(), "until", a.Until.String()))
	return row, nil
}).AuditDenials()

// NameArgs name a freeze.
type NameArgs struct {
	Name string `cbor:"name"`
}

// EndFreeze removes a freeze.
var EndFreeze = command.Define("automation.thaw", 1, func(tx *table.Tx, m command.Meta, a NameArgs) (model.Automation, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, write, nil); err != nil {
		return model.Automation{}, err
	}
	row := state.Automation(tx)
	i := slices.IndexFunc(row.Freezes, func(f model.Freeze) bool { return f.Name == a.Name })
	if i < 0 {
		return row, model.Errorf(model.NotFound, "there is no such freeze")
	}
	row.Freezes = slices.Delete(slices.Clone(row.Freezes), i, i+1)
	store(tx, m, &row)
	tx.Emit(audit.AutomationThawed.With("name", a.Name))
	return row, nil
}).AuditDenials()

// NoArgs is for verbs that need nothing.
type NoArgs struct{}

// Stop lets the system start no change and no verification any more until somebody resumes.
var Stop = command.Define("automation.stop", 1, func(tx *table.Tx, m command.Meta, _ NoArgs) (model.Automation, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, write, nil); err != nil {
		return model.Automation{}, err
	}
	row := state.Automation(tx)
	if row.Stopped != 0 {
		return row, model.Errorf(model.Conflict, "the automation is stopped already: %s", row.Reason)
	}
	row.Stopped, row.Reason = m.At, "stopped by hand"
	store(tx, m, &row)
	tx.Emit(audit.AutomationStopped.With("reason", row.Reason))
	return row, nil
}).AuditDenials()

// Resume ends a stop, and opens a new hour's bound: who resumes has seen how much is due.
var Resume = command.Define("automation.resume", 1, func(tx *table.Tx, m command.Meta, _ NoArgs) (model.Automation, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, write, nil); err != nil {
		return model.Automation{}, err
	}
	row := state.Automation(tx)
	row.Stopped, row.Reason, row.Failed, row.Started, row.Begun, row.Braked, row.Restored = 0, "", 0, 0, 0, 0, 0
	store(tx, m, &row)
	tx.Emit(audit.AutomationResumed.With())
	return row, nil
}).AuditDenials()

// BrakeArgs tell how many changes wait behind the hour's bound.
type BrakeArgs struct {
	Due int `cbor:"due"`
}

// Brake tells people, once an hour, that more is due than may start.
var Brake = command.Define("automation.brake", 1, func(tx *table.Tx, m command.Meta, a BrakeArgs) (model.Automation, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, system, nil); err != nil {
		return model.Automation{}, err
	}
	row, hour := state.Automation(tx), model.HourOf(m.At)
	if row.Braked == hour || row.LeftInHour(m.At, state.Registered(tx)) > 0 {
		return row, nil
	}
	row.Braked = hour
	state.Automations.Put(tx, &row)
	tx.Emit(audit.AutomationBraked.With("started", fmt.Sprint(row.Started), "due", fmt.Sprint(a.Due)))
	return row, nil
})

// store drops the freezes that are over.
func store(tx *table.Tx, m command.Meta, row *model.Automation) {
	row.Freezes = slices.DeleteFunc(slices.Clone(row.Freezes), func(f model.Freeze) bool { return f.Until <= m.At })
	row.Revision++
	state.Automations.Put(tx, row)
}

// Package chain is the feature of chained exchanges and of the pools that they name: one run gives several credentials the same
// new password. fsm/operation carries a run through its phases.
//
// It guarantees that nobody lets a credential share a password with others unless he may read and change every one of them.
package chain

import (
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "chain", Commands: []command.Erased{Put, Remove, PutPool, RemovePool, Run, Defer}}

var (
	write    = authz.Action{Module: model.ModulePAM, Write: true, Right: model.OperationRun}
	bySystem = authz.Action{System: true}

	errUnknown = model.Errorf(model.NotFound, "there is no such chain")
)

// PutArgs are a chain as it shall be; what the script says is worked out here. Revision 0 creates, otherwise it must be the
// current one.
type PutArgs struct {
	Chain model.Chain `cbor:"chain"`
}

// Put creates or changes a chain. Who does may read and change every credential of it, before and after.
var Put = command.Define("chain.put", 1, func(tx *table.Tx, m command.Meta, a PutArgs) (model.Chain, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, write, nil)
	if err != nil {
		return model.Chain{}, err
	}
	c, old, change := a.Chain, &model.Chain{}, "created"
	if c.Revision == 0 {
		c.ID, c.CreatedBy, c.CreatedAt = model.ChainID(m.NewID(0)), p.Authorization.ID, m.At
		c.Started, c.Run, c.LastRunAt = false, "", 0
	} else {
		var ok bool
		switch old, ok = state.Chains.Get(tx, string(c.ID)); {
		case !ok:
			return c, errUnknown
		case old.Revision != c.Revision:
			return c, model.Errorf(model.Conflict, "the chain changed meanwhile: it is at revision %d", old.Revision).WithField("revision")
		}
		if err := mayUse(tx, m, &old.Orders); err != nil {
			return c, err
		}
		c.CreatedBy, c.CreatedAt, change = old.CreatedBy, old.CreatedAt, "changed"
		c.Run, c.LastRunAt, c.Started = old.Run, old.LastRunAt, old.Started && old.Script == c.Script
	}
	if err := check(tx, &c); err != nil {
		return c, err
	}
	if other, taken := state.Chains.First(tx, "name", c.Name); taken && other.ID != c.ID {
		return c, model.Errorf(model.Conflict, "there is a chain %s already", c.Name).WithField("name")
	}
	if c.Orders, err = resolve(tx, c.Script); err != nil {
		return c, err
	}
	if err := mayUse(tx, m, &c.Orders); err != nil {
		return c, err
	}
	c.Plan()
	c.Revision++
	state.Chains.Put(tx, &c)
	tell(tx, &c, change)
	return c, nil
}).AuditDenials()

func tell(tx *table.Tx, c *model.Chain, change string) {
	tx.Emit(audit.ChainPut.With("chain", string(c.ID), "name", c.Name, "change", change, "members", fmt.Sprint(len(c.Orders.Members)), "automatic", fmt.Sprint(c.Automatic)))
}

func check(tx *table.Tx, c *model.Chain) error {
	switch {
	case !model.ValidName(c.Name):
		return model.Errorf(model.Invalid, "a chain's name has 1 to 63 letters, digits, '-', '_' or '.'").WithField("name")
	case c.Policy != "" && !state.Policies.Has(tx, string(c.Policy)):
		return model.Errorf(model.Invalid, "there is no such policy").WithField("policy")
	case c.Automatic && (c.Every < model.Hour || c.Every > 366*model.Day):
		return model.Errorf(model.Invalid, "automatic runs begin at least an hour, and at most a year, after one another").WithField("every")
	}
	return c.Window.Check()
}

// RemoveArgs name a chain.
type RemoveArgs struct {
	ID model.ChainID `cbor:"id"`
}

// Remove removes a chain; its runs stay for a while.
var Remove = command.Define("chain.remove", 1, func(tx *table.Tx, m command.Meta, a RemoveArgs) (model.Chain, error) {
	c, ok := state.Chains.Get(tx, string(a.ID))
	if _, err := command.Authorize(tx, m.Actor, m.At, write, nil); err != nil {
		return model.Chain{}, err
	}
	if !ok {
		return model.Chain{}, errUnknown
	}
	if err := mayUse(tx, m, &c.Orders); err != nil {
		return model.Chain{}, err
	}
	if c.Run != "" {
		return model.Chain{}, model.Errorf(model.Conflict, "a run of the chain is at work: wait for its end")
	}
	gone := *c
	state.Chains.Delete(tx, string(a.ID))
	tell(tx, &gone, "removed")
	return gone, nil
}).AuditDenials()

// RunArgs ask for a run.
type RunArgs struct {
	Chain model.ChainID `cbor:"chain"`
}

// RunResult is the run, or why an automatic one was put off.
type RunResult struct {
	Run     model.ChainRunID `cbor:"run,omitempty"`
	Number  uint64           `cbor:"number,omitempty"`
	Skipped string           `cbor:"skipped,omitempty"`
}

// Run begins a run. The trigger is not told no, because it would ask again at once: the run is put off.
var Run = command.Define("chain.run", 1, func(tx *table.Tx, m command.Meta, a RunArgs) (RunResult, error) {
	act := write
	act.System = true
	p, err := command.Authorize(tx, m.Actor, m.At, act, nil)
	if err != nil {
		return RunResult{}, err
	}
	c, ok := state.Chains.Get(tx, string(a.Chain))
	if !ok {
		return RunResult{}, errUnknown
	}
	if p != nil {
		if err := mayUse(tx, m, &c.Orders); err != nil {
			return RunResult{}, err
		}
	} else if c.NextAt == 0 || c.NextAt > m.At || c.Run != "" || state.SystemRow(tx).Frozen {
		return RunResult{}, model.Errorf(model.Conflict, "no automatic run is due")
	}
	members, err := members(tx, c)
	if p == nil && err == nil {
		err = operation.StartAutomatic(tx, m, len(members))
	}
	switch {
	case err != nil && p == nil:
		return putOff(tx, m, c, err), nil
	case err != nil:
		return RunResult{}, err
	}
	r := &model.ChainRun{ID: model.ChainRunID(m.NewID(0)), Number: state.Next(tx, "chain_run"), Chain: c.ID, Policy: c.Policy, Rollback: c.Orders.Rollback, Trigger: "schedule", Members: members, StartedAt: m.At}
	if p != nil {
		r.Trigger, r.Requester = "request", p.Authorization.ID
	}
	c.Run, c.LastRunAt = r.ID, m.At
	c.Revision++
	state.Chains.Put(tx, c)
	return RunResult{Run: r.ID, Number: r.Number}, operation.StartRun(tx, m, r, c.Orders.CheckConn)
}).AuditDenials()

// members lists who takes part in a run that could begin now.
func members(tx *table.Tx, c *model.Chain) ([]model.RunMember, error) {
	switch {
	case !c.Enabled:
		return nil, model.Errorf(model.Conflict, "the chain is disabled")
	case c.Run != "":
		return nil, model.Errorf(model.Conflict, "a run of the chain is at work")
	}
	all, err := expand(tx, &c.Orders)
	if err != nil {
		return nil, err
	}
	for _, member := range all {
		row, _ := state.Credentials.Get(tx, string(member.Credential))
		if err := operation.Joinable(tx, row); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, model.Errorf(model.Conflict, "the pools of the chain are empty")
	}
	return all, nil
}

// putOff lets an automatic run wait a little, or until the freeze of the moment ends.
func putOff(tx *table.Tx, m command.Meta, c *model.Chain, why error) RunResult {
	row := state.Automation(tx)
	c.NextAt = max(m.At+model.Time(model.Hour/6), row.FrozenUntil(m.At))
	c.Revision++
	state.Chains.Put(tx, c)
	reason := why.Error()
	tx.Emit(audit.ChainSkipped.With("chain", string(c.ID), "reason", reason, "until", c.NextAt.String()))
	return RunResult{Skipped: reason}
}

// DeferArgs let an automatic run wait until its window opens.
type DeferArgs struct {
	Chain model.ChainID `cbor:"chain"`
	Until model.Time    `cbor:"until"`
}

// Defer lets an automatic run wait; the clocks of zones are read by the scheduler.
var Defer = command.Define("chain.defer", 1, func(tx *table.Tx, m command.Meta, a DeferArgs) (RunResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return RunResult{}, err
	}
	c, ok := state.Chains.Get(tx, string(a.Chain))
	if !ok || c.NextAt == 0 || c.NextAt > m.At || a.Until <= m.At || a.Until > m.At+model.Time(8*model.Day) {
		return RunResult{}, model.Errorf(model.Conflict, "no automatic run is due, or it would wait too long")
	}
	c.NextAt = a.Until
	c.Revision++
	state.Chains.Put(tx, c)
	return RunResult{}, nil
})

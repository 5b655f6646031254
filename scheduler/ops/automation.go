package ops

import (
	"context"

	"cofre/fsm/automation"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/trigger"
)

// Automation is what the system starts by itself, with what its bounds are measured against.
type Automation struct {
	model.Automation
	Due         int        // automatic changes that are due, counted up to 100,000
	ClosedUntil model.Time // when the execution hours begin; 0: it is not outside of them
	Credentials uint64     // that were ever registered
}

const counted = 100_000

// Automation reads the bounds and what is due at a moment.
func (s *Service) Automation(actor model.Actor, at model.Time) (*Automation, error) {
	v := s.views.View()
	defer v.Close()
	if _, err := command.Authorize(v, actor, at, look, nil); err != nil {
		return nil, err
	}
	return AutomationAt(v, at), nil
}

// AutomationAt is Automation for who needs no right.
func AutomationAt(v table.Reader, at model.Time) *Automation {
	a := state.Automation(v)
	return &Automation{a, state.Credentials.Count(v, "due", table.TimeKey(0), table.TimeKey(at+1), counted), trigger.Closed(&a, at), state.Registered(v)}
}

// PutAutomation changes the bounds.
func (s *Service) PutAutomation(ctx context.Context, actor model.Actor, a model.AutomationSettings, revision uint64) error {
	return done(command.Propose(ctx, s.proposer, automation.Put, actor, automation.PutArgs{Settings: a, Revision: revision}))
}

// Freeze plans a span without automatic changes.
func (s *Service) Freeze(ctx context.Context, actor model.Actor, name string, from, until model.Time) error {
	return done(command.Propose(ctx, s.proposer, automation.AddFreeze, actor, automation.FreezeArgs{Name: name, From: from, Until: until}))
}

// Thaw removes such a span.
func (s *Service) Thaw(ctx context.Context, actor model.Actor, name string) error {
	return done(command.Propose(ctx, s.proposer, automation.EndFreeze, actor, automation.NameArgs{Name: name}))
}

// Stop lets the system start nothing any more.
func (s *Service) Stop(ctx context.Context, actor model.Actor) error {
	return done(command.Propose(ctx, s.proposer, automation.Stop, actor, automation.NoArgs{}))
}

// Resume ends a stop.
func (s *Service) Resume(ctx context.Context, actor model.Actor) error {
	return done(command.Propose(ctx, s.proposer, automation.Resume, actor, automation.NoArgs{}))
}

func done(_ model.Automation, err error) error { return err }

// Package ops is the application service for operations: request, follow, list, cancel and retry them. It reads local
// views and proposes commands; the reducers decide. httpapi reaches it through an interface of its own.
package ops

import (
	"context"
	"strconv"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Views gives consistent readings of this node's replica.
type Views interface {
	View() *table.View
	table.Watcher
}

// Service holds what the use-cases need.
type Service struct {
	proposer command.Proposer
	views    Views
	fresh    func(context.Context) error
	alive    func(model.NodeID) bool
}

// New makes the service. fresh is the cluster's read index, alive tells whether a node is there to work.
func New(p command.Proposer, v Views, fresh func(context.Context) error, alive func(model.NodeID) bool) *Service {
	return &Service{proposer: p, views: v, fresh: fresh, alive: alive}
}

var (
	look     = authz.Action{Module: model.ModulePAM}
	notFound = model.Errorf(model.NotFound, "there is no such operation")
)

// Described is an operation with its target and attempts.
type Described struct {
	Operation  model.Operation
	Credential model.Credential // without versions
	Device     model.Device
	Attempts   []model.Attempt
	Templates  map[model.TemplateID]string // names
	Requester  string                      // "application/authorization" that asked for it
	Captured   map[model.Pos]int           // bytes that the target said, of the attempts of which it is kept
	WaitsFor   string                      // what keeps it from starting, in words; "": it is at work or over
}

// Request asks for a change or a verify of a credential.
func (s *Service) Request(ctx context.Context, actor model.Actor, a operation.RequestArgs) (operation.RequestResult, error) {
	a.Trigger = "request"
	return command.Propose(ctx, s.proposer, operation.Request, actor, a)
}

// Get finds an operation by number or id, with its attempts, if the caller may see its credential.
func (s *Service) Get(ctx context.Context, actor model.Actor, at model.Time, name string) (*Described, error) {
	d, err := s.get(actor, at, name)
	if model.Is(err, model.NotFound) {
		if err := s.fresh(ctx); err != nil {
			return nil, err
		}
		return s.get(actor, at, name)
	}
	return d, err
}

func (s *Service) get(actor model.Actor, at model.Time, name string) (*Described, error) {
	v := s.views.View()
	defer v.Close()
	o, ok := find(v, name)
	if !ok {
		return nil, notFound
	}
	d, err := describe(v, actor, at, o)
	if err != nil {
		return nil, err
	}
	d.attempts(v)
	d.name(v)
	d.WaitsFor = s.waiting(v, at)(o)
	return d, nil
}

func find(r table.Reader, name string) (*model.Operation, bool) {
	if n, err := strconv.ParseUint(name, 10, 64); err == nil {
		return state.Operations.First(r, "number", table.NumberKey(n))
	}
	return state.Operations.Get(r, name)
}

func describe(r table.Reader, actor model.Actor, at model.Time, o *model.Operation) (*Described, error) {
	c, object, ok := target(r, o)
	if !ok {
		return nil, notFound
	}
	if _, err := command.Authorize(r, actor, at, look, object); err != nil {
		return nil, err
	}
	d := &Described{Operation: *o, Credential: *c}
	d.Credential.Versions = nil
	if dev, ok := state.Devices.Get(r, string(o.Device)); ok {
		d.Device = *dev
	}
	return d, nil
}

// target finds the account that an operation works on, and how filters see it. A dynamic user is its owner's, and of those
// who reach the credential that logs in for it.
func target(r table.Reader, o *model.Operation) (*model.Credential, *authz.Object, bool) {
	if o.Target.Kind == model.TargetOrphans {
		return searched(r, o)
	}
	if o.Target.Kind != model.TargetDynamicUser {
		c, ok := state.Credentials.Get(r, o.Target.ID)
		if !ok {
			return nil, nil, false
		}
		return c, authz.ObjectOf(c), true
	}
	u, ok := state.DynamicUsers.Get(r, o.Target.ID)
	if !ok {
		return nil, nil, false
	}
	object := &authz.Object{CreatedBy: u.Owner}
	p, ok := state.Profiles.Get(r, string(u.Profile))
	if !ok {
		p = &model.DynamicProfile{}
	} else if door, ok := state.ProfileDoor(r, p, u.Device); ok {
		object.Credential, object.Tags = door.ID, door.Tags
	}
	return u.Account(p), object, true
}

// searched is the target of a search for orphans; who reaches the credential that logs in for it sees it.
func searched(r table.Reader, o *model.Operation) (*model.Credential, *authz.Object, bool) {
	s, ok := state.OrphanSearches.Get(r, o.Target.ID)
	if !ok {
		return nil, nil, false
	}
	object := &authz.Object{CreatedBy: o.Requester}
	if door, ok := state.SearchDoor(r, s); ok {
		object = authz.ObjectOf(door)
	}
	p, ok := state.Profiles.Get(r, string(s.Profile))
	if !ok {
		p = &model.DynamicProfile{}
	}
	return s.Account(p), object, true
}

// Wait returns the operation when it is final, or as it is when ctx ends.
func (s *Service) Wait(ctx context.Context, actor model.Actor, at model.Time, name string) (*Described, error) {
	d, err := s.Get(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	id := string(d.Operation.ID)
	// Each step of the operation wakes who waits, and most are not the last one: only the row is looked at.
	if _, err := table.Await(ctx, s.views, func() (none struct{}, over bool, err error) {
		v := s.views.View()
		defer v.Close()
		o, ok := state.Operations.Look(v, id)
		return none, !ok || o.State.Final(), nil
	}, state.Operations.Place(id)); err != nil {
		return nil, err
	}
	return s.get(actor, at, name)
}

// Cancel ends an operation that waits.
func (s *Service) Cancel(ctx context.Context, actor model.Actor, at model.Time, name string) (model.Operation, error) {
	return s.control(ctx, actor, at, name, operation.Cancel)
}

// Retry starts a failed operation again.
func (s *Service) Retry(ctx context.Context, actor model.Actor, at model.Time, name string) (model.Operation, error) {
	return s.control(ctx, actor, at, name, operation.Retry)
}

// RunNow lets an operation that waits begin at once.
func (s *Service) RunNow(ctx context.Context, actor model.Actor, at model.Time, name string) (model.Operation, error) {
	return s.control(ctx, actor, at, name, operation.RunNow)
}

// Capture lets what the target says be kept from the next attempt on, or no longer.
func (s *Service) Capture(ctx context.Context, actor model.Actor, at model.Time, name string, on bool) error {
	d, err := s.Get(ctx, actor, at, name)
	if err == nil {
		_, err = command.Propose(ctx, s.proposer, operation.Capture, actor, operation.CaptureArgs{Operation: d.Operation.ID, On: on})
	}
	return err
}

func (s *Service) control(ctx context.Context, actor model.Actor, at model.Time, name string, verb command.Def[operation.ControlArgs, model.Operation]) (model.Operation, error) {
	d, err := s.Get(ctx, actor, at, name)
	if err != nil {
		return model.Operation{}, err
	}
	return command.Propose(ctx, s.proposer, verb, actor, operation.ControlArgs{Operation: d.Operation.ID})
}

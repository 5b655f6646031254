package access

import (
	"context"
	"strconv"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/session"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// SessionOf is a session with what it is about.
type SessionOf struct {
	Session    model.Session
	Credential model.Credential // without versions
	Device     model.Device
}

// StartSession begins a session.
func (s *Service) StartSession(ctx context.Context, actor model.Actor, at model.Time, args session.StartArgs) (*SessionOf, error) {
	made, err := command.Propose(ctx, s.proposer, session.Start, actor, args)
	if err != nil {
		return nil, err
	}
	return s.Session(ctx, actor, at, string(made.ID))
}

// EndSession ends a session.
func (s *Service) EndSession(ctx context.Context, actor model.Actor, at model.Time, name string) (*SessionOf, error) {
	found, err := s.Session(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	if _, err := command.Propose(ctx, s.proposer, session.End, actor, session.EndArgs{ID: found.Session.ID}); err != nil {
		return nil, err
	}
	return s.Session(ctx, actor, at, string(found.Session.ID))
}

// Session finds a session by number or id, of a credential that the caller reaches.
func (s *Service) Session(ctx context.Context, actor model.Actor, at model.Time, name string) (*SessionOf, error) {
	row, err := ref(ctx, s, func(r table.Reader) (*model.Session, bool) {
		if n, err := strconv.ParseUint(name, 10, 64); err == nil && len(name) < 20 {
			return state.Sessions.First(r, "number", table.NumberKey(n))
		}
		return state.Sessions.Get(r, name)
	}, session.ErrUnknown)
	if err != nil {
		return nil, err
	}
	v := s.views.View()
	defer v.Close()
	of := sessionOf(v, row)
	if _, err := command.Authorize(v, actor, at, readPAM, authz.ObjectOf(&of.Credential)); err != nil {
		return nil, err
	}
	return &of, nil
}

func sessionOf(r table.Reader, row *model.Session) SessionOf {
	of := SessionOf{Session: *row}
	if c, ok := state.Credentials.Get(r, string(row.Credential)); ok {
		of.Credential = *c
		of.Credential.Versions = nil
	}
	if d, ok := state.Devices.Get(r, string(row.Device)); ok {
		of.Device = *d
	}
	return of
}

// AwaitSession gives a session when it is no longer opening, or as it is when ctx ends.
func (s *Service) AwaitSession(ctx context.Context, actor model.Actor, at model.Time, name string) (*SessionOf, error) {
	of, err := s.Session(context.WithoutCancel(ctx), actor, at, name)
	if err != nil {
		return nil, err
	}
	return table.Await(ctx, s.views, func() (*SessionOf, bool, error) {
		of, err := s.Session(context.WithoutCancel(ctx), actor, at, name)
		return of, err == nil && of.Session.State != model.SessionOpening, err
	}, state.Sessions.Place(string(of.Session.ID)))
}

// SessionFilter narrows a list. Before is the last number of the page before; 0: none. Limit 0 means all.
type SessionFilter struct {
	Credential model.CredentialID
	Person     string
	Live       bool
	Before     uint64
	Limit      int
}

// Sessions lists the sessions of credentials that the caller reaches, newest first.
func (s *Service) Sessions(actor model.Actor, at model.Time, f SessionFilter) ([]SessionOf, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, readPAM, nil)
	if err != nil {
		return nil, err
	}
	before := f.Before
	if before == 0 {
		before = ^uint64(0)
	}
	out := []SessionOf{}
	for row := range state.Sessions.Reverse(v, "number", table.NumberKey(0), table.NumberKey(before)) {
		if f.Credential != "" && row.Credential != f.Credential || f.Person != "" && row.Person != f.Person || f.Live && !row.Live() {
			continue
		}
		of := sessionOf(v, row)
		if !p.Reaches(authz.ObjectOf(&of.Credential)) {
			continue
		}
		if out = append(out, of); f.Limit > 0 && len(out) == f.Limit {
			break
		}
	}
	return out, nil
}

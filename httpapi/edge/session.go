package edge

import (
	"context"
	"time"

	"cofre/fsm/model"
	fsmsession "cofre/fsm/session"
	api "cofre/httpapi/session"
	"cofre/vault/access"
)

// sessions adapts access to the resource of sessions.
type sessions struct{ access *access.Service }

func sessionItem(of *access.SessionOf, err error) (*api.Item, error) {
	if err != nil {
		return nil, err
	}
	return &api.Item{Session: of.Session, Identifier: of.Credential.Identifier, Username: of.Credential.Username, Device: of.Device}, nil
}

func (s *sessions) Start(ctx context.Context, actor model.Actor, at model.Time, a api.Start) (*api.Item, error) {
	c, err := s.access.FindCredential(ctx, a.Credential)
	if err != nil {
		return nil, in(err, "credential")
	}
	return sessionItem(s.access.StartSession(ctx, actor, at, fsmsession.StartArgs{Credential: c.ID, Person: a.Person, Source: a.Source, Protocol: a.Protocol, Proxy: a.Proxy, Reason: a.Reason, Ticket: a.Ticket, TTL: a.TTL}))
}

func (s *sessions) End(ctx context.Context, actor model.Actor, at model.Time, name string) (*api.Item, error) {
	return sessionItem(s.access.EndSession(ctx, actor, at, name))
}

func (s *sessions) Session(ctx context.Context, actor model.Actor, at model.Time, name string, wait time.Duration) (*api.Item, error) {
	if wait == 0 {
		return sessionItem(s.access.Session(ctx, actor, at, name))
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return sessionItem(s.access.AwaitSession(ctx, actor, at, name))
}

func (s *sessions) Sessions(ctx context.Context, actor model.Actor, at model.Time, f api.Filter) ([]api.Item, error) {
	filter := access.SessionFilter{Person: f.Person, Live: f.Live, Before: f.Before, Limit: f.Limit}
	if f.Credential != "" {
		c, err := s.access.FindCredential(ctx, f.Credential)
		if err != nil {
			return nil, in(err, "credential")
		}
		filter.Credential = c.ID
	}
	rows, err := s.access.Sessions(actor, at, filter)
	if err != nil {
		return nil, err
	}
	items := make([]api.Item, len(rows))
	for i := range rows {
		one, err := sessionItem(&rows[i], nil)
		if err != nil {
			return nil, err
		}
		items[i] = *one
	}
	return items, nil
}

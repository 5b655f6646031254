package application

import (
	"context"

	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Deleted tells how far a deletion has come.
type Deleted struct {
	Gone  bool `json:"gone" doc:"false: it stays, without any access, until the dynamic users that were made for it are removed"`
	Users int  `json:"users" doc:"dynamic users that are not proven gone; of an authorization no more than 10000 are counted"`
}

func (m *management) remove(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	return deleted(m.s.DeleteApplication(ctx, r.Actor, a.ID))
}

func (m *management) unauthorize(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.findAuthorization(r)
	if err != nil {
		return compat.Reply{}, err
	}
	return deleted(m.s.DeleteAuthorization(ctx, r.Actor, a.ID))
}

func deleted(d Deleted, err error) (compat.Reply, error) {
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(d), nil
}

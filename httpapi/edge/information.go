package edge

import (
	"context"

	fsminfo "cofre/fsm/information"
	"cofre/fsm/model"
	"cofre/httpapi/information"
	"cofre/vault/access"
)

// informations adapts access to the resource of protected information.
type informations struct{ *access.Service }

func (i *informations) Put(ctx context.Context, actor model.Actor, at model.Time, p information.Put) (model.Information, model.Effect, error) {
	r, err := i.PutInformation(ctx, actor, at, fsminfo.PutArgs{New: p.New, Identifier: p.Identifier, Name: p.Name, Type: p.Type, Service: p.Service, URL: p.URL, Tags: p.Tags}, p.Content)
	return r.Information, model.EffectOf(r.Created, r.Unchanged), err
}

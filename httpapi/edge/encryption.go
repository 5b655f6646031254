package edge

import (
	"context"

	fsmenc "cofre/fsm/encryption"
	"cofre/fsm/model"
	api "cofre/httpapi/encryption"
	"cofre/vault/access"
)

// encryptions adapts access to the resource of encryption keys: it turns the names that people use into ids.
type encryptions struct{ *access.Service }

func (e *encryptions) item(k *model.EncryptionKey) *api.Item {
	names := e.AuthorizationNames(append([]model.AuthorizationID{k.CreatedBy}, k.Users...)...)
	i := &api.Item{Key: *k, Owner: names[k.CreatedBy]}
	for _, u := range k.Users {
		if names[u] != "" {
			i.Users = append(i.Users, names[u])
		}
	}
	return i
}

func (e *encryptions) List(actor model.Actor, at model.Time, disabled bool, after uint64, limit int) ([]api.Item, error) {
	rows, err := e.ListEncryptionKeys(actor, at, disabled, after, limit)
	if err != nil {
		return nil, err
	}
	items := make([]api.Item, len(rows))
	for i := range rows {
		items[i] = *e.item(&rows[i])
	}
	return items, nil
}

func (e *encryptions) Describe(ctx context.Context, actor model.Actor, at model.Time, name string) (*api.Item, error) {
	k, err := e.DescribeEncryptionKey(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	return e.item(k), nil
}

func (e *encryptions) Put(ctx context.Context, actor model.Actor, at model.Time, p api.Put) (*api.Item, error) {
	args := fsmenc.PutArgs{Name: p.Name, Description: p.Description, Tags: p.Tags, Least: p.Least, ExpiresAt: p.ExpiresAt, Enabled: p.Enabled, Revision: p.Revision}
	if p.Key != "" {
		k, err := e.FindEncryptionKey(ctx, p.Key)
		if err != nil {
			return nil, err
		}
		if p.Algorithm != nil && *p.Algorithm != string(k.Algorithm) {
			return nil, model.Errorf(model.Invalid, "the algorithm of a key never changes: make a new key").WithField("algorithm")
		}
		args.ID = k.ID
	} else if p.Algorithm != nil {
		args.Algorithm = model.KeyAlgorithm(*p.Algorithm)
	} else {
		return nil, model.Errorf(model.Invalid, "The algorithm was not informed: it is one of %v", model.Algorithms).WithCode(1004).WithField("algorithm")
	}
	if p.Users != nil {
		args.Users = &[]model.AuthorizationID{}
		for _, u := range *p.Users {
			a, err := e.FindAuthorization(ctx, u.Application, u.System, u.Environment, u.Authorization)
			if err != nil {
				return nil, of(err, "users")
			}
			*args.Users = append(*args.Users, a.ID)
		}
	}
	k, err := e.PutEncryptionKey(ctx, actor, at, args)
	if err != nil {
		return nil, err
	}
	return e.item(&k), nil
}

func (e *encryptions) Rotate(ctx context.Context, actor model.Actor, at model.Time, name string) (*api.Item, error) {
	k, err := e.RotateEncryptionKey(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	return e.item(&k), nil
}

func (e *encryptions) SetStatus(ctx context.Context, actor model.Actor, name string, enabled bool) (*api.Item, error) {
	k, err := e.SetEncryptionKeyStatus(ctx, actor, name, enabled)
	if err != nil {
		return nil, err
	}
	return e.item(&k), nil
}

package chain

import (
	"fmt"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

var errNoPool = model.Errorf(model.NotFound, "there is no such pool")

// PoolArgs are a pool as it shall be. Revision 0 creates, otherwise it must be the current one.
type PoolArgs struct {
	Pool model.Pool `cbor:"pool"`
}

// PutPool creates or changes a pool. Who does may read and change its credentials, before and after, and all others of the
// chains that name it: they will share a password.
var PutPool = command.Define("pool.put", 1, func(tx *table.Tx, m command.Meta, a PoolArgs) (model.Pool, error) {
	caller, err := command.Authorize(tx, m.Actor, m.At, write, nil)
	if err != nil {
		return model.Pool{}, err
	}
	p, change := a.Pool, "created"
	if p.Revision == 0 {
		p.ID, p.Number, p.CreatedBy, p.CreatedAt = model.PoolID(m.NewID(0)), 0, caller.Authorization.ID, m.At
	} else {
		old, ok := state.Pools.Get(tx, string(p.ID))
		switch {
		case !ok:
			return p, errNoPool
		case old.Revision != p.Revision:
			return p, model.Errorf(model.Conflict, "the pool changed meanwhile: it is at revision %d", old.Revision).WithField("revision")
		}
		if err := mayHold(tx, m, old); err != nil {
			return p, err
		}
		p.Number, p.CreatedBy, p.CreatedAt, change = old.Number, old.CreatedBy, old.CreatedAt, "changed"
	}
	other, taken := state.Pools.First(tx, "name", p.Name)
	switch {
	case !model.ValidName(p.Name) || digits(p.Name):
		return p, model.Errorf(model.Invalid, "a pool's name has 1 to 63 letters, digits, '-', '_' or '.', and not digits alone").WithField("name")
	case taken && other.ID != p.ID:
		return p, model.Errorf(model.Conflict, "there is a pool %s already", p.Name).WithField("name")
	case len(p.Members) > model.MaxMembers:
		return p, model.Errorf(model.Invalid, "the pool has %d credentials, the limit is %d", len(p.Members), model.MaxMembers).WithField("credentials")
	}
	for i, id := range p.Members {
		if slices.Contains(p.Members[:i], id) {
			return p, model.Errorf(model.Invalid, "a credential stands in the pool twice").WithField("credentials")
		}
	}
	if p.Number == 0 {
		p.Number = state.Next(tx, "pool")
	}
	p.Revision++
	state.Pools.Put(tx, &p)
	if err := mayHold(tx, m, &p); err != nil {
		return p, err
	}
	tx.Emit(audit.PoolPut.With("pool", string(p.ID), "number", fmt.Sprint(p.Number), "name", p.Name, "change", change, "members", fmt.Sprint(len(p.Members))))
	return p, nil
}).AuditDenials()

// mayHold decides about the credentials of a pool, as it stands in the state, and those of the chains that name it.
func mayHold(tx *table.Tx, m command.Meta, p *model.Pool) error {
	for _, id := range p.Members {
		if err := operation.MayJoin(tx, m, id); err != nil {
			return err
		}
	}
	for c := range state.Chains.By(tx, "pool", string(p.ID)) {
		if err := mayUse(tx, m, &c.Orders); err != nil {
			return err
		}
	}
	return nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// RemovePoolArgs name a pool.
type RemovePoolArgs struct {
	ID model.PoolID `cbor:"id"`
}

// RemovePool removes a pool that no chain names.
var RemovePool = command.Define("pool.remove", 1, func(tx *table.Tx, m command.Meta, a RemovePoolArgs) (model.Pool, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, write, nil); err != nil {
		return model.Pool{}, err
	}
	p, ok := state.Pools.Get(tx, string(a.ID))
	if !ok {
		return model.Pool{}, errNoPool
	}
	if err := mayHold(tx, m, p); err != nil {
		return model.Pool{}, err
	}
	if c, used := state.Chains.First(tx, "pool", string(p.ID)); used {
		return model.Pool{}, model.Errorf(model.Conflict, "chain %s names the pool: change its script first", c.Name)
	}
	gone := *p
	state.Pools.Delete(tx, string(a.ID))
	tx.Emit(audit.PoolPut.With("pool", string(gone.ID), "number", fmt.Sprint(gone.Number), "name", gone.Name, "change", "removed", "members", fmt.Sprint(len(gone.Members))))
	return gone, nil
}).AuditDenials()

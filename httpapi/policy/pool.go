package policy

import (
	"context"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Pool is a pool with the names of its credentials, by id.
type Pool struct {
	Pool  model.Pool
	Names map[string]string
}

// PoolView is a pool.
type PoolView struct {
	ID          model.PoolID `json:"id"`
	Number      uint64       `json:"number" doc:"scripts know it by this, or by its name"`
	Name        string       `json:"name"`
	Credentials []string     `json:"credentials" doc:"identifiers"`
	Revision    uint64       `json:"revision"`
}

// PoolBody is a pool to create or change; what is absent stays.
type PoolBody struct {
	Name        *string   `json:"name"`
	Credentials *[]string `json:"credentials" doc:"numbers, identifiers or user@host; replaces all of them"`
	Revision    uint64    `json:"revision" doc:"refuse if it is not the current one"`
}

func poolView(p *Pool) PoolView {
	v := PoolView{ID: p.Pool.ID, Number: p.Pool.Number, Name: p.Pool.Name, Credentials: []string{}, Revision: p.Pool.Revision}
	for _, id := range p.Pool.Members {
		v.Credentials = append(v.Credentials, p.Names[string(id)])
	}
	return v
}

func (m *chains) pools(_ context.Context, r *route.Request) (compat.Reply, error) {
	all, err := m.s.Pools(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	page, err := route.Page(r, all, func(p Pool) string { return string(p.Pool.ID) })
	if err != nil {
		return compat.Reply{}, err
	}
	out := route.Listed[PoolView]{Items: []PoolView{}, Next: page.Next}
	for i := range page.Items {
		out.Items = append(out.Items, poolView(&page.Items[i]))
	}
	return compat.JSON(out), nil
}

func (m *chains) pool(ctx context.Context, r *route.Request) (compat.Reply, error) {
	p, err := m.s.Pool(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(poolView(p)), nil
}

func (m *chains) putPool(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b PoolBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	p, err := m.s.PutPool(ctx, r.Actor, r.At, r.Param("name"), &b)
	if err != nil {
		return compat.Reply{}, err
	}
	return made(r, compat.JSON(poolView(p))), nil
}

func (m *chains) removePool(ctx context.Context, r *route.Request) (compat.Reply, error) {
	if err := m.s.RemovePool(ctx, r.Actor, r.At, r.Param("name")); err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(struct{}{}), nil
}

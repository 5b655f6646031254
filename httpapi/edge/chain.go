package edge

import (
	"context"
	"time"

	"cofre/fsm/model"
	"cofre/httpapi/policy"
	"cofre/scheduler/ops"
	"cofre/vault/access"
)

// chains adapts ops to the resources of chains and pools.
type chains struct {
	ops    *ops.Service
	access *access.Service
}

func chainItem(c *ops.ChainOf, err error) (*policy.Chain, error) {
	if err != nil {
		return nil, err
	}
	return (*policy.Chain)(c), nil
}

func runItem(r *ops.RunOf, err error) (*policy.Run, error) {
	if err != nil {
		return nil, err
	}
	return (*policy.Run)(r), nil
}

func poolItem(p *ops.PoolOf, err error) (*policy.Pool, error) {
	if err != nil {
		return nil, err
	}
	return (*policy.Pool)(p), nil
}

func (c *chains) Chains(actor model.Actor, at model.Time) ([]policy.Chain, error) {
	rows, err := c.ops.Chains(actor, at)
	out := make([]policy.Chain, len(rows))
	for i := range rows {
		out[i] = policy.Chain(rows[i])
	}
	return out, err
}

func (c *chains) Chain(ctx context.Context, actor model.Actor, at model.Time, name string) (*policy.Chain, error) {
	return chainItem(c.ops.Chain(ctx, actor, at, name))
}

func (c *chains) PutChain(ctx context.Context, actor model.Actor, at model.Time, name string, b *policy.ChainBody) (*policy.Chain, error) {
	row := model.Chain{Enabled: true}
	if name != "" {
		found, err := c.ops.Chain(ctx, actor, at, name)
		if err != nil {
			return nil, err
		}
		row = found.Chain
	}
	if err := b.Apply(&row); err != nil {
		return nil, err
	}
	if b.Policy != nil {
		row.Policy = ""
		if *b.Policy != "" {
			p, err := c.access.FindPolicy(ctx, *b.Policy)
			if err != nil {
				return nil, in(err, "policy")
			}
			row.Policy = p.ID
		}
	}
	return chainItem(c.ops.PutChain(ctx, actor, at, row))
}

func (c *chains) RemoveChain(ctx context.Context, actor model.Actor, at model.Time, name string) error {
	found, err := c.ops.Chain(ctx, actor, at, name)
	if err != nil {
		return err
	}
	return c.ops.RemoveChain(ctx, actor, found.Chain.ID)
}

func (c *chains) RunChain(ctx context.Context, actor model.Actor, at model.Time, name string) (*policy.Run, error) {
	found, err := c.ops.Chain(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	return runItem(c.ops.RunChain(ctx, actor, at, found.Chain.ID))
}

func (c *chains) ChainRuns(ctx context.Context, actor model.Actor, at model.Time, name string, before uint64, limit int) ([]policy.Run, error) {
	found, err := c.ops.Chain(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	rows, err := c.ops.ChainRuns(actor, at, found.Chain.ID, before, limit)
	out := make([]policy.Run, len(rows))
	for i := range rows {
		out[i] = policy.Run(rows[i])
	}
	return out, err
}

func (c *chains) ChainRun(ctx context.Context, actor model.Actor, at model.Time, name string, number uint64, wait time.Duration) (*policy.Run, error) {
	found, err := c.ops.Chain(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return runItem(c.ops.AwaitRun(ctx, actor, at, found.Chain.ID, number))
}

func (c *chains) Pools(actor model.Actor, at model.Time) ([]policy.Pool, error) {
	rows, err := c.ops.Pools(actor, at)
	out := make([]policy.Pool, len(rows))
	for i := range rows {
		out[i] = policy.Pool(rows[i])
	}
	return out, err
}

func (c *chains) Pool(ctx context.Context, actor model.Actor, at model.Time, name string) (*policy.Pool, error) {
	return poolItem(c.ops.Pool(ctx, actor, at, name))
}

func (c *chains) PutPool(ctx context.Context, actor model.Actor, at model.Time, name string, b *policy.PoolBody) (*policy.Pool, error) {
	var row model.Pool
	if name != "" {
		found, err := c.ops.Pool(ctx, actor, at, name)
		if err != nil {
			return nil, err
		}
		row = found.Pool
	}
	if b.Name != nil {
		row.Name = *b.Name
	}
	if b.Revision != 0 {
		row.Revision = b.Revision
	}
	if b.Credentials != nil {
		row.Members = nil
		for _, one := range *b.Credentials {
			found, err := c.access.FindCredential(ctx, one)
			if err != nil {
				return nil, in(err, "credentials")
			}
			row.Members = append(row.Members, found.ID)
		}
	}
	return poolItem(c.ops.PutPool(ctx, actor, at, row))
}

func (c *chains) RemovePool(ctx context.Context, actor model.Actor, at model.Time, name string) error {
	found, err := c.ops.Pool(ctx, actor, at, name)
	if err != nil {
		return err
	}
	return c.ops.RemovePool(ctx, actor, found.Pool.ID)
}

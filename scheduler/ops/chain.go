package ops

import (
	"context"
	"strconv"

	"cofre/fsm/authz"
	"cofre/fsm/chain"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/trigger"
)

// ChainOf is a chain with the names of what it points at, by id, and the number of the run that is at work; 0: none. Its next run is told as
// the moment when its window is open.
type ChainOf struct {
	Chain   model.Chain
	Names   map[string]string
	Running uint64
}

// PoolOf is a pool with the names of its credentials, by id.
type PoolOf struct {
	Pool  model.Pool
	Names map[string]string
}

// RunOf is a run with the name of its chain, the names of its credentials, and its operations, by id.
type RunOf struct {
	Run        model.ChainRun
	Chain      string
	Names      map[string]string
	Operations map[model.OperationID]model.Operation
}

var (
	noChain = model.Errorf(model.NotFound, "there is no such chain")
	noPool  = model.Errorf(model.NotFound, "there is no such pool")
	noRun   = model.Errorf(model.NotFound, "there is no such run")
)

// looking finds something on this node's replica, and after that on a fresh one.
func looking[T any](ctx context.Context, s *Service, find func(v *table.View) (*T, error)) (*T, error) {
	once := func() (*T, error) {
		v := s.views.View()
		defer v.Close()
		return find(v)
	}
	found, err := once()
	if model.Is(err, model.NotFound) {
		if err := s.fresh(ctx); err != nil {
			return nil, err
		}
		return once()
	}
	return found, err
}

// sees tells whether a caller reaches all credentials; names gets theirs.
func sees(r table.Reader, p *command.Principal, ids []model.CredentialID, names map[string]string) bool {
	for _, id := range ids {
		c, ok := state.Credentials.Look(r, string(id))
		if !ok || !p.Reaches(authz.ObjectOf(c)) {
			return false
		}
		names[string(id)] = c.Identifier
	}
	return true
}

func chainOf(r table.Reader, p *command.Principal, c *model.Chain) (*ChainOf, bool) {
	of := &ChainOf{Chain: *c, Names: map[string]string{}}
	for _, m := range c.Orders.Members {
		ids := []model.CredentialID{m.Credential}
		if m.Pool != "" {
			pool, _ := state.Pools.Get(r, string(m.Pool))
			ids, of.Names[string(m.Pool)] = pool.Members, pool.Name
		}
		if !sees(r, p, ids, of.Names) {
			return nil, false
		}
	}
	if policy, ok := state.Policies.Look(r, string(c.Policy)); ok {
		of.Names[string(c.Policy)] = policy.Name
	}
	if t, ok := state.Templates.Look(r, string(c.Orders.Linked)); ok {
		of.Names[string(t.ID)] = t.Name
	}
	if run, ok := state.ChainRuns.Get(r, string(c.Run)); ok {
		of.Running = run.Number
	}
	if of.Chain.NextAt != 0 { // the row holds when it falls due
		of.Chain.NextAt = trigger.Opens(&of.Chain.Window, of.Chain.NextAt)
	}
	return of, true
}

// Chains lists the chains of which the caller reaches every credential.
func (s *Service) Chains(actor model.Actor, at model.Time) ([]ChainOf, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, look, nil)
	if err != nil {
		return nil, err
	}
	out := []ChainOf{}
	for c := range state.Chains.All(v, "") {
		if of, ok := chainOf(v, p, c); ok {
			out = append(out, *of)
		}
	}
	return out, nil
}

// Chain finds a chain by name or id.
func (s *Service) Chain(ctx context.Context, actor model.Actor, at model.Time, name string) (*ChainOf, error) {
	return looking(ctx, s, func(v *table.View) (*ChainOf, error) {
		p, err := command.Authorize(v, actor, at, look, nil)
		if err != nil {
			return nil, err
		}
		c, ok := state.Chains.First(v, "name", name)
		if !ok {
			c, ok = state.Chains.Get(v, name)
		}
		if ok {
			if of, seen := chainOf(v, p, c); seen {
				return of, nil
			}
		}
		return nil, noChain
	})
}

// PutChain creates or changes a chain.
func (s *Service) PutChain(ctx context.Context, actor model.Actor, at model.Time, c model.Chain) (*ChainOf, error) {
	put, err := command.Propose(ctx, s.proposer, chain.Put, actor, chain.PutArgs{Chain: c})
	if err != nil {
		return nil, err
	}
	return s.Chain(ctx, actor, at, string(put.ID))
}

// RemoveChain removes a chain.
func (s *Service) RemoveChain(ctx context.Context, actor model.Actor, id model.ChainID) error {
	_, err := command.Propose(ctx, s.proposer, chain.Remove, actor, chain.RemoveArgs{ID: id})
	return err
}

// RunChain begins a run of a chain.
func (s *Service) RunChain(ctx context.Context, actor model.Actor, at model.Time, id model.ChainID) (*RunOf, error) {
	r, err := command.Propose(ctx, s.proposer, chain.Run, actor, chain.RunArgs{Chain: id})
	if err != nil {
		return nil, err
	}
	return s.ChainRun(ctx, actor, at, id, r.Number)
}

func runOf(r table.Reader, p *command.Principal, row *model.ChainRun) (*RunOf, bool) {
	of := &RunOf{Run: *row, Names: map[string]string{}, Operations: map[model.OperationID]model.Operation{}}
	of.Run.Secret = model.Sealed{}
	for i := range row.Members {
		m := &row.Members[i]
		if !sees(r, p, []model.CredentialID{m.Credential}, of.Names) {
			return nil, false
		}
		for _, id := range []model.OperationID{m.Check, m.Change, m.Restore} {
			if o, ok := state.Operations.Get(r, string(id)); ok {
				of.Operations[id] = *o
			}
		}
	}
	if c, ok := state.Chains.Get(r, string(row.Chain)); ok {
		of.Chain = c.Name
	}
	return of, true
}

// ChainRun finds a run of a chain by number.
func (s *Service) ChainRun(ctx context.Context, actor model.Actor, at model.Time, of model.ChainID, number uint64) (*RunOf, error) {
	return looking(ctx, s, func(v *table.View) (*RunOf, error) {
		p, err := command.Authorize(v, actor, at, look, nil)
		if err != nil {
			return nil, err
		}
		if row, ok := state.ChainRuns.First(v, "number", table.NumberKey(number)); ok && row.Chain == of {
			if r, seen := runOf(v, p, row); seen {
				return r, nil
			}
		}
		return nil, noRun
	})
}

// AwaitRun gives a run when it is over, or as it is when ctx ends.
func (s *Service) AwaitRun(ctx context.Context, actor model.Actor, at model.Time, of model.ChainID, number uint64) (*RunOf, error) {
	r, err := s.ChainRun(context.WithoutCancel(ctx), actor, at, of, number)
	if err != nil {
		return nil, err
	}
	return table.Await(ctx, s.views, func() (*RunOf, bool, error) {
		r, err := s.ChainRun(context.WithoutCancel(ctx), actor, at, of, number)
		return r, err == nil && r.Run.State.Final(), err
	}, state.ChainRuns.Place(string(r.Run.ID)))
}

// ChainRuns lists the runs of a chain, newest first, before a number; 0: from the newest on.
func (s *Service) ChainRuns(actor model.Actor, at model.Time, of model.ChainID, before uint64, limit int) ([]RunOf, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, look, nil)
	if err != nil {
		return nil, err
	}
	if before == 0 {
		before = ^uint64(0)
	}
	out := []RunOf{}
	for row := range state.ChainRuns.Reverse(v, "number", table.NumberKey(0), table.NumberKey(before)) {
		if row.Chain != of {
			continue
		}
		if r, ok := runOf(v, p, row); ok {
			out = append(out, *r)
		}
		if len(out) == limit {
			break
		}
	}
	return out, nil
}

// Pools lists the pools of which the caller reaches every credential.
func (s *Service) Pools(actor model.Actor, at model.Time) ([]PoolOf, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, look, nil)
	if err != nil {
		return nil, err
	}
	out := []PoolOf{}
	for row := range state.Pools.All(v, "") {
		if of := (PoolOf{*row, map[string]string{}}); sees(v, p, row.Members, of.Names) {
			out = append(out, of)
		}
	}
	return out, nil
}

// Pool finds a pool by number, name or id.
func (s *Service) Pool(ctx context.Context, actor model.Actor, at model.Time, name string) (*PoolOf, error) {
	return looking(ctx, s, func(v *table.View) (*PoolOf, error) {
		p, err := command.Authorize(v, actor, at, look, nil)
		if err != nil {
			return nil, err
		}
		row, ok := state.Pools.First(v, "name", name)
		if n, err := strconv.ParseUint(name, 10, 64); err == nil && !ok {
			row, ok = state.Pools.First(v, "number", table.NumberKey(n))
		}
		if !ok {
			row, ok = state.Pools.Get(v, name)
		}
		if ok {
			if of := (PoolOf{*row, map[string]string{}}); sees(v, p, row.Members, of.Names) {
				return &of, nil
			}
		}
		return nil, noPool
	})
}

// PutPool creates or changes a pool.
func (s *Service) PutPool(ctx context.Context, actor model.Actor, at model.Time, p model.Pool) (*PoolOf, error) {
	put, err := command.Propose(ctx, s.proposer, chain.PutPool, actor, chain.PoolArgs{Pool: p})
	if err != nil {
		return nil, err
	}
	return s.Pool(ctx, actor, at, string(put.ID))
}

// RemovePool removes a pool that no chain names.
func (s *Service) RemovePool(ctx context.Context, actor model.Actor, id model.PoolID) error {
	_, err := command.Propose(ctx, s.proposer, chain.RemovePool, actor, chain.RemovePoolArgs{ID: id})
	return err
}

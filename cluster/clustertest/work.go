package clustertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/scheduler/lead"
)

// Work lets the members of a real cluster change passwords: the real scheduler on the leader, and slots that decide as
// executors/runner does, against targets that hold one password each.
type Work struct {
	c *Cluster

	mu      sync.Mutex // guards what follows
	rng     *rand.Rand
	targets map[string]string // password in force, by credential
	changes int
}

// NewWork founds the cluster and registers the accounts.
func NewWork(c *Cluster, accounts int) *Work {
	w := &Work{c: c, rng: rand.New(rand.NewPCG(c.options.Seed, 11)), targets: map[string]string{}}
	c.Found()
	for i := range accounts {
		w.targets[fmt.Sprintf("account%d", i)] = fmt.Sprintf("first%d", i)
	}
	c.Accounts(w.targets)
	for _, m := range c.Members() {
		w.Start(m)
	}
	return w
}

// Start runs scheduler and slots on a member until it ends.
func (w *Work) Start(m *Member) {
	log := Quiet().WithField("member", m.ID)
	m.Go(func() {
		m.Node.EachTerm(m.ctx, func(ctx context.Context, term uint64) {
			if m.Node.Barrier(ctx) != nil {
				return
			}
			_ = lead.Run(ctx, lead.Config{Proposer: m.Proposer.TermBound(term), View: m.Replica.View, Changed: m.Replica.Changed, Now: m.Clock.Now,
				Alive: func(id model.NodeID) bool { return w.c.Member(id) != nil && m.Clock.Usable(id) }, Log: log})
		})
	})
	m.Go(func() { w.slots(m) })
}

// Changes counts the passwords that were changed on their targets.
func (w *Work) Changes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changes
}

// Request asks for changes through a member.
func (w *Work) Request(m *Member) {
	v := m.Replica.View()
	var ids []model.CredentialID
	for c := range state.Credentials.All(v, "") {
		ids = append(ids, c.ID)
	}
	v.Close()
	for _, id := range ids {
		ctx, cancel := context.WithTimeout(m.ctx, 10*time.Second)
		_, _ = command.Propose(ctx, m.Proposer, operation.Request, client, operation.RequestArgs{Credential: id, Kind: model.PasswordChange, Trigger: "request"})
		cancel()
	}
}

func (w *Work) slots(m *Member) {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	seen := map[model.Pos]bool{}
	for {
		changed := m.Replica.Changed()
		v := m.Replica.View()
		for o := range state.Operations.By(v, "lease", string(m.ID)) {
			if !seen[o.Lease.Token] {
				seen[o.Lease.Token] = true
				c, _ := state.Credentials.Get(v, o.Target.ID)
				op, cr := *o, *c
				tasks.Go(func() { w.attempt(m, &op, &cr) })
			}
		}
		v.Close()
		select {
		case <-changed:
		case <-m.ctx.Done():
			return
		}
	}
}

func (w *Work) attempt(m *Member, o *model.Operation, c *model.Credential) {
	a := operation.FinishArgs{Operation: o.ID, Token: o.Lease.Token}
	id, token := a.Operation, a.Token
	if o.State == model.OpRunning {
		a = operation.Unheard()
	} else {
		args := operation.BeginArgs{Operation: id, Token: token}
		password := w.draw()
		if o.State == model.OpLeased {
			args.Row, args.Candidate = password, model.Sealed{Term: 1, Box: []byte(password)}
		}
		trust, sent := operation.NewTrust(model.DemoLeases), time.Now()
		ctx, cancel := context.WithTimeout(m.ctx, 2*time.Second)
		r, err := command.Propose(ctx, m.Proposer, operation.Begin, system, args)
		cancel()
		if err != nil || r.Fenced {
			return // the lease runs out
		}
		trust.Extend(0)
		w.pause(m.ctx, 2*time.Second)
		switch {
		case m.ctx.Err() != nil || !trust.Holds(time.Since(sent)):
			return
		case o.State == model.OpSettling:
			a = w.settle(o, c)
		default:
			a = w.change(c, password, r.Version)
		}
	}
	a.Operation, a.Token = id, token
	for n := 1; m.ctx.Err() == nil; n++ {
		ctx, cancel := context.WithTimeout(m.ctx, 10*time.Second)
		_, err := command.Propose(ctx, m.Proposer, operation.Finish, system, a)
		cancel()
		if err == nil || !operation.AskAgain(err) {
			return
		}
		w.pause(m.ctx, operation.AskPause(n))
	}
}

// change writes to the target; now and then the slot does not learn what came of it.
func (w *Work) change(c *model.Credential, password string, version uint64) operation.FinishArgs {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.targets[c.Identifier] = password
	w.changes++
	if w.rng.IntN(5) == 0 {
		return operation.FinishArgs{Outcome: model.OutcomeUncertain, Class: "timeout"}
	}
	return operation.FinishArgs{Outcome: model.OutcomeApplied, Proven: version}
}

func (w *Work) settle(o *model.Operation, c *model.Credential) operation.FinishArgs {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := operation.NewSettling(o, c)
	for n, more := s.Next(); more; n, more = s.Next() {
		s.Note(string(c.Version(n).Secret.Box) == w.targets[c.Identifier])
	}
	return s.Found(operation.FinishArgs{})
}

func (w *Work) draw() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("pw-%016x", w.rng.Uint64())
}

func (w *Work) pause(ctx context.Context, most time.Duration) {
	w.mu.Lock()
	d := time.Duration(w.rng.Int64N(int64(most)))
	w.mu.Unlock()
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// Inspect looks at the replica of a member for what must hold at every moment: the password in force is in the vault as
// far as this replica can know it, no two live leases meet, the trail has no hole, an operation ended once.
func (w *Work) Inspect(m *Member, settled bool) []string {
	v := m.Replica.View()
	bad := Breaches(v)
	v.Close()
	if settled {
		bad = append(bad, w.Lost(m)...)
	}
	return bad
}

// Lost lists the accounts whose password in force this replica does not hold.
func (w *Work) Lost(m *Member) []string {
	v := m.Replica.View()
	defer v.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	return Lost(v, w.targets)
}

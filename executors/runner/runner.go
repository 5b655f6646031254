// Package runner is this node's executor slots. It sees its leases in its own replica, commits the candidate, runs the
// executor, proves the result by a fresh login, and reports.
//
// It guarantees that nothing is sent to a target before the candidate is committed, that a writing step starts only
// while the lease is trusted, and that every attempt ends in a report or in the lease running out. After a restart an
// operation that was running is reported uncertain at once. cmd/cofre starts one per node.
package runner

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"cofre/executors"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/barrier"
	"cofre/vault/secret"
)

// Keys encrypts and decrypts with the vault ring; an error of kind VaultSealed while there is none.
type Keys interface {
	Encrypt(barrier.AAD, secret.Value) (model.Sealed, error)
	Decrypt(barrier.AAD, model.Sealed) (secret.Value, error)
	Sealed() bool
}

// Config is what a runner needs.
type Config struct {
	Node      model.NodeID
	Proposer  command.Proposer
	View      func() *table.View
	Changed   func() <-chan struct{}
	Keys      Keys
	Place     func(row string) barrier.AAD // where the secret of a credential version lives
	Executors func(model.ExecutorName) (executors.Executor, bool)
	Refuse    func(addr string) bool // addresses that no operation may reach by name: those of the cluster
	// Ended is told of each attempt whose report was taken, with the time it took; Lost of each whose lease was somebody
	// else's by then. nil: nobody is.
	Ended func(o *model.Operation, outcome model.Outcome, took time.Duration)
	Lost  func()
	Log   *logrus.Entry
}

// Runner works on the leases of one node.
type Runner struct {
	Config
	mu      sync.Mutex           // guards active
	active  map[model.Pos]*lease // by fencing token
	adopted chan struct{}        // a lease was: the cluster's timing may be another than when renew began to wait

	sessions *executors.Sessions
	lookup   func(ctx context.Context, network, host string) ([]netip.Addr, error) // finds the addresses of a name
}

// New makes a runner.
func New(c Config) *Runner {
	if c.Ended == nil {
		c.Ended = func(*model.Operation, model.Outcome, time.Duration) {}
	}
	if c.Lost == nil {
		c.Lost = func() {}
	}
	c.Keys = sealable{c.Keys}
	return &Runner{Config: c, active: map[model.Pos]*lease{}, adopted: make(chan struct{}, 1), sessions: executors.NewSessions(executors.SessionIdle), lookup: net.DefaultResolver.LookupNetIP}
}

var actor = model.Actor{Kind: model.ActorSystem, Name: "runner"}

// Run works until ctx ends; running attempts are then cut, and settled by whoever runs them next.
func (r *Runner) Run(ctx context.Context) error {
	defer r.sessions.Close()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.renew(ctx) })
	g.Go(func() error { return r.watch(ctx, g) })
	return g.Wait()
}

// watch starts an attempt for each new lease and cuts those whose lease is gone.
func (r *Runner) watch(ctx context.Context, g *errgroup.Group) error {
	for {
		changed := r.Changed()
		v := r.View()
		timing := state.SystemRow(v).Leases
		held := map[model.Pos]*model.Operation{}
		for o := range state.Operations.By(v, "lease", string(r.Node)) {
			held[o.Lease.Token] = o
		}
		v.Close()
		for token, o := range held {
			if l, fresh := r.adopt(ctx, token, o, timing); fresh {
				g.Go(func() error { r.attempt(l, o); return nil })
			}
		}
		r.cut(held)
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *Runner) adopt(ctx context.Context, token model.Pos, o *model.Operation, timing model.Leases) (*lease, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l, ok := r.active[token]; ok {
		return l, false
	}
	if o.Awaited() {
		ctx = command.Awaited(ctx)
	}
	l := newLease(ctx, token, o.ID, timing)
	r.active[token] = l
	select {
	case r.adopted <- struct{}{}:
	default:
	}
	return l, true
}

func (r *Runner) cut(held map[model.Pos]*model.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for token, l := range r.active {
		if _, ok := held[token]; ok {
			continue
		}
		l.lose()
		if l.done {
			delete(r.active, token) // ended, and the replica knows it
		}
	}
}

// attempt works on one lease to its end.
func (r *Runner) attempt(l *lease, o *model.Operation) {
	log := r.Log.WithFields(logrus.Fields{"operation": o.ID, "credential": o.Target.ID, "token": l.token})
	began := time.Now()
	l.listen(o)
	var report operation.FinishArgs
	switch {
	case o.State == model.OpRunning: // begun by an earlier life of this process
		report = operation.Unheard()
	case o.Kind == model.Deprovision:
		report = r.remove(l, o)
	case accessKinds[o.Kind] != "":
		report = r.access(l, o)
	case o.Kind == model.SecretAutomation && o.Occasion != nil:
		report = r.automate(l, o)
	case o.Kind == model.SearchOrphans:
		report = r.searchOrphans(l, o)
	case o.Kind == model.Preflight:
		report = r.preflight(l, o)
	case o.State == model.OpSettling:
		report = r.settle(l, o)
	default:
		report = r.change(l, o)
	}
	if report.Class != skipped.Class {
		report.Operation, report.Token, report.Captured = o.ID, l.token, r.captured(l)
		took := time.Since(began)
		if r.report(l, report, log) {
			r.Ended(o, report.Outcome, took)
		}
	}
	l.end()
	r.mu.Lock()
	l.done = true
	r.mu.Unlock()
}

// report tells the cluster until it is heard, and says whether it was taken, or until the lease is somebody else's. The
// token fences repeats.
func (r *Runner) report(l *lease, a operation.FinishArgs, log *logrus.Entry) (taken bool) {
	for n := 1; ; n++ {
		res, err := command.Propose(l.parent, r.Proposer, operation.Finish, actor, a)
		switch {
		case err == nil && res.Fenced:
			log.Warn("the report came too late: another slot settles the operation")
			r.Lost()
			return false
		case err == nil:
			log.WithFields(logrus.Fields{"state": res.State, "class": a.Class}).Info("attempt ended")
			return true
		case l.parent.Err() != nil:
			return false
		case !r.held(l):
			log.Warn("the report was not heard in time: another slot settles the operation")
			r.Lost()
			return false
		case !operation.AskAgain(err):
			log.WithError(err).Error("the report was not taken")
			return false
		}
		select {
		case <-time.After(operation.AskPause(n)):
		case <-l.parent.Done():
			return false
		}
	}
}

// held tells whether the replica still shows the lease; once it is gone, it never comes back.
func (r *Runner) held(l *lease) bool {
	v := r.View()
	defer v.Close()
	o, ok := state.Operations.Get(v, string(l.operation))
	return ok && operation.Held(o, l.token)
}

// renew keeps the leases of running attempts: one command for all of them.
func (r *Runner) renew(ctx context.Context) error {
	for last := time.Now(); ; {
		v := r.View()
		timing := state.SystemRow(v).Leases
		v.Close()
		select {
		case <-time.After(time.Until(last.Add(model.Span(timing.Renew)))):
			last = time.Now()
		case <-r.adopted:
			continue
		case <-ctx.Done():
			return ctx.Err()
		}
		leases := map[model.Pos]*lease{}
		var tokens []model.Pos
		r.mu.Lock()
		for t, l := range r.active {
			if !l.done {
				leases[t] = l
				tokens = append(tokens, t)
			}
		}
		r.mu.Unlock()
		if len(tokens) == 0 {
			continue
		}
		sent := bootClock()
		rctx, cancel := context.WithTimeout(ctx, model.Span(timing.Renew))
		res, err := command.Propose(rctx, r.Proposer, operation.Renew, actor, operation.RenewArgs{Tokens: tokens})
		cancel()
		if err != nil {
			continue // the trust window ends by itself
		}
		for _, t := range res.Lost {
			leases[t].lose()
			delete(leases, t)
		}
		for _, l := range leases {
			l.trust(sent)
		}
	}
}

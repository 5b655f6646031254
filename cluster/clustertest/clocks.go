package clustertest

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"cofre/cluster"
	"cofre/fsm/application"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/operation"
	"cofre/fsm/policy"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/fsm/trail"
)

// Wrong clocks (RULES 1).
const (
	YearsAhead = 80 * 365 * 24 * time.Hour
	DayBehind  = -24 * time.Hour
)

// SetClock puts a member's clock ahead of the true time, or behind it. It steps at once and stays through restarts; timers
// and spans are not touched, as on a real machine.
func (c *Cluster) SetClock(id model.NodeID, ahead time.Duration) {
	c.host(id).ahead.Store(int64(ahead))
}

// clock is the real comparison on a clock of the member's own.
func (c *Cluster) clock(id model.NodeID, h *host) *cluster.Clock {
	others := func() []model.NodeID { return c.others(id) }
	if c.options.Blind {
		others = func() []model.NodeID { return nil }
	}
	k := cluster.NewClock(others, func(disagrees bool, offset time.Duration) {
		c.options.Log.WithField("node", string(id)).WithField("disagrees", disagrees).WithField("offset", offset.String()).Warn("clock")
	})
	k.Wall = func() time.Time { return time.Now().Round(0).Add(time.Duration(h.ahead.Load())) }
	return k
}

// month is how long secrets last in Aging's state.
const month = 30 * 24 * time.Hour

// Aging gives the state what time can end: a rotation that falls due in a month for each account (a day later for each
// next), retired versions, finished operations and one that waits for 200 days, a custody of an hour, a revoked token.
func (w *Work) Aging() {
	c := w.c
	c.t.Helper()
	at := c.ids[0]
	ids := w.Credentials(c.Member(at))
	for i, id := range ids {
		p := model.DefaultPolicy()
		p.Name, p.Revision, p.MaxAge = fmt.Sprintf("monthly%d", i), 0, (month + time.Duration(i)*24*time.Hour).Milliseconds()
		p.ID = Do(c, at, policy.Put, client, policy.PutArgs{Policy: p}).ID
		Do(c, at, credential.Put, client, credential.PutArgs{ID: id, Policy: &p.ID})
	}
	for range 2 {
		w.Request(c.Member(at))
		w.Rest()
	}
	Do(c, at, credential.Checkout, client, credential.CheckoutArgs{Credential: ids[0]})
	w.Revoke(at, "spent", time.Hour)
	last := ids[len(ids)-1]
	Do(c, at, operation.Request, client, operation.RequestArgs{Credential: last, Kind: model.Verify, Trigger: "request",
		NotBefore: model.TimeOf(time.Now().Add(200 * 24 * time.Hour))})
}

// Credentials lists the accounts by number: the order in which they fall due.
func (w *Work) Credentials(m *Member) (ids []model.CredentialID) {
	v := m.Replica.View()
	defer v.Close()
	var all []*model.Credential
	for c := range state.Credentials.All(v, "") {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *model.Credential) int { return cmp.Compare(a.Number, b.Number) })
	for _, c := range all {
		ids = append(ids, c.ID)
	}
	return ids
}

// Rest waits until no operation is under way or due.
func (w *Work) Rest() {
	w.c.t.Helper()
	w.c.Await("the work is done", func() bool {
		v := w.c.Leader().Replica.View()
		defer v.Close()
		for o := range state.Operations.All(v, "") {
			if !o.State.Final() && o.NotBefore < model.TimeOf(time.Now().Add(time.Hour)) {
				return false
			}
		}
		return true
	})
}

// Revoke takes back an access token that would be good for so long; which forgets tokens that ended.
func (w *Work) Revoke(at model.NodeID, token string, left time.Duration) {
	w.c.t.Helper()
	until := w.c.Member(at).Clock.Now().Add(left)
	Do(w.c, at, application.RevokeToken, client, application.RevokeTokenArgs{Token: token, Until: until})
}

// ConfirmTime is an operator's word that state time is right.
func (c *Cluster) ConfirmTime(at model.NodeID) {
	c.t.Helper()
	Do(c, at, node.ConfirmTime, operator, node.Done{})
}

// Sweep removes what is past its time, on the leader, as the daemon does, but every 2 s; and asks for more: it also wants
// custodies ended and changes begun that only a trigger may want.
func (w *Work) Sweep(m *Member) {
	m.Go(func() {
		m.Node.EachTerm(m.ctx, func(ctx context.Context, term uint64) {
			for ctx.Err() == nil {
				w.sweep(ctx, m, m.Proposer.TermBound(term))
				select {
				case <-time.After(2 * time.Second):
				case <-ctx.Done():
				}
			}
		})
	})
}

func (w *Work) sweep(ctx context.Context, m *Member, p command.Proposer) {
	_, _ = command.Propose(ctx, p, trail.Prune, system, trail.PruneArgs{Keep: month.Milliseconds()})
	_, _ = command.Propose(ctx, p, operation.Prune, system, operation.PruneArgs{Keep: month.Milliseconds()})
	for _, id := range w.Credentials(m) {
		_, _ = command.Propose(ctx, p, credential.Prune, system, credential.PruneArgs{Credential: id})
	}
	for _, id := range PhotoOf(m).Custodies {
		_, _ = command.Propose(ctx, p, credential.EndCustody, system, credential.EndArgs{Custody: model.CustodyID(id)})
	}
}

// Photo is what time could have ended in a state.
type Photo struct {
	Custodies, Tokens []string
	Operations        map[string]string   // state by number
	Versions          map[string][]uint64 // by credential
	Due               map[string]model.Time
	FirstEvent        uint64
	Frozen            bool
}

// PhotoOf takes it of a member's replica.
func PhotoOf(m *Member) Photo {
	v := m.Replica.View()
	defer v.Close()
	p := Photo{Operations: map[string]string{}, Versions: map[string][]uint64{}, Due: map[string]model.Time{}, Frozen: state.SystemRow(v).Frozen}
	for h := range state.Custodies.All(v, "") {
		p.Custodies = append(p.Custodies, string(h.ID))
	}
	for t := range state.RevokedTokens.All(v, "") {
		p.Tokens = append(p.Tokens, t.ID)
	}
	for o := range state.Operations.Range(v, "number", table.NumberKey(0), table.NumberKey(math.MaxUint64)) {
		p.Operations[fmt.Sprint(o.Number)] = fmt.Sprint(o.Target.ID, " ", o.Kind, " ", o.Trigger, " ", o.State)
	}
	for c := range state.Credentials.All(v, "") {
		for _, s := range c.Versions {
			p.Versions[string(c.ID)] = append(p.Versions[string(c.ID)], s.N)
		}
		p.Due[string(c.ID)] = c.RotateAt
	}
	for e := range table.Audit.All(v, "") {
		p.FirstEvent = e.Seq
		break
	}
	return p
}

// Time is the state's time on this replica.
func (m *Member) Time() model.Time { return m.Replica.time() }

package sim

import (
	"time"

	"github.com/hashicorp/raft"

	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
)

// log is the model of raft: one ordered log, terms, one entry in flight. An entry of a lost leader is committed by the
// next one, under its own term, or is gone; nobody can say before.
type log struct {
	term   uint64
	index  uint64
	leader *node
	queue  []*call
	flight *entry
}

type entry struct {
	term  uint64
	at    model.Time
	calls []*call
	gone  bool
}

// call is one command on its way: the proposer's side of it. A copy that was delayed has no proposer any more.
type call struct {
	command.Envelope
	from  *node
	life  int
	bound bool // of the scheduler: valid in its term only, never forwarded
	maybe bool // it may have reached the log
	over  bool // answered, or given up
	ends  time.Duration
	done  func(command.Result, error)
}

const resend = 3 * time.Second

// propose brings a command to the log. done is called once, on the proposing node, with the decoded result or an error as
// cluster.Proposer gives it; never if that life of the node ends before.
func propose[A, R any](n *node, d command.Def[A, R], by model.Actor, args A, limit time.Duration, term uint64, done func(R, error)) {
	c := &call{from: n, life: n.life, bound: term != 0, ends: n.w.now + limit, Envelope: command.Envelope{
		Kind: d.Kind(), Version: d.Version(), ID: n.w.id(), Made: n.wall(), Actor: by, Node: n.id, Term: term, Payload: codec.MustEncode(args),
	}}
	c.done = func(r command.Result, err error) {
		var out R
		if err == nil && r.Err != nil {
			err = r.Err
		}
		if err == nil {
			if err = codec.Decode(r.Body, &out); err != nil {
				n.w.fail("the result of %s cannot be read: %v", d.Kind(), err)
			}
		}
		done(out, err)
	}
	n.after(limit, func() { c.giveUp() })
	n.w.send(c)
}

func (c *call) giveUp() {
	kind := model.Unavailable
	if c.maybe {
		kind = model.Uncertain
	}
	c.end(command.Result{}, model.Errorf(kind, "no answer in time"))
}

func (c *call) end(r command.Result, err error) {
	if !c.over && c.life == c.from.life && c.from.up {
		c.over = true
		c.done(r, err)
	}
}

// send tries to reach the leader, again and again under the same id, as cluster.Proposer does.
func (w *world) send(c *call) {
	if c.over || c.life != c.from.life || w.now >= c.ends {
		return
	}
	l := w.raft.leader
	if c.bound && l != c.from {
		c.end(command.Result{}, model.Errorf(model.Unavailable, "this node does not lead"))
		return
	}
	if l == nil || c.from != l && (l.cut || c.from.cut) {
		c.from.after(w.between(200*time.Millisecond, time.Second), func() { w.send(c) })
		return
	}
	c.maybe = true
	w.travel(c)
	if !c.bound {
		c.from.after(resend, func() { w.send(c) })
	}
}

// travel carries a command to the leader, or loses it, or carries it twice, the second time maybe long after.
func (w *world) travel(c *call) {
	if w.calm {
		w.after(w.between(0, 3*time.Millisecond), func() { w.arrive(c) })
		return
	}
	if w.chance(15) {
		w.fault("proposal lost", w.working(c.from))
	} else if w.chance(15) {
		w.fault("proposal late", w.working(c.from))
		w.after(w.between(time.Second, 3*time.Minute), func() { w.arrive(c) })
	} else {
		w.after(w.between(0, 5*time.Millisecond), func() { w.arrive(c) })
	}
	if w.chance(15) {
		w.fault("proposal doubled", w.working(c.from))
		w.after(w.between(0, 5*time.Minute), func() { w.arrive(&call{Envelope: c.Envelope, over: true}) })
	}
}

func (w *world) arrive(c *call) {
	l := w.raft.leader
	switch {
	case l == nil || !l.up:
	case l.frozen():
		w.after(l.stalled-w.now, func() { w.arrive(c) })
	case !l.sane(): // cluster/lead.go refuses while its clock disagrees
	default:
		w.raft.queue = append(w.raft.queue, c)
		w.pump()
	}
}

// pump submits what waits as one entry, stamped by the leader's clock.
func (w *world) pump() {
	r := &w.raft
	if r.flight != nil || len(r.queue) == 0 || r.leader == nil {
		return
	}
	n := min(len(r.queue), command.MaxEntryCommands)
	e := &entry{term: r.term, at: r.leader.wall(), calls: r.queue[:n:n]}
	r.queue, r.flight = r.queue[n:], e
	w.after(w.between(time.Millisecond, 10*time.Millisecond), func() { w.commit(e) })
}

// commit applies the entry when a majority has it.
func (w *world) commit(e *entry) {
	if e.gone || w.over {
		return
	}
	if l := w.raft.leader; l == nil || !l.able() || w.ableNodes() < 2 {
		w.after(200*time.Millisecond, func() { w.commit(e) })
		return
	}
	w.apply(e)
	w.raft.flight = nil
	w.pump()
}

func (w *world) ableNodes() (n int) {
	for _, m := range w.nodes {
		if m.able() {
			n++
		}
	}
	return n
}

// apply gives the entry to the state machine, looks whether the world is still in order, and sends the answers.
func (w *world) apply(e *entry) {
	e.gone = true
	w.raft.index++
	en := command.Entry{At: e.at, Term: e.term}
	for _, c := range e.calls {
		en.Commands = append(en.Commands, c.Envelope)
	}
	l := &raft.Log{Index: w.raft.index, Term: e.term, Type: raft.LogCommand, Data: codec.MustEncode(&en)}
	results := w.machine.Apply(l).([]command.Result)
	w.report.Commands += len(results)
	changed := w.inspect(e, l.Index, results)
	for _, n := range w.nodes {
		if changed || n == w.raft.leader { // nobody else looks at renewals
			n.follow()
		}
	}
	for i, c := range e.calls {
		w.answer(c, results[i])
	}
}

func (w *world) answer(c *call, r command.Result) {
	if c.over {
		return
	}
	if !w.calm && w.chance(15) {
		w.fault("answer lost", w.working(c.from))
		return
	}
	w.after(w.between(0, 5*time.Millisecond), func() {
		n := c.from
		n.run(c.life, func() {
			if n.cut && n != w.raft.leader {
				return
			}
			if !c.over {
				n.catchUp() // Propose returns after the command was applied here
				c.end(r, nil)
			}
		})
	})
}

// elect looks whether the leader can lead, and finds another one if not, or if moved is true.
func (w *world) elect(moved bool) {
	r := &w.raft
	if r.leader != nil && r.leader.term != nil && r.leader.able() && r.leader.sane() && !moved && w.ableNodes() >= 2 {
		return
	}
	var fit []*node
	for _, n := range w.nodes {
		if n.able() && n.step == 0 && (n != r.leader || !moved) {
			fit = append(fit, n)
		}
	}
	if len(fit) == 0 || w.ableNodes() < 2 {
		w.after(2*time.Second, func() { w.elect(false) })
		return
	}
	if r.leader != nil {
		r.leader.term = nil
	}
	if e := r.flight; e != nil && !e.gone {
		if w.chance(500) {
			w.apply(e)
		}
		e.gone, r.flight = true, nil
	}
	r.term++
	r.index++ // the new leader's no-op
	r.leader, r.queue = fit[w.rng.IntN(len(fit))], nil
	w.logf("%s leads term %d", r.leader.id, r.term)
	r.leader.lead(r.term)
}

// depose plans that the others notice what happened to a leader.
func (w *world) depose() {
	w.after(w.between(time.Second, 3*time.Second), func() { w.elect(false) })
}

// ask proposes for a client that does not mind the answer.
func ask[A, R any](n *node, d command.Def[A, R], args A) { want(n, d, args, func(R) {}) }

// want proposes for a client that wants a result.
func want[A, R any](n *node, d command.Def[A, R], args A, then func(R)) {
	propose(n, d, client, args, limit, 0, func(r R, err error) {
		if err == nil {
			then(r)
		}
	})
}

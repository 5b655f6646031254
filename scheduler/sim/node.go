package sim

import (
	"time"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/plan"
)

// node is one machine: a replica that may lag, clocks that drift and step, and slots.
type node struct {
	w       *world
	id      model.NodeID
	up      bool
	life    int           // counts restarts: what an earlier life planned does not happen
	stalled time.Duration // until when its processes stand still (SIGSTOP, a paused machine)
	cut     bool          // off the network of the cluster; targets are reached still
	drift   int64         // of the boot clock, parts per million
	step    time.Duration // of the wall clock
	stepped time.Duration // when the wall clock was last moved
	view    *table.View   // the replica
	lagging bool          // a catch-up is planned
	term    *term         // while it leads, or believes so
	active  map[model.Pos]*attempt
}

func (n *node) boot() time.Duration { return n.w.now + n.w.now*time.Duration(n.drift)/1_000_000 }

func (n *node) wall() model.Time { return start.Add(n.boot() + n.w.away + n.step) }

func (n *node) frozen() bool { return n.stalled > n.w.now }

// sane tells whether the clocks agree, as far as the others have noticed (cluster/clock.go probes every 5 s).
func (n *node) sane() bool {
	return n.step.Abs() <= 2*time.Second || n.w.now-n.stepped < 5*time.Second
}

// able tells whether it can vote and lead.
func (n *node) able() bool { return n.up && !n.cut && !n.frozen() }

// after plans something that this life of the node does; while it stands still, it does nothing.
func (n *node) after(d time.Duration, do func()) {
	life := n.life
	n.w.after(d, func() { n.run(life, do) })
}

func (n *node) run(life int, do func()) {
	switch {
	case n.life != life || !n.up:
	case n.frozen():
		n.w.after(n.stalled-n.w.now, func() { n.run(life, do) })
	default:
		do()
	}
}

// follow plans that the replica catches up.
func (n *node) follow() {
	if n.lagging || !n.up || n.cut {
		return
	}
	n.lagging = true
	d := n.w.between(time.Millisecond, 30*time.Millisecond)
	if !n.w.calm && n.w.chance(20) {
		d = n.w.between(time.Second, 20*time.Second)
	}
	n.after(d, func() {
		n.lagging = false
		if !n.cut {
			n.catchUp()
		}
	})
}

// catchUp shows the node everything that is applied, and lets its parts look.
func (n *node) catchUp() {
	n.forget()
	n.view = n.w.machine.View()
	n.watch()
	if n.term != nil {
		pause := time.Second // renewals and the like: their sightings may come late
		if n.w.stirred {
			pause = plan.Pause(n.term.futile)
		}
		n.term.wake(pause)
	}
}

func (n *node) forget() {
	if n.view != nil {
		n.view.Close()
		n.view = nil
	}
}

func (n *node) operation(id model.OperationID) *model.Operation {
	o, _ := state.Operations.Get(n.view, string(id))
	return o
}

func (n *node) credential(id string) *model.Credential {
	c, _ := state.Credentials.Get(n.view, id)
	return c
}

// boots starts a life of the node: what was in memory is gone, the replica is that of the last life or newer.
func (n *node) boots() {
	n.life++
	n.up, n.stalled, n.lagging, n.active, n.term = true, 0, false, map[model.Pos]*attempt{}, nil
	if n.view == nil {
		n.view = n.w.machine.View()
	}
	n.after(n.w.between(10*time.Millisecond, time.Second), n.watch)
	n.after(n.w.span(n.w.timing.Renew), n.renew)
	n.follow()
}

func (n *node) dies() {
	n.life++
	n.up, n.active, n.term = false, nil, nil
}

func (w *world) span(ms int64) time.Duration { return model.Span(ms) }

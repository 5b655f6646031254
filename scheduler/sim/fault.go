package sim

import (
	"time"
)

// fault counts one, and whether it met an operation at work.
func (w *world) fault(kind string, hit bool) {
	w.report.Faults[kind]++
	if hit {
		w.report.Hits[kind]++
	}
	w.logf("FAULT %s (at work: %v)", kind, hit)
}

// working tells whether an operation runs on the node.
func (w *world) working(n *node) bool {
	for _, a := range n.active {
		if a.begun && !a.done {
			return true
		}
	}
	return false
}

// touched tells whether an operation runs against the account.
func (w *world) touched(t *account) bool {
	for _, n := range w.nodes {
		for _, a := range n.active {
			if a.begun && !a.done && a.acct == t {
				return true
			}
		}
	}
	return false
}

// strike hits the node of an attempt in a phase where it hurts, now and then.
func (w *world) strike(a *attempt, phase string) {
	if w.calm || !w.chance(60) {
		return
	}
	n := a.n
	if w.chance(500) {
		w.after(0, func() { w.crash(n, phase) })
	} else {
		w.after(0, func() { w.fault("stall "+phase, true); w.stall(n, w.between(time.Second, 4*time.Minute)) })
	}
}

func (w *world) crash(n *node, phase string) {
	if !n.up {
		return
	}
	w.fault("crash "+phase, w.working(n))
	w.logf("%s dies", n.id)
	n.dies()
	w.depose()
	w.after(w.between(100*time.Millisecond, 2*time.Minute), func() {
		if !n.up {
			w.logf("%s starts again", n.id)
			n.boots()
		}
	})
}

func (w *world) stall(n *node, d time.Duration) {
	n.stalled = max(n.stalled, w.now+d)
	w.landing = max(w.landing, n.stalled) // what it sends when it goes on
	w.depose()
}

func (w *world) isolate(n *node) {
	w.fault("partition", w.working(n))
	n.cut = true
	w.depose()
	w.after(w.between(2*time.Second, 3*time.Minute), func() { n.cut = false; n.follow() })
}

// clockSteps are the leaps of a wall clock; the small ones pass as a clock that agrees, or nearly.
var clockSteps = []time.Duration{
	80 * 365 * 24 * time.Hour, 80 * 365 * 24 * time.Hour, -24 * time.Hour, -24 * time.Hour, 3 * time.Second, -3 * time.Second,
	time.Second, -time.Second, 5 * time.Minute, -5 * time.Minute,
}

func (w *world) leap(n *node) {
	role := "follower"
	if n == w.raft.leader {
		role = "leader"
	}
	w.fault("clock step of a "+role, w.working(n))
	n.step, n.stepped = clockSteps[w.rng.IntN(len(clockSteps))], w.now
	w.logf("%s: the clock steps by %s", n.id, n.step)
	w.after(6*time.Second, func() { w.elect(false) })
	w.after(w.between(5*time.Second, 90*time.Second), func() { n.step, n.stepped = 0, w.now })
}

// harm draws the next fault, on a node or target at work rather than on an idle one, and plans the one after it.
func (w *world) harm() {
	if w.calm {
		return
	}
	n := w.nodes[w.rng.IntN(len(w.nodes))]
	for _, m := range w.nodes {
		if w.working(m) && w.chance(700) {
			n = m
		}
	}
	t := w.accounts[w.rng.IntN(len(w.accounts))]
	for _, u := range w.accounts {
		if w.touched(u) && w.chance(700) {
			t = u
		}
	}
	switch w.rng.IntN(8) {
	case 0:
		w.crash(n, "at any time")
	case 1:
		w.fault("stall at any time", w.working(n))
		w.stall(n, w.between(time.Second, 4*time.Minute))
	case 2:
		w.isolate(n)
	case 3:
		w.leap(n)
	case 4:
		w.fault("leader moves", w.working(n))
		w.elect(true)
	case 5:
		w.fault("target cannot be reached", w.touched(t))
		t.down = true
		w.after(w.between(time.Second, 2*time.Minute), func() { t.down = false })
	case 6:
		w.fault("target refuses", w.touched(t))
		t.refuses = true
		w.after(w.between(time.Second, time.Minute), func() { t.refuses = false })
	case 7:
		if !w.chance(500) {
			break // quiet for once: something must also succeed
		}
		d := w.directory
		w.fault("directory fails", d.touched())
		d.down, d.refuses = w.chance(500), w.chance(500)
		w.after(w.between(time.Second, 3*time.Minute), func() { d.down, d.refuses = false, false })
	}
	w.after(w.between(5*time.Second, 60*time.Second), w.harm)
}

// heal ends all faults.
func (w *world) heal() {
	w.calm = true
	w.logf("the faults are over")
	for _, n := range w.nodes {
		n.cut, n.step, n.stepped = false, 0, w.now
		n.stalled = min(n.stalled, w.now)
		if !n.up {
			n.boots()
		}
		n.follow()
	}
	for _, t := range w.accounts {
		t.down, t.refuses = false, false
	}
	w.directory.down, w.directory.refuses = false, false
	w.elect(false)
}

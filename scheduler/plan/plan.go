// Package plan decides, purely, which slot gets which waiting operation, and which leases have run out. It reads a
// bounded part of the state; scheduler/lead proposes what it decides, and the reducers decide again.
package plan

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/trigger"
)

// Grant gives an operation to a slot.
type Grant struct {
	Operation model.OperationID
	Node      model.NodeID
	Slot      int
}

type worker struct {
	node *model.Node
	free []int
}

// Assign gives waiting operations, the longest waiting first, to free slots of nodes that are alive, speak the executor
// and reach the site; the node with most free slots first. It looks at no more than limit waiting operations. Automatic
// operations are granted while no more than a share of all slots, in percent, is at work; at least one may be.
func Assign(r table.Reader, now model.Time, alive func(model.NodeID) bool, limit, share int) []Grant {
	workers, lanes := workersOf(r, alive)
	if len(workers) == 0 {
		return nil
	}
	room := max(1, lanes.slots*share/100) - lanes.running
	auto := state.Automation(r)
	closed := trigger.Closed(&auto, now) != 0
	held := closed || auto.Stopped != 0 || auto.FrozenUntil(now) != 0
	var grants []Grant
	taken, doors := map[string]bool{}, map[model.CredentialID]int{} // targets, and logins, granted in this round
	for o := range state.Operations.Range(r, "waiting", table.TimeKey(0), table.TimeKey(now+1)) {
		if limit--; limit < 0 || len(workers) == 0 {
			break
		}
		// A host changes passwords one after the other, and a broken one must not take all slots.
		if taken[o.Target.ID] || lanes.devices[o.Device] >= auto.Settings.Lanes || busy(r, o) || held && o.Holdable(closed) {
			continue
		}
		if room <= 0 && o.Holdable(false) {
			continue
		}
		if most := auto.Settings.Limit(o.Executor); most > 0 && lanes.executors[o.Executor] >= most {
			continue
		}
		door := state.DoorOf(r, o)
		anew := o.Reconcile && o.State == model.OpReady || // logins have failed: it does not wait for them
			o.Kind == model.CredentialInactivation || o.Kind == model.EphemeralRemove
		if !anew && exhausted(r, model.CredentialID(o.Target.ID), 0, now) || exhausted(r, door, doors[door], now) {
			continue // the budget of failing logins: one more could lock the account
		}
		w := pick(workers, o)
		if w == nil {
			continue
		}
		grants = append(grants, Grant{o.ID, w.node.ID, w.free[0]})
		w.free = w.free[1:]
		taken[o.Target.ID] = true
		doors[door]++
		lanes.add(o)
		room--
		workers = slices.DeleteFunc(workers, func(w *worker) bool { return len(w.free) == 0 })
	}
	return grants
}

// busy tells whether another operation works on the target.
func busy(r table.Reader, o *model.Operation) bool {
	if o.Target.Kind == model.TargetDynamicUser {
		u, ok := state.DynamicUsers.Get(r, o.Target.ID)
		return !ok || u.Busy != "" && u.Busy != o.ID
	}
	if o.Target.Kind == model.TargetOrphans {
		s, ok := state.OrphanSearches.Get(r, o.Target.ID)
		return !ok || s.Busy != "" && s.Busy != o.ID
	}
	c, ok := state.Credentials.Get(r, o.Target.ID)
	return !ok || c.Busy != "" && c.Busy != o.ID
}

// exhausted tells whether no further login as a credential may fail, when so many were granted in this round.
func exhausted(r table.Reader, id model.CredentialID, granted int, now model.Time) bool {
	c, ok := state.Credentials.Get(r, string(id))
	return ok && state.LoginsLeft(r, c, now) <= granted
}

// lanes counts running operations, and the slots that are there for them.
type lanes struct {
	devices        map[model.DeviceID]int
	executors      map[model.ExecutorName]int
	running, slots int
}

func (l *lanes) add(o *model.Operation) {
	l.running++
	l.devices[o.Device]++
	l.executors[o.Executor]++
}

// workersOf lists nodes with free slots and counts the running operations.
func workersOf(r table.Reader, alive func(model.NodeID) bool) ([]*worker, lanes) {
	var workers []*worker
	running := lanes{devices: map[model.DeviceID]int{}, executors: map[model.ExecutorName]int{}}
	type slot struct {
		node model.NodeID
		n    int
	}
	used := map[slot]bool{}
	for o := range leased(r) {
		used[slot{o.Lease.Node, o.Lease.Slot}] = true
		running.add(o)
	}
	for n := range state.Nodes.All(r, "") {
		if n.State != model.NodeApproved || n.Announced.Sealed || !alive(n.ID) {
			continue
		}
		running.slots += n.Announced.Slots
		w := &worker{node: n}
		for s := range n.Announced.Slots {
			if !used[slot{n.ID, s}] {
				w.free = append(w.free, s)
			}
		}
		if len(w.free) > 0 {
			workers = append(workers, w)
		}
	}
	return workers, running
}

func pick(workers []*worker, o *model.Operation) *worker {
	fit := slices.Collect(func(yield func(*worker) bool) {
		for _, w := range workers {
			a := w.node.Announced
			if slices.Contains(a.Executors, o.Executor) && (len(a.Sites) == 0 || o.Site == "" || slices.Contains(a.Sites, o.Site)) && !yield(w) {
				return
			}
		}
	})
	if len(fit) == 0 {
		return nil
	}
	return slices.MaxFunc(fit, func(a, b *worker) int {
		if d := cmp.Compare(len(a.free), len(b.free)); d != 0 {
			return d
		}
		return cmp.Compare(b.node.ID, a.node.ID) // ties: the first name
	})
}

// Held is a lease as the leader sees it.
type Held struct {
	Operation model.OperationID
	Lease     model.Lease
}

// Leases lists the live leases of all nodes, also of those that were removed.
func Leases(r table.Reader) []Held {
	var held []Held
	for o := range leased(r) {
		held = append(held, Held{o.ID, *o.Lease})
	}
	return held
}

// leased lists the operations that hold a lease, by node.
func leased(r table.Reader) iter.Seq[*model.Operation] {
	return state.Operations.Range(r, "lease", "", "\xff") // names of nodes are ASCII
}

// Overdue tells whether a lease is to be taken back: its time and grace are over in state time, and the leader itself has
// seen no renewal for as long on its own clock (RULES 5). silent is how long it has seen none.
func Overdue(l model.Lease, t model.Leases, now model.Time, silent time.Duration) bool {
	return now >= l.Until+model.Time(t.Grace) && silent >= model.Span(t.TTL+t.Grace)
}

// NextWake tells when the earliest waiting operation, due credential, custody or dynamic user will be due after now; 0:
// nothing before the horizon. The horizon bounds what is searched: the index of custodies moves with every read.
func NextWake(r table.Reader, now, horizon model.Time) model.Time {
	var next model.Time
	consider := func(t model.Time) {
		if t > now && (next == 0 || t < next) {
			next = t
		}
	}
	for o := range state.Operations.Range(r, "waiting", table.TimeKey(now+1), table.TimeKey(horizon)) {
		consider(o.NotBefore)
		break
	}
	for c := range state.Credentials.Range(r, "due", table.TimeKey(now+1), table.TimeKey(horizon)) {
		consider(c.RotateAt)
		break
	}
	for c := range state.Credentials.Range(r, "verify", table.TimeKey(now+1), table.TimeKey(horizon)) {
		consider(c.VerifyAt)
		break
	}
	for c := range state.Chains.Range(r, "due", table.TimeKey(now+1), table.TimeKey(horizon)) {
		consider(c.NextAt)
		break
	}
	for c := range state.Custodies.Range(r, "until", table.TimeKey(now+1), table.TimeKey(horizon)) {
		consider(c.Until)
		break
	}
	for s := range state.Sessions.Range(r, "until", table.TimeKey(now+1), table.TimeKey(horizon)) {
		consider(s.Until)
		break
	}
	for u := range state.DynamicUsers.Range(r, "ends", table.TimeKey(now+1), table.TimeKey(horizon)) {
		consider(u.ExpiresAt)
		break
	}
	return next
}

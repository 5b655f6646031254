package plan

import (
	"slices"

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

// Look says how far a round looks.
type Look struct {
	Now   model.Time
	Alive func(model.NodeID) bool
	Limit int // waiting operations looked at: of those that somebody waits for, and of all
	Share int // percent of all slots that work may have that nobody waits for; one slot in any case
}

// Round is what a look came to.
type Round struct {
	Grants []Grant
	More   bool // slots are left, and operations that no round has looked at
	Full   bool // the share has no room left
}

// Assign gives waiting operations to free slots of nodes that are alive, speak the executor and reach the site; the node
// with most free slots first. What somebody waits for comes first, then what waits longest.
func (q *Queue) Assign(r table.Reader, l Look) (out Round) {
	a := newAssigning(r, l)
	take := func(o *model.Operation) bool {
		if g, ok := a.grant(o); ok {
			out.Grants = append(out.Grants, g)
		}
		return len(a.workers) > 0
	}
	if out.Full = a.room <= 0; len(a.workers) == 0 {
		return out
	}
	for o := range walk(r, "prompt", &q.prompt, l.Now, l.Limit) {
		if !take(o) {
			return out
		}
	}
	out.More = q.prompt != ""
	if out.Full = a.room <= 0; out.Full {
		return out
	}
	for o := range walk(r, "waiting", &q.waiting, l.Now, l.Limit) {
		if left := take(o); !left || a.room <= 0 {
			out.More, out.Full = out.More && left, left
			return out
		}
	}
	out.More = out.More || q.waiting != ""
	return out
}

// assigning is one round of Assign.
type assigning struct {
	r       table.Reader
	now     model.Time
	workers []*worker
	lanes   lanes
	room    int // slots left for what nobody waits for
	auto    model.Automation
	held    bool                       // nothing starts that nobody asked for
	closed  bool                       // because of the hours
	taken   map[string]bool            // targets granted in this round, or waiting for a lane
	doors   map[model.CredentialID]int // logins granted in this round
}

func newAssigning(r table.Reader, l Look) *assigning {
	a := &assigning{r: r, now: l.Now, auto: state.Automation(r), taken: map[string]bool{}, doors: map[model.CredentialID]int{}}
	a.workers, a.lanes = workersOf(r, l.Alive)
	a.lanes.general = a.auto.Settings.Lanes
	a.room = max(1, a.lanes.slots*l.Share/100) - a.lanes.background
	a.closed = trigger.Closed(&a.auto, a.now) != 0
	a.held = a.closed || a.auto.Stopped != 0 || a.auto.FrozenUntil(a.now) != 0
	return a
}

// grant finds a slot for an operation, if it may start now.
func (a *assigning) grant(o *model.Operation) (Grant, bool) {
	// A host changes passwords one after the other, and a broken one must not take all slots.
	if a.taken[o.Target.ID] || a.lanes.taken(a.r, o.Device) || a.held && a.auto.Holds(o, a.closed) {
		return Grant{}, false
	}
	if most := a.auto.Settings.Limit(o.Executor); most > 0 && a.lanes.executors[o.Executor] >= most {
		return Grant{}, false
	}
	if a.room <= 0 && !o.Prompt() || busy(a.r, o) {
		return Grant{}, false
	}
	key, _ := state.Credentials.Look(a.r, o.Target.ID) // nil: the target is none
	door := state.DoorOf(a.r, o)
	anew := o.Reconcile && o.State == model.OpReady || // logins have failed: it does not wait for them
		o.Kind == model.CredentialInactivation || o.Kind == model.EphemeralRemove
	if !anew && exhausted(a.r, model.CredentialID(o.Target.ID), 0, a.now) || exhausted(a.r, door, a.doors[door], a.now) {
		return Grant{}, false // the budget of failing logins: one more could lock the account
	}
	way := state.WayLogins(a.r, o.Device, key)
	if slices.ContainsFunc(way, func(id model.CredentialID) bool { return exhausted(a.r, id, a.doors[id], a.now) }) {
		return Grant{}, false
	}
	w := pick(a.workers, o)
	if w == nil {
		return Grant{}, false
	}
	to := reachOf(o, key)
	if a.lanes.full(a.r, to) {
		// What waits less long does not take the lane of one device while this waits for that of another; a second look at it would count twice.
		a.lanes.hold(to)
		a.taken[o.Target.ID] = true
		return Grant{}, false
	}
	g := Grant{o.ID, w.node.ID, w.free[0]}
	w.free = w.free[1:]
	a.taken[o.Target.ID] = true
	a.doors[door]++
	for _, id := range way {
		a.doors[id]++
	}
	a.lanes.add(o, to)
	if o.Background() {
		a.room--
	}
	a.workers = slices.DeleteFunc(a.workers, func(w *worker) bool { return len(w.free) == 0 })
	return g, true
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

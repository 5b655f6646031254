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
	Limit int // waiting operations looked at: of those that somebody waits for, and of the others
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
	for o := range walk(r, "patient", &q.patient, l.Now, l.Limit) {
		if left := take(o); !left || a.room <= 0 {
			out.More, out.Full = out.More && left, left
			return out
		}
	}
	out.More = out.More || q.patient != ""
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
	if a.taken[o.Target.ID] {
		return Grant{}, false
	}
	s := a.look(o)
	if s.Block != Nothing {
		if s.to.several() { // but for a lane it would start
			// What waits less long does not take the lane of one device while this waits for that of another; a second look at it would count
			// twice. On the way to one device that needs no care: whatever passes the inner host passes the outer one.
			a.lanes.hold(s.to)
			a.taken[o.Target.ID] = true
		}
		return Grant{}, false
	}
	w := s.worker
	g := Grant{o.ID, w.node.ID, w.free[0]}
	w.free = w.free[1:]
	a.taken[o.Target.ID] = true
	a.doors[s.door]++
	for _, id := range s.way {
		a.doors[id]++
	}
	a.lanes.add(o, s.to)
	if o.Background() {
		a.room--
	}
	a.workers = slices.DeleteFunc(a.workers, func(w *worker) bool { return len(w.free) == 0 })
	return g, true
}

// start is how an operation would start, or why it does not.
type start struct {
	Obstacle
	worker *worker
	door   model.CredentialID
	way    []model.CredentialID
	to     reach
}

// look finds the first thing that keeps an operation from starting now, what is cheap to tell first.
func (a *assigning) look(o *model.Operation) (s start) {
	stop := func(at Obstacle) start { s.Obstacle = at; return s }
	if a.held && a.auto.Holds(o, a.closed) {
		return stop(Obstacle{Block: HeldBack})
	}
	// A host changes passwords one after the other, and a broken one must not take all slots.
	if a.lanes.taken(a.r, o.Device) {
		return stop(Obstacle{Block: DeviceFull, Device: o.Device})
	}
	if most := a.auto.Settings.Limit(o.Executor); most > 0 && a.lanes.executors[o.Executor] >= most {
		return stop(Obstacle{Block: ExecutorFull})
	}
	if a.room <= 0 && !o.Prompt() {
		return stop(Obstacle{Block: NoSlot})
	}
	if by, is := busy(a.r, o); is {
		return stop(Obstacle{Block: TargetBusy, Operation: by})
	}
	key, _ := state.Credentials.Look(a.r, o.Target.ID) // nil: the target is none
	s.door, s.way = state.LoginOf(a.r, o), state.WayLogins(a.r, o.Device, key)
	anew := o.Reconcile && o.State == model.OpReady || // logins have failed: it does not wait for them
		o.Kind == model.CredentialInactivation || o.Kind == model.EphemeralRemove
	// The budget of failing logins: one more could lock the account.
	if own := model.CredentialID(o.Target.ID); !anew && exhausted(a.r, own, 0, a.now) {
		return stop(Obstacle{Block: LoginsSpent, Credential: own})
	}
	for _, id := range append([]model.CredentialID{s.door}, s.way...) {
		if exhausted(a.r, id, a.doors[id], a.now) {
			return stop(Obstacle{Block: LoginsSpent, Credential: id})
		}
	}
	if s.worker = pick(a.workers, o); s.worker == nil {
		return stop(Obstacle{Block: NoSlot})
	}
	s.to = a.lanes.reachOf(a.r, o, key)
	return stop(a.lanes.full(a.r, s.to))
}

// busy tells whether another operation works on the target, and which; or the target is gone.
func busy(r table.Reader, o *model.Operation) (by model.OperationID, is bool) {
	var known bool
	switch o.Target.Kind {
	case model.TargetDynamicUser:
		var u *model.DynamicUser
		if u, known = state.DynamicUsers.Get(r, o.Target.ID); known {
			by = u.Busy
		}
	case model.TargetOrphans:
		var s *model.OrphanSearch
		if s, known = state.OrphanSearches.Get(r, o.Target.ID); known {
			by = s.Busy
		}
	default:
		var c *model.Credential
		if c, known = state.Credentials.Get(r, o.Target.ID); known {
			by = c.Busy
		}
	}
	return by, !known || by != "" && by != o.ID
}

// exhausted tells whether no further login as a credential may fail, when so many were granted in this round.
func exhausted(r table.Reader, id model.CredentialID, granted int, now model.Time) bool {
	c, ok := state.Credentials.Get(r, string(id))
	return ok && state.LoginsLeft(r, c, now) <= granted
}

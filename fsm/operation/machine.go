package operation

import (
	"maps"
	"slices"

	"cofre/fsm/model"
)

// event is what happens to an operation.
type event string

// The events.
const (
	granted      event = "granted"       // a slot got the lease
	begun        event = "begun"         // the candidate is committed
	applied      event = "applied"       // the target took the new secret
	rejected     event = "rejected"      // the target refused: nothing changed
	notStarted   event = "not started"   // nothing was sent that could change the target
	doubtful     event = "uncertain"     // it may have happened
	disagreed    event = "disagreed"     // the target refused the login as the account itself
	expired      event = "lease expired" // the slot was not heard of in time
	exhausted    event = "attempts exhausted"
	futile       event = "no further attempt can help"
	foundNew     event = "found the candidate in force"
	foundOld     event = "found an older secret in force"
	verified     event = "verified"
	foundNone    event = "no known secret logs in"
	undetermined event = "could not determine the secret in force"
	onceMore     event = "not known what became of it, to be run once more"
	goneOnce     event = "gone, to be proven once more"
	anew         event = "not known what became of it, to be begun again"
	cancelled    event = "cancelled"
	retried      event = "retried by hand"
)

// machine is the one graph of an operation's life; docs/operation.md is generated from it.
var machine = map[model.OperationState]map[event]model.OperationState{
	model.OpReady: {
		granted: model.OpLeased, cancelled: model.OpCancelled, exhausted: model.OpDead, futile: model.OpDead,
	},
	model.OpLeased: {
		begun: model.OpRunning, expired: model.OpReady, notStarted: model.OpReady,
	},
	model.OpRunning: {
		applied: model.OpSucceeded, rejected: model.OpReady, notStarted: model.OpReady,
		goneOnce: model.OpReady, anew: model.OpReady, doubtful: model.OpUncertain, disagreed: model.OpUncertain, expired: model.OpUncertain,
	},
	model.OpUncertain: {
		granted: model.OpSettling, cancelled: model.OpCancelled, anew: model.OpReady, exhausted: model.OpDead, futile: model.OpDead,
	},
	model.OpSettling: {
		foundNew: model.OpSucceeded, foundOld: model.OpReady, verified: model.OpSucceeded,
		goneOnce: model.OpReady, foundNone: model.OpOutOfSync, undetermined: model.OpUncertain, onceMore: model.OpUncertain, expired: model.OpUncertain, exhausted: model.OpDead,
	},
	model.OpDead:      {retried: model.OpReady},
	model.OpOutOfSync: {retried: model.OpUncertain},
}

// next looks the event up; an event that does not fit the state changes nothing and is a conflict.
func next(s model.OperationState, e event) (model.OperationState, error) {
	if to, ok := machine[s][e]; ok {
		return to, nil
	}
	return s, model.Errorf(model.Conflict, "the operation is %s: %q does not apply", s, e)
}

// move makes a transition and writes it into the history.
func move(o *model.Operation, e event, at model.Time, node model.NodeID, note string) error {
	to, err := next(o.State, e)
	if err != nil {
		return err
	}
	o.History = append(o.History, model.Transition{At: at, From: o.State, To: to, Event: string(e), Node: node, Note: note})
	if extra := len(o.History) - model.MaxHistory; extra > 0 {
		// The first entry tells why the operation exists, the others how it came to where it is.
		o.History = append(o.History[:1:1], o.History[extra+1:]...)
	}
	o.State, o.Held = to, 0
	if to.Final() {
		o.FinishedAt = at
	}
	if !to.Live() {
		o.Lease = nil
	}
	return nil
}

// Edge is one transition of the machine, for documents.
type Edge struct{ From, Event, To string }

// Graph lists every transition, ordered by state and event.
func Graph() []Edge {
	var edges []Edge
	for from := model.OpReady; from <= model.OpOutOfSync; from++ {
		for _, e := range slices.Sorted(maps.Keys(machine[from])) {
			edges = append(edges, Edge{from.String(), string(e), machine[from][e].String()})
		}
	}
	return edges
}

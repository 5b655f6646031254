package membership

import (
	"time"

	"cofre/cluster"
	"cofre/fsm/model"
)

// Change is one step that brings raft's configuration nearer to the node table.
type Change struct {
	Do   Verb
	Node model.NodeID
	Peer string
}

// Verb is what a Change does.
type Verb string

// The verbs.
const (
	AddNonvoter Verb = "add"
	Promote     Verb = "promote"
	Remove      Verb = "remove"
	Move        Verb = "move" // the address changed
)

const (
	maxLag      = 500             // entries that a caught-up node may lack
	stableAfter = 2 * time.Second // how long it must have been caught up
)

// Next decides the next step; false if the two agree. It never removes a member that the table does not know: during the
// foundation and after a restore raft may be ahead of the table. caughtUp holds since when a node is.
func Next(rows []model.Node, members []cluster.MemberStatus, caughtUp map[model.NodeID]time.Time, now time.Time) (Change, bool) {
	in := map[model.NodeID]cluster.MemberStatus{}
	for _, m := range members {
		in[m.ID] = m
	}
	for _, n := range rows {
		if _, is := in[n.ID]; is && n.State == model.NodeRemoved {
			return Change{Remove, n.ID, ""}, true
		}
	}
	for _, n := range rows {
		m, is := in[n.ID]
		switch {
		case n.State == model.NodeRemoved || n.Peer == "":
		case !is:
			return Change{AddNonvoter, n.ID, n.Peer}, true
		case m.Address != n.Peer:
			return Change{Move, n.ID, n.Peer}, true
		}
	}
	for _, n := range rows {
		m, is := in[n.ID]
		since, ok := caughtUp[n.ID]
		if is && !m.Voter && n.State == model.NodeApproved && ok && now.Sub(since) >= stableAfter {
			return Change{Promote, n.ID, n.Peer}, true
		}
	}
	return Change{}, false
}

// track notes which members are caught up, and forgets those that are not any more.
func track(caughtUp map[model.NodeID]time.Time, members []cluster.MemberStatus, now time.Time) {
	for _, m := range members {
		if m.Status == nil || m.Lag > maxLag {
			delete(caughtUp, m.ID)
		} else if _, ok := caughtUp[m.ID]; !ok {
			caughtUp[m.ID] = now
		}
	}
}

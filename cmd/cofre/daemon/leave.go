package daemon

import (
	"context"
	"time"
)

// leaving is how a node ends that was asked to: it answers no requests any more and starts nothing, and those at work end; then it
// takes its leave of the cluster, and only then of its log. A node that ends because something failed does not wait.
type leaving struct {
	request context.Context    // ends when the process is asked to stop
	last    context.Context    // ends when the node has taken its leave
	end     context.CancelFunc // of last
}

func newLeaving(request context.Context) leaving {
	last, end := context.WithCancel(context.WithoutCancel(request))
	return leaving{request, last, end}
}

func (l leaving) asked() bool { return l.request.Err() != nil }

// farewell bounds the wait for a majority that may not be there any more.
const farewell = 2 * time.Second

// takeLeave writes what was counted since the last time, which would be lost, and hands leadership over, so that nobody waits until
// an election finds out that the leader is gone.
func (m *member) takeLeave(ctx context.Context) {
	last, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	m.writeDenials(last, m.proposer)
	m.writeTallies(last, m.proposer)
	if n := m.notes.left(); n > 0 {
		m.part("audit").Warnf("%d denials, issued tokens and reads that showed nothing are not in the audit trail, as far as this node knows: no majority confirmed them while it stopped", n)
	}
	m.handover().Leave(ctx)
}

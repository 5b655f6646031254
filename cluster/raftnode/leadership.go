package raftnode

import (
	"context"

	"github.com/hashicorp/raft"
)

// Leadership is whether this node leads, and in which term.
type Leadership struct {
	Leading bool
	Term    uint64
}

// Leadership tells the present one and gives a channel that closes at the next change. Any number may listen.
func (n *Node) Leadership() (Leadership, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.leadership, n.changed
}

// LeaderMoved gives a channel that closes when this node hears of another leader, or of none. Take it before asking
// Leader.
func (n *Node) LeaderMoved() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.moved
}

// EachTerm runs lead once for every term that this node leads, until ctx ends. The context of lead ends with the
// leadership; the next term waits until lead returned.
func (n *Node) EachTerm(ctx context.Context, lead func(ctx context.Context, term uint64)) {
	for ctx.Err() == nil {
		now, changed := n.Leadership()
		if !now.Leading {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		term, lost := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			lead(term, now.Term)
		}()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		lost()
		<-done
	}
}

// follow turns raft's notifications into the present Leadership.
func (n *Node) follow(ctx context.Context, notify <-chan bool, leaders <-chan raft.Observation) {
	for {
		select {
		case leading := <-notify:
			now := Leadership{Leading: leading}
			if leading {
				now.Term = n.raft.CurrentTerm()
			}
			n.publish(now)
		case <-leaders:
			n.mu.Lock()
			close(n.moved)
			n.moved = make(chan struct{})
			n.mu.Unlock()
		case <-ctx.Done():
			n.publish(Leadership{})
			return
		}
	}
}

func (n *Node) publish(now Leadership) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.leadership == now {
		return
	}
	n.leadership = now
	close(n.changed)
	n.changed = make(chan struct{})
}

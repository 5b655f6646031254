package raftnode

import (
	"fmt"

	"github.com/hashicorp/raft"
)

// guarded refuses to take entries off the end of the log that the state has applied. What was applied was committed, and no leader
// has another entry in its place while every member keeps what it confirmed: one has forgotten. Going on would leave this node with rows
// that the others do not have, and without those that it never sees.
type guarded struct {
	raft.LogStore
	applied func() uint64
	found   chan uint64 // the first entry that was to go; holds one
}

// DeleteRange is raft's own, which also takes entries off the beginning once they stand in the state: never the last ones, of which it keeps
// TrailingLogs. What reaches the end of the log is a conflict, also when it begins with the first entry that is kept.
func (g *guarded) DeleteRange(lowest, highest uint64) error {
	first, err := g.FirstIndex()
	if err != nil {
		return err
	}
	last, err := g.LastIndex()
	if err != nil {
		return err
	}
	if applied := g.applied(); (lowest > first || highest >= last) && lowest <= applied {
		select {
		case g.found <- lowest:
		default: // it is known already
		}
		return fmt.Errorf("the leader has other entries from %d on, and this node has applied those up to %d", lowest, applied)
	}
	return g.LogStore.DeleteRange(lowest, highest)
}

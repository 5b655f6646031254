// Package raftnode runs this node's replica of the Raft log: raft itself, the encrypted log store, the snapshot store,
// leadership notifications and membership changes.
//
// It guarantees that nothing of an entry's content reaches the disk in clear; that the log is truncated only after the
// state machine made the rows durable; that a received state is in use after a crash exactly if its record was written;
// that a node whose state is older than its newest record refuses to start instead of forking the state (RULES 2); and
// that its term never falls, whatever raft does beside its own loop (ADR 0043).
// cluster, cluster/membership and cmd call it. The files are those of cluster/raftlog.
package raftnode

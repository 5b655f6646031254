package raftnode

import "github.com/hashicorp/raft"

// Covers gives the end of a log and of the records, if they reach what the state has applied.
func Covers(s *Snapshots, log raft.LogStore) (uint64, error) { return s.covers(log) }

package raftnode

import (
	"fmt"

	"github.com/hashicorp/raft"

	"cofre/fsm/codec"
	"cofre/fsm/command"
)

// Replay applies to a copy of the state what the log holds behind it, whether or not a majority confirmed it: who asks has lost the
// majority, which alone knew. Then it applies an entry of the copy's own, which is in no log, and answers with its results.
func Replay(log *Log, copied StateMachine, own func() command.Entry) ([]command.Result, error) {
	last, err := log.LastIndex()
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	for i := copied.Position().Index + 1; i <= last; i++ {
		var l raft.Log
		if err := log.GetLog(i, &l); err != nil {
			return nil, fmt.Errorf("read entry %d of the log: %w", i, err)
		}
		copied.ApplyBatch([]*raft.Log{&l})
	}
	pos, e := copied.Position(), own()
	e.Term = pos.Term
	data, err := codec.Encode(&e)
	if err != nil {
		return nil, fmt.Errorf("encode the last entry: %w", err)
	}
	results, _ := copied.ApplyBatch([]*raft.Log{{Index: pos.Index + 1, Term: pos.Term, Type: raft.LogCommand, Data: data}})[0].([]command.Result)
	return results, nil
}

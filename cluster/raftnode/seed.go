package raftnode

import (
	"fmt"

	"github.com/hashicorp/raft"

	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
)

// Seed makes a node, which has neither log nor record, the only member of a cluster that goes on from the state in use, of which raft here
// knows nothing. The entries are applied behind that state before raft starts, so nothing comes before them; their
// answers are checked by who calls. After a crash in between the node is good for nothing: its identity is written last.
func Seed(records Files, log *Log, sm StateMachine, id model.NodeID, address string, entries ...command.Entry) ([]command.Result, error) {
	pos := sm.Position()
	term, index := pos.Term+1, pos.Index+1
	configuration := raft.EncodeConfiguration(raft.Configuration{Servers: []raft.Server{{ID: raft.ServerID(id), Address: PeerAddress(id, address)}}})
	logs := []*raft.Log{{Index: index, Term: term, Type: raft.LogConfiguration, Data: configuration}}
	for i, e := range entries {
		e.Term = term
		data, err := codec.Encode(&e)
		if err != nil {
			return nil, fmt.Errorf("encode the first entries: %w", err)
		}
		logs = append(logs, &raft.Log{Index: index + 1 + uint64(i), Term: term, Type: raft.LogCommand, Data: data})
	}
	var answers []command.Result
	for _, a := range sm.ApplyBatch(logs) {
		if r, ok := a.([]command.Result); ok {
			answers = append(answers, r...)
		}
	}
	if err := sm.Flush(); err != nil {
		return nil, fmt.Errorf("flush the first entries: %w", err)
	}
	last := logs[len(logs)-1].Index
	r := record{RaftIndex: last, Term: term, Configuration: configuration, ConfigurationIndex: index, FSMIndex: last, Dir: sm.Directory(), id: recordID(1, last)}
	if err := records.Replace(r.id+recordSuffix, r.encode()); err != nil {
		return nil, fmt.Errorf("write a snapshot record: %w", err)
	}
	if err := log.SetUint64([]byte("CurrentTerm"), term); err != nil { // raft's own name; a lower term would not be followed by others
		return nil, fmt.Errorf("write the term: %w", err)
	}
	return answers, nil
}

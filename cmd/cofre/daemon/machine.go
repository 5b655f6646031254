package daemon

import (
	"cofre/cluster/raftnode"
	"cofre/fsm"
)

// machine is the replicated state as the cluster drives it.
type machine struct{ *fsm.FSM }

// Position is the log position of the committed rows.
func (m machine) Position() raftnode.Position { return raftnode.Position(m.FSM.Position()) }

// Open pins the committed state.
func (m machine) Open() (raftnode.Stream, error) {
	s, err := m.FSM.Open()
	if err != nil {
		return nil, err
	}
	return stream{s}, nil
}

type stream struct{ *fsm.Stream }

// Position is the log position of the pinned state.
func (s stream) Position() raftnode.Position { return raftnode.Position(s.Stream.Position()) }

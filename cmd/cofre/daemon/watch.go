package daemon

import (
	"cofre/fsm"
	"cofre/fsm/state"
)

// watches are the parts of the state that a node's own work looks at. Under load every log entry is a change, and hardly
// any is one of these.
type watches struct {
	due   func() <-chan struct{} // what the scheduler assigns or starts; it looks twice a second without a change too
	slots func() <-chan struct{} // what the runner works on
	keys  func() <-chan struct{} // ring and members
}

func watchesOf(f *fsm.FSM) watches {
	return watches{
		due: f.Watch(state.Operations.Index("prompt"), state.Operations.Index("patient"), state.Operations.Index("lease"), state.Nodes.Rows(), state.Policies.Rows(), state.Credentials.Index("due"), state.Credentials.Index("spent"),
			state.DynamicUsers.Rows(), state.Revocations.Rows()),
		slots: f.Watch(state.Operations.Rows()),
		keys:  f.Watch(state.Keyring.Rows(), state.Nodes.Rows()),
	}
}

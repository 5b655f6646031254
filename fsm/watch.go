package fsm

import (
	"context"

	"cofre/fsm/model"
	"cofre/fsm/state"
)

// publish makes the committed position visible and wakes everybody who waits.
func (f *FSM) publish() {
	v := f.home.View()
	defer v.Close()
	f.level.Store(uint32(state.SystemRow(v).Level))
	f.applied.Store(f.home.Store().Applied().Index)
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.changed)
	f.changed = make(chan struct{})
}

// Applied is the index of the last entry whose rows are committed here.
func (f *FSM) Applied() uint64 { return f.applied.Load() }

// Changed gives a channel that closes at the next change of state: "look again". Take it before looking.
func (f *FSM) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// Wait returns when the rows of an index are committed here.
func (f *FSM) Wait(ctx context.Context, index uint64) error {
	for {
		ch := f.Changed()
		if f.Applied() >= index {
			return nil
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return &model.Error{Op: "wait for the log", Kind: model.Unavailable, Msg: "this node has not caught up in time", Err: ctx.Err()}
		}
	}
}

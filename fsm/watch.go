package fsm

import (
	"context"
	"slices"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// publish makes the committed position visible and wakes everybody who waits for it, and who watches what a batch
// touched; without a batch everything may have changed.
func (f *FSM) publish(b *table.Batch) {
	if b == nil || b.Touched(state.System.Rows()) {
		v := f.home.View()
		f.level.Store(uint32(state.SystemRow(v).Level))
		v.Close()
	}
	f.applied.Store(f.home.Store().Applied().Index)
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.changed)
	f.changed = make(chan struct{})
	for _, w := range f.watches {
		if b == nil || slices.ContainsFunc(w.spaces, b.Touched) {
			close(w.changed)
			w.changed = make(chan struct{})
		}
	}
	for w := range f.rows {
		if b == nil || slices.ContainsFunc(w.places, b.TouchedRow) {
			close(w.changed)
			delete(f.rows, w)
		}
	}
}

type watch struct {
	spaces  []table.Space
	changed chan struct{}
}

// Watch is Changed for one who looks at parts of the state only. The watch stays for ever: make it once.
func (f *FSM) Watch(spaces ...table.Space) func() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &watch{spaces, make(chan struct{})}
	f.watches = append(f.watches, w)
	return func() <-chan struct{} {
		f.mu.Lock()
		defer f.mu.Unlock()
		return w.changed
	}
}

type rowWatch struct {
	places  []table.Place
	changed chan struct{}
}

// WatchRows gives a channel that closes at the next change of one of some rows, so that many may each wait for their own
// without waking each other. Who waits no longer calls stop. Take it before looking.
func (f *FSM) WatchRows(places ...table.Place) (changed <-chan struct{}, stop func()) {
	w := &rowWatch{places, make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows[w] = struct{}{}
	return w.changed, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.rows, w)
	}
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

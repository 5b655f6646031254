//go:build cofre_planted

package siem

import (
	"context"
	"maps"
	"time"

	"cofre/fsm/audit"
)

// Plant is the mistake of this package, chosen by the linker (see cmd/cofre/daemon): the cursor is stored before Send.
const Plant = "store before send"

var plant string

// ordered turns the order around, if that is the mistake of this binary.
func ordered(s Sink, c Cursor) Sink {
	if plant != Plant {
		return s
	}
	return &storesFirst{s, c}
}

type storesFirst struct {
	Sink
	cursor Cursor
}

// Send stores, then takes the time of a receiver that is far away, then sends: a crash meanwhile loses the batch.
func (x *storesFirst) Send(ctx context.Context, batch []audit.Event) error {
	at, err := x.cursor.Load()
	if err != nil {
		return err
	}
	at = maps.Clone(at)
	if at == nil {
		at = positions{}
	}
	for _, e := range batch {
		at[e.Node] = max(at[e.Node], e.Seq)
	}
	if err := x.cursor.Store(at); err != nil {
		return err
	}
	select {
	case <-time.After(200 * time.Millisecond):
	case <-ctx.Done():
		return ctx.Err()
	}
	return x.Sink.Send(ctx, batch)
}

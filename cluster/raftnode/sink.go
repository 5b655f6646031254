package raftnode

import (
	"errors"
	"fmt"
	"io"
)

// sink is one snapshot on its way in.
type sink struct {
	store  *Snapshots
	record *record
	pipe   *io.PipeWriter // nil until the first Write
	built  chan built
	ended  bool
}

type built struct {
	dir   string
	index uint64
	err   error
}

var errCancelled = errors.New("the snapshot was cancelled")

// ID names the snapshot. It is final after Close.
func (k *sink) ID() string { return k.record.id }

// Write feeds a received state to the builder.
func (k *sink) Write(p []byte) (int, error) {
	if k.ended {
		return 0, io.ErrClosedPipe
	}
	if k.pipe == nil {
		r, w := io.Pipe()
		k.pipe, k.built = w, make(chan built, 1)
		k.store.receiving(1)
		go func() {
			dir, index, err := k.store.sm.Build(r)
			if err == nil {
				_, err = io.Copy(io.Discard, r) // the writer may not block on bytes behind the trailer
			}
			_ = r.CloseWithError(errors.Join(errors.New("the received state was refused"), err))
			k.built <- built{dir, index, err}
		}()
	}
	return k.pipe.Write(p)
}

// Close makes the snapshot durable. Raft closes twice after a local snapshot; the second time does nothing.
func (k *sink) Close() error {
	if k.ended {
		return nil
	}
	k.ended = true
	if k.pipe == nil {
		// The rows of FSMIndex were committed before Create. Persist flushed already; twice costs little, once too few
		// costs the state.
		if err := k.store.sm.Flush(); err != nil {
			return fmt.Errorf("close a snapshot: %w", err)
		}
		return k.store.commit(k.record, false)
	}
	defer k.store.receiving(-1)
	_ = k.pipe.Close()
	b := <-k.built
	if b.err != nil {
		return fmt.Errorf("build the received state: %w", b.err)
	}
	k.record.Dir, k.record.FSMIndex = b.dir, b.index
	return k.store.commit(k.record, true)
}

// Cancel drops what was received.
func (k *sink) Cancel() error {
	if k.ended {
		return nil
	}
	k.ended = true
	if k.pipe != nil {
		defer k.store.receiving(-1)
		_ = k.pipe.CloseWithError(errCancelled)
		<-k.built
	}
	return nil
}

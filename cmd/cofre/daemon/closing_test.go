package daemon

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// TestClosingEnds: a node ends although its stores cannot be closed, and says so; what closing them comes to is told otherwise.
func TestClosingEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full, start := make(chan struct{}), time.Now()
		if err := within(closing, func() error { <-full; return nil }); !errors.Is(err, errOpen) || time.Since(start) != closing {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		close(full)
		slow := func() error { time.Sleep(closing - time.Second); return io.ErrUnexpectedEOF }
		if err := within(closing, slow); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
	})
}

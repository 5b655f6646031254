package input

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// What was read comes as from the file itself; a read that waits ends with the context, and takes nothing from who reads later.
func TestStream(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	text := strings.Repeat("a line\n", 4000)
	go func() { // ends when the other side has read
		_, _ = io.WriteString(w, text)
		_ = w.Close()
	}()
	if got, err := io.ReadAll(Of(t.Context(), r)); err != nil || string(got) != text {
		t.Errorf("%d of %d bytes: %v", len(got), len(text), err)
	}

	silent, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = hold.Close(), silent.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := io.ReadAll(Of(ctx, silent))
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, ErrInterrupted) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a read goes on after the interrupt")
	}
	if File(Of(ctx, silent)) != io.Reader(silent) || File(strings.NewReader("")) == nil {
		t.Error("a program would not get the file itself")
	}
}

// Package input reads what people and pipes give to a command, for as long as nobody interrupts it: the signals of the process only end
// its context, and a read that waits for a person would never learn of it.
package input

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/term"
)

// ErrInterrupted says that a signal came while input was awaited.
var ErrInterrupted = errors.New("interrupted")

// Await does what may wait for ever, and returns when ctx ends although it still waits. Nobody hears of its result then.
func Await[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() { // ends with the read, at the latest with the process
		v, err := do()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ErrInterrupted
	}
}

// Stream is a file that is read until ctx ends.
type Stream struct {
	*os.File
	ctx context.Context //nolint:containedctx // a Reader takes none
}

// Of makes a Stream.
func Of(ctx context.Context, f *os.File) Stream { return Stream{f, ctx} }

// Read reads as the file does. An abandoned read must not write into memory that its caller uses again.
func (s Stream) Read(p []byte) (int, error) {
	buf := make([]byte, len(p))
	n, err := Await(s.ctx, func() (int, error) { return s.File.Read(buf) })
	if !errors.Is(err, ErrInterrupted) {
		copy(p, buf[:n])
		clear(buf[:n]) // it may be a secret
	}
	return n, err
}

// WriteTo is not the file's, which knows no context.
func (s Stream) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{s}) }

// Password reads a line from the terminal at fd without echo, which is on again when it returns.
func Password(ctx context.Context, fd int) ([]byte, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	b, err := Await(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	if errors.Is(err, ErrInterrupted) {
		_ = term.Restore(fd, before) // the reason to return is told
	}
	return b, err
}

// File is the file behind a stream, for a program that shall read it by itself.
func File(r io.Reader) io.Reader {
	if s, ok := r.(Stream); ok {
		return s.File
	}
	return r
}

package ssh

import (
	"context"
	"io"
	"regexp"
	"sync"
	"time"
)

// keep bounds what is remembered of the target's output.
const keep = 256 << 10

// stream collects the output of the shell; waits consume it.
type stream struct {
	mu     sync.Mutex // guards the fields up to ended
	buf    []byte     // output since the last match
	recent []byte     // output since the last mark
	got    int        // bytes since the last take
	ended  bool

	more chan struct{} // one token: something new
}

func newStream() *stream { return &stream{more: make(chan struct{}, 1)} }

// Write takes output; it is called by the SSH library's readers.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	s.buf, s.recent, s.got = bound(append(s.buf, p...)), bound(append(s.recent, p...)), s.got+len(p)
	s.mu.Unlock()
	s.wake()
	return len(p), nil
}

// end says that no more output will come.
func (s *stream) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.wake()
}

func (s *stream) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func bound(b []byte) []byte {
	if len(b) > keep {
		return append(b[:0], b[len(b)-keep/2:]...)
	}
	return b
}

// mark begins a new stretch of recent output.
func (s *stream) mark() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recent = s.recent[:0]
}

// since returns the output since the mark.
func (s *stream) since() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]byte(nil), s.recent...)
}

// take returns the number of bytes that came since the last call.
func (s *stream) take() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.got
	s.got = 0
	return n
}

// verdict is how a wait ended.
type verdict uint8

const (
	nothing   verdict = iota // time is up
	matched                  // the pattern came
	forbidden                // a forbidden text came first
	closed                   // the target closed the session
)

// wait looks for want, nil meaning "wait the whole time", unless one of not shows up before it.
func (s *stream) wait(ctx context.Context, timeout time.Duration, want *regexp.Regexp, not []*regexp.Regexp) (verdict, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		if v := s.look(want, not); v != nothing {
			return v, nil
		}
		select {
		case <-s.more:
		case <-timer.C:
			return s.look(want, not), nil
		case <-ctx.Done():
			return nothing, ctx.Err()
		}
	}
}

func (s *stream) look(want *regexp.Regexp, not []*regexp.Regexp) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := len(s.buf)
	var at []int
	if want != nil {
		if at = want.FindIndex(s.buf); at != nil {
			end = at[1]
		}
	}
	for _, n := range not {
		if n.Match(s.buf[:end]) {
			return forbidden
		}
	}
	switch {
	case at != nil:
		s.buf = append(s.buf[:0], s.buf[end:]...)
		return matched
	case s.ended:
		return closed
	}
	return nothing
}

var _ io.Writer = (*stream)(nil)

package dialogue

import (
	"context"
	"io"
	"regexp"
	"slices"
	"sync"
	"time"

	"cofre/executors"
)

// keep bounds what is remembered of the target's output.
const keep = 256 << 10

// Stream collects the output of the target; waits consume it.
type Stream struct {
	mu     sync.Mutex // guards the fields up to ended
	buf    []byte     // output since the last match
	recent []byte     // output since the last mark
	got    int        // bytes since the last take
	ended  bool

	heard *executors.Capture
	more  chan struct{} // one token: something new
}

// NewStream makes one that is empty; c, if not nil, hears all that it takes.
func NewStream(c *executors.Capture) *Stream { return &Stream{heard: c, more: make(chan struct{}, 1)} }

// Write takes output; whoever reads from the target calls it.
func (s *Stream) Write(p []byte) (int, error) {
	s.heard.Hear(p)
	s.mu.Lock()
	s.buf, s.recent, s.got = bound(append(s.buf, p...)), bound(append(s.recent, p...)), s.got+len(p)
	s.mu.Unlock()
	s.wake()
	return len(p), nil
}

// End says that no more output will come.
func (s *Stream) End() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.wake()
}

func (s *Stream) wake() {
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
func (s *Stream) mark() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recent = s.recent[:0]
}

// since returns the output since the mark.
func (s *Stream) since() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]byte(nil), s.recent...)
}

// take returns the number of bytes that came since the last call.
func (s *Stream) take() int {
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

// silent is how long a target says nothing when it waits for an answer.
const silent = 150 * time.Millisecond

var visible = regexp.MustCompile(`\S`)

// Ending is how a target stopped talking.
type Ending struct {
	Which int  // the ending that stands there, -1 if it is none of those
	Shown bool // there is something to read
	Ended bool // the target hung up
}

// Settled waits until the output ends in one of some ways and stays so for a moment, without consuming it. Otherwise it
// returns when the target hangs up or the time is over.
func (s *Stream) Settled(ctx context.Context, timeout time.Duration, endings ...*regexp.Regexp) (Ending, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		e := s.ending(endings)
		if e.Ended {
			return e, nil
		}
		var silence <-chan time.Time
		if e.Which >= 0 {
			silence = time.After(silent)
		}
		select {
		case <-s.more:
		case <-silence:
			return e, nil
		case <-timer.C:
			return e, nil
		case <-ctx.Done():
			return e, ctx.Err()
		}
	}
}

func (s *Stream) ending(endings []*regexp.Regexp) Ending {
	s.mu.Lock()
	defer s.mu.Unlock()
	plain, _ := unadorned(s.buf)
	match := func(r *regexp.Regexp) bool { return r.Match(s.buf) || plain != nil && r.Match(plain) }
	return Ending{Which: slices.IndexFunc(endings, match), Shown: visible.Match(s.buf), Ended: s.ended}
}

// Skip forgets what came so far.
func (s *Stream) Skip() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = s.buf[:0]
}

// wait looks for want, nil meaning "wait the whole time", unless one of not shows up before it.
func (s *Stream) wait(ctx context.Context, timeout time.Duration, want *regexp.Regexp, not []*regexp.Regexp) (verdict, error) {
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

// look judges the output as a person sees it, and then as it is, for patterns that name what nobody sees.
func (s *Stream) look(want *regexp.Regexp, not []*regexp.Regexp) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, end := nothing, 0
	if plain, at := unadorned(s.buf); plain != nil {
		v, end = judge(plain, want, not)
		end = at(end)
	}
	if v == nothing {
		v, end = judge(s.buf, want, not)
	}
	switch {
	case v == matched:
		s.buf = append(s.buf[:0], s.buf[end:]...)
	case v == nothing && s.ended:
		return closed
	}
	return v
}

// judge tells whether want, or something forbidden before it, is in the output, and where want ends.
func judge(output []byte, want *regexp.Regexp, not []*regexp.Regexp) (v verdict, end int) {
	end = len(output)
	if want != nil {
		if at := want.FindIndex(output); at != nil {
			v, end = matched, at[1]
		}
	}
	for _, n := range not {
		if n.Match(output[:end]) {
			return forbidden, end
		}
	}
	return v, end
}

var _ io.Writer = (*Stream)(nil)

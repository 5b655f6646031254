package daemon

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"cofre/fsm"
)

// scrubEvery is how often a node reads its whole state, at most scrubRate bytes a second of it.
const (
	scrubEvery = 24 * time.Hour
	scrubRate  = 8 << 20
)

// scrub reads every row once a day and computes the state's hash anew (RULES 4), so that a row that nobody asks for, and that
// changed behind the hash, is found before it is needed. A damaged file ends the process; rows that are not those of the hash
// make this node unfit: it hands leadership over and its status says what to do. It does not stop, because a defect that all
// nodes share would stop all of them.
func (m *member) scrub(ctx context.Context) error {
	wait := time.Hour + rand.N(scrubEvery-time.Hour) //nolint:gosec // nodes that started together do not read together
	for {
		if err := pause(ctx, wait); err != nil {
			return err
		}
		began := time.Now()
		err := m.readAll(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		wait = scrubEvery
		if errors.Is(err, errReplaced) {
			continue // it came with its own proof
		}
		if broken := (*unread)(nil); errors.As(err, &broken) {
			m.part("state").WithError(err).Warn("the daily reading of the state broke off and says nothing; it begins anew in an hour")
			wait = time.Hour
			continue
		}
		if err != nil {
			m.part("state").WithError(err).Error("the rows of this node are not those of its hash: " + replaceAdvice(m.config))
		} else {
			m.part("state").WithField("took", time.Since(began).Round(time.Second)).Debug("every row was read and is right")
		}
		m.unsound.Store(err != nil)
	}
}

// errReplaced ends a reading whose state was replaced by a received one meanwhile: its files go two minutes later.
var errReplaced = errors.New("the state was replaced while it was read")

func (m *member) readAll(ctx context.Context) error {
	in := m.fsm.Directory()
	s := m.fsm.OpenUncounted()
	defer func() { _ = s.Close() }() // a reader's end
	return sound(ctx, s, func() bool { return m.fsm.Directory() != in })
}

func sound(ctx context.Context, state io.Reader, replaced func() bool) error {
	p := &paced{ctx: ctx, r: state, replaced: replaced}
	_, err := fsm.Examine(p)
	if p.failed != nil {
		return &unread{p.failed} // what Examine makes of it is about a stream that ended too early
	}
	return err
}

// unread is why rows could not be read to their end, which says nothing about those that were.
type unread struct{ err error }

func (e *unread) Error() string { return "read the state: " + e.err.Error() }
func (e *unread) Unwrap() error { return e.err }

// paced reads no faster than scrubRate, until ctx ends or what it reads is replaced.
type paced struct {
	ctx      context.Context
	r        io.Reader
	replaced func() bool
	failed   error // of the reading, other than its end
}

func (p *paced) Read(b []byte) (int, error) {
	n, err := p.read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		p.failed = err
	}
	return n, err
}

func (p *paced) read(b []byte) (int, error) {
	if p.replaced() {
		return 0, errReplaced
	}
	n, err := p.r.Read(b)
	if wait := pause(p.ctx, time.Duration(n)*time.Second/scrubRate); wait != nil {
		return 0, wait
	}
	return n, err
}

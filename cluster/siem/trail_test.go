package siem

import (
	"context"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"

	"cofre/fsm/audit"
	"cofre/fsm/model"
)

// memory is a trail in memory.
type memory struct {
	mu      sync.Mutex // guards all below
	events  []audit.Event
	changed chan struct{}
}

func newMemory() *memory { return &memory{changed: make(chan struct{})} }

func (m *memory) add(nodes ...model.NodeID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range nodes {
		m.events = append(m.events, read(uint64(len(m.events)+1), n, "x"))
	}
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *memory) Events(after uint64, limit int) ([]audit.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if after >= uint64(len(m.events)) {
		return nil, nil
	}
	return slices.Clone(m.events[after:min(uint64(len(m.events)), after+uint64(limit))]), nil
}

func (m *memory) Last() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return uint64(len(m.events))
}

func (m *memory) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

// receiver is a sink that keeps what it got and fails on demand.
type receiver struct {
	mu      sync.Mutex // guards all below
	got     []uint64
	send    func(batch []audit.Event) error
	settled func() (bool, error)
}

func (r *receiver) Send(_ context.Context, batch []audit.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.send != nil {
		if err := r.send(batch); err != nil {
			return err
		}
	}
	for _, e := range batch {
		r.got = append(r.got, e.Seq)
	}
	return nil
}

func (r *receiver) Settled() (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.settled != nil {
		return r.settled()
	}
	return true, nil
}

func (r *receiver) Close() error { return nil }

func (r *receiver) seqs() []uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func quiet() logrus.FieldLogger {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return l
}

func pipe(t *testing.T, trail Trail, s Sink, dir string, adopted func() []Adoption) *pipeline {
	t.Helper()
	p, err := newPipeline("test", s, Options{Node: "n1", Trail: trail, Adopted: adopted, Dir: dir, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	p.batch = 3
	return p
}

// during runs a pipeline while fn runs, in virtual time.
func during(t *testing.T, p *pipeline, fn func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { p.run(ctx) })
	fn()
	cancel()
	wg.Wait()
}

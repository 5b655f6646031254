package fsm_test

import (
	"testing"
	"time"

	"cofre/fsm/state"
)

// A watch wakes when its part of the state changes, and only then; a restored state wakes every one.
func TestWatch(t *testing.T) {
	t.Parallel()
	m := start(t)
	sequences, operations := m.Watch(state.Sequences.Rows()), m.Watch(state.Operations.Rows(), state.Credentials.Index("due"))
	woken := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	all, seq, op := m.Changed(), sequences(), operations()
	m.one(t0, "test.add", struct{}{})
	if !woken(all) || !woken(seq) || woken(op) {
		t.Errorf("after a change of the sequences: %t %t %t", woken(all), woken(seq), woken(op))
	}
	all, seq = m.Changed(), sequences()
	m.one(t0.Add(time.Second), "test.deny", struct{}{})
	if !woken(all) || woken(op) {
		t.Error("a refused command woke who watches operations")
	}
	if err := m.Flip(build(t, m)); err != nil {
		t.Fatal(err)
	}
	if !woken(op) || !woken(seq) {
		t.Error("a restored state wakes nobody")
	}
}

// build makes a store of the machine's own state aside.
func build(t *testing.T, m *machine) string {
	t.Helper()
	s, err := m.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dir, _, err := m.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

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

func woken(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Who watches a row is woken by its changes only, once, and not after they went.
func TestWatchRows(t *testing.T) {
	t.Parallel()
	m := start(t)
	mine, _ := m.WatchRows(state.Sequences.Place("test"))
	other, stop := m.WatchRows(state.Sequences.Place("other"), state.Operations.Place("none"))
	gone, stopGone := m.WatchRows(state.Sequences.Place("test"))
	stopGone()
	m.one(t0, "test.add", struct{}{})
	if !woken(mine) || woken(other) || woken(gone) {
		t.Errorf("after a change of the row: %t %t %t", woken(mine), woken(other), woken(gone))
	}
	if err := m.Flip(build(t, m)); err != nil {
		t.Fatal(err)
	}
	if !woken(other) {
		t.Error("a restored state wakes nobody")
	}
	stop() // of one that was woken
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

package raftlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"cofre/cluster/raftlog"
)

type quiet struct{}

func (quiet) Infof(string, ...any)      {}
func (quiet) Errorf(string, ...any)     {}
func (quiet) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

func open(t *testing.T, fs vfs.FS) *raftlog.Store {
	t.Helper()
	s, err := raftlog.Open("log", raftlog.Options{FS: fs, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func entry(index, term uint64, size int) *raft.Log {
	return &raft.Log{Index: index, Term: term, Type: raft.LogCommand, Data: bytes.Repeat([]byte{byte(index), byte(term) | 1}, size/2)}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEntriesComeBackWhole(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, fs)
	in := []*raft.Log{
		{Index: 7, Term: 2, Type: raft.LogConfiguration, Data: []byte("d"), Extensions: []byte("more"), AppendedAt: time.Unix(5, 6)},
		{Index: 8, Term: 3, Type: raft.LogNoop},
	}
	check(t, s.StoreLogs(in))
	check(t, s.Close())
	s = open(t, fs)
	for _, want := range in {
		var got raft.Log
		check(t, s.GetLog(want.Index, &got))
		if diff := cmp.Diff(*want, got, cmp.Comparer(bytes.Equal)); diff != "" {
			t.Error(diff)
		}
	}
	if err := s.GetLog(9, &raft.Log{}); !errors.Is(err, raft.ErrLogNotFound) {
		t.Errorf("an absent entry: %v", err)
	}
	if _, err := s.GetUint64([]byte("CurrentTerm")); err == nil || err.Error() != "not found" {
		t.Errorf("an absent value: %v; raft compares the text", err)
	}
	check(t, s.Set([]byte("short"), []byte("x")))
	if _, err := s.GetUint64([]byte("short")); !errors.Is(err, raftlog.ErrDamaged) {
		t.Errorf("a value that is no number: %v", err)
	}
	check(t, s.Close())
}

// model is what a store must hold.
type model struct {
	entries     map[uint64]*raft.Log
	first, last uint64
	term        uint64
}

// step does one thing that raft does and says what becomes of the model when it is done.
func (m *model) step(rng *rand.Rand) (do func(*raftlog.Store) error, then func()) {
	switch n := rng.IntN(10); {
	case n == 0 && m.last > m.first+3: // a snapshot was taken
		to := m.first + rng.Uint64N(m.last-m.first-1)
		from := m.first
		return func(s *raftlog.Store) error { return s.DeleteRange(from, to) }, func() {
			for i := from; i <= to; i++ {
				delete(m.entries, i)
			}
			m.first = to + 1
		}
	case n == 1 && m.last > m.first+3: // another leader's entries take the place of ours
		from, to := m.last-rng.Uint64N(2), m.last
		return func(s *raftlog.Store) error { return s.DeleteRange(from, to) }, func() {
			for i := from; i <= to; i++ {
				delete(m.entries, i)
			}
			m.last = from - 1
		}
	case n == 2:
		term := m.term + 1
		return func(s *raftlog.Store) error { return s.SetUint64([]byte("CurrentTerm"), term) }, func() { m.term = term }
	}
	var logs []*raft.Log
	for i := range 1 + rng.Uint64N(4) {
		logs = append(logs, entry(m.last+1+i, m.term, 2+rng.IntN(20_000)))
	}
	return func(s *raftlog.Store) error { return s.StoreLogs(logs) }, func() {
		for _, l := range logs {
			m.entries[l.Index] = l
			m.last = l.Index
			if m.first == 0 {
				m.first = l.Index
			}
		}
	}
}

// differs compares a store with the model; "" if they agree.
func (m *model) differs(s *raftlog.Store) string {
	first, _ := s.FirstIndex()
	last, _ := s.LastIndex()
	if m.last != 0 && (first != m.first || last != m.last) {
		return fmt.Sprintf("the log has %d to %d, want %d to %d", first, last, m.first, m.last)
	}
	for i, want := range m.entries {
		var got raft.Log
		if err := s.GetLog(i, &got); err != nil {
			return err.Error()
		}
		if got.Term != want.Term || !bytes.Equal(got.Data, want.Data) {
			return fmt.Sprintf("entry %d is another one", i)
		}
	}
	if term, err := s.GetUint64([]byte("CurrentTerm")); m.term != 0 && (err != nil || term != m.term) {
		return fmt.Sprintf("the term is %d (%v), want %d", term, err, m.term)
	}
	return ""
}

// TestPowerCuts cuts the power while something is written: what was confirmed is there, and what was not is there whole
// or not at all. It must meet both, or it proves nothing.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	before, after := 0, 0
	for seed := range uint64(25) {
		rng := rand.New(rand.NewPCG(seed, 1))
		fs := vfs.NewCrashableMem()
		m := &model{entries: map[uint64]*raft.Log{}}
		for range 4 {
			s := open(t, fs)
			if d := m.differs(s); d != "" {
				t.Fatalf("seed %d: %s", seed, d)
			}
			for range rng.IntN(12) {
				do, then := m.step(rng)
				check(t, do(s))
				then()
			}
			do, then := m.step(rng)
			done := make(chan error, 1)
			go func() { done <- do(s) }()
			time.Sleep(time.Duration(rng.IntN(40)) * time.Microsecond)
			left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
			check(t, <-done)
			check(t, s.Close())
			again := open(t, left)
			if m.differs(again) == "" {
				before++
			} else {
				after++
				then()
				if d := m.differs(again); d != "" {
					t.Fatalf("seed %d: neither as before nor as after the write that was cut: %s", seed, d)
				}
			}
			check(t, again.Close())
			fs = left
		}
	}
	if t.Logf("%d writes did not happen, %d did", before, after); before == 0 || after == 0 {
		t.Error("the power was never cut at the right moment: the test proves nothing")
	}
}

// TestChangedBytes changes single bytes of every file of a store that was closed: it is told, or everything is there.
func TestChangedBytes(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	m := &model{entries: map[uint64]*raft.Log{}}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		s := open(t, fs)
		for range 15 {
			do, then := m.step(rng)
			check(t, do(s))
			then()
		}
		check(t, s.Close())
	}
	told, whole := 0, 0
	counts := map[string]int{}
	names, err := fs.List("log")
	check(t, err)
	for _, name := range names {
		data := read(t, fs, name)
		places := min(len(data), 60)
		for i := range places {
			at := i * len(data) / places
			damaged := vfs.NewMem()
			for _, n := range names {
				content := read(t, fs, n)
				if n == name {
					content[at] ^= 1 << rng.IntN(8)
				}
				write(t, damaged, n, content)
			}
			switch d := reopened(damaged, m); d {
			case "":
				whole++
				counts[name]++
			case "told":
				told++
			default:
				t.Errorf("byte %d of %d of %s: %s", at, len(data), name, d)
			}
		}
	}
	t.Logf("%d changes were told, after %d everything was there %v", told, whole, counts)
	if told < 100 {
		t.Error("hardly any change was noticed")
	}
}

// listener hears that there is no going on; the daemon's ends the process then.
type listener struct {
	quiet
	fatal atomic.Bool
}

func (l *listener) Fatalf(string, ...any) { l.fatal.Store(true) }

// reopened tells what became of a store: "" if everything is there, "told" if opening or reading it is an error.
func reopened(fs vfs.FS, m *model) (what string) {
	var heard listener
	s, err := raftlog.Open("log", raftlog.Options{FS: fs, Logger: &heard})
	if err != nil {
		return "told"
	}
	defer func() {
		_ = s.Close()
		if heard.fatal.Load() {
			what = "told"
		}
	}()
	first, _ := s.FirstIndex()
	last, _ := s.LastIndex()
	if first != m.first || last != m.last {
		return fmt.Sprintf("the log has %d to %d, want %d to %d", first, last, m.first, m.last)
	}
	for i, want := range m.entries {
		var got raft.Log
		if s.GetLog(i, &got) != nil {
			return "told"
		}
		if !bytes.Equal(got.Data, want.Data) {
			return fmt.Sprintf("entry %d is another one", i)
		}
	}
	return ""
}

func read(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open("log/" + name)
	check(t, err)
	data, err := io.ReadAll(f)
	check(t, err)
	check(t, f.Close())
	return data
}

func write(t *testing.T, fs vfs.FS, name string, data []byte) {
	t.Helper()
	check(t, fs.MkdirAll("log", 0o755))
	f, err := fs.Create("log/"+name, vfs.WriteCategoryUnspecified)
	check(t, err)
	_, err = f.Write(data)
	check(t, err)
	check(t, f.Close())
}

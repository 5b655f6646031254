package fsm_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"cofre/fsm"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// A command is applied once, however often it comes: in one entry, in two, and never again when its answer is forgotten.
func TestOnce(t *testing.T) {
	t.Parallel()
	m := start(t)
	e := m.envelope("test.add", t0, struct{}{})
	first := m.entry(t0, e, e)
	if diff := cmp.Diff(first[0], first[1]); diff != "" || kind(first[0]) != "ok" {
		t.Errorf("twice in one entry: %v", first)
	}
	again := m.entry(t0.Add(2*time.Minute), e)
	if diff := cmp.Diff(first[0], again[0]); diff != "" {
		t.Errorf("in a later entry (-first +again):\n%s", diff)
	}
	late := m.entry(t0.Add(2*time.Minute+time.Millisecond), e)
	if kind(late[0]) != "ok" && kind(late[0]) != "expired" {
		t.Errorf("late: %v", late)
	}
	m.one(t0.Add(3*time.Minute), "test.add", struct{}{})
	m.one(t0.Add(3*time.Minute), "test.add", struct{}{})
	if r := m.entry(t0.Add(3*time.Minute), e); kind(r[0]) != "expired" {
		t.Errorf("after its answer is forgotten: %v", r)
	}
	if n := m.count(); n != 3 {
		t.Errorf("three commands counted %d", n)
	}
	// Errors are remembered as well.
	bad := m.envelope("test.deny", t0.Add(3*time.Minute), struct{}{})
	x, y := m.entry(t0.Add(3*time.Minute), bad), m.entry(t0.Add(3*time.Minute), bad)
	if diff := cmp.Diff(x, y); diff != "" || kind(x[0]) != "denied" {
		t.Errorf("a refusal repeated: %v %v", x, y)
	}
	if n := len(events(m, "command.denied")); n != 1 {
		t.Errorf("the repeated refusal left %d events", n)
	}
	// Applied below the index that is committed: skipped.
	m.index = 0
	if r := m.Apply(m.log(t0, e)); r != nil {
		t.Errorf("an entry from the past: %v", r)
	}
}

func events(m *machine, kind string) (found []string) {
	v := m.View()
	defer v.Close()
	for e := range table.Audit.By(v, "kind", kind) {
		found = append(found, e.Field("kind"))
	}
	return found
}

// One stamp far ahead, or behind, moves nothing; clock.advance does, and more than a day then waits for a person.
func TestClock(t *testing.T) {
	t.Parallel()
	m := start(t)
	m.one(t0, "test.add", struct{}{})
	frozen := func() bool { v := m.View(); defer v.Close(); return state.SystemRow(v).Frozen }
	for _, c := range []struct {
		name   string
		stamp  model.Time
		want   string
		stands model.Time
	}{
		{"80 years ahead", t0.Add(80 * 365 * 24 * time.Hour), "unavailable", t0},
		{"a day behind", t0.Add(-24 * time.Hour), "ok", t0},
		{"never set", 0, "ok", t0},
		{"just too far ahead", t0.Add(10*time.Minute + time.Millisecond), "unavailable", t0},
		{"as far as allowed", t0.Add(10 * time.Minute), "ok", t0.Add(10 * time.Minute)},
		{"back again", t0, "ok", t0.Add(10 * time.Minute)},
	} {
		r := m.entry(c.stamp, m.envelope("test.add", c.stands, struct{}{}))
		if kind(r[0]) != c.want || m.now() != c.stands {
			t.Errorf("%s: %s, state time %s", c.name, kind(r[0]), m.now())
		}
	}
	now := m.now()
	future := now.Add(time.Hour)
	// An advance in an entry whose stamp is far ahead is taken; what stands beside it is not.
	r := m.entry(future, m.envelope("test.add", future, struct{}{}), m.envelope("clock.advance", future, node.ClockArgs{To: future}), m.envelope("test.add", future, struct{}{}))
	if kind(r[0]) != "unavailable" || kind(r[1]) != "ok" || kind(r[2]) != "unavailable" || m.now() != future || frozen() {
		t.Errorf("an hour: %v, at %s, frozen %t", r, m.now(), frozen())
	}
	if r := m.one(future, "clock.advance", node.ClockArgs{To: now}); kind(r) != "invalid" || m.now() != future {
		t.Errorf("back: %v at %s", r, m.now())
	}
	day := future.Add(24*time.Hour + time.Millisecond)
	if r := m.one(day, "clock.advance", node.ClockArgs{To: day}); kind(r) != "ok" || !frozen() {
		t.Errorf("more than a day: %v, frozen %t", r, frozen())
	}
	if r := m.one(day, "clock.confirm", struct{}{}); kind(r) != "denied" || !frozen() {
		t.Errorf("the system confirms itself: %v", r)
	}
	e := m.envelope("clock.confirm", day, struct{}{})
	e.Actor = model.Actor{Kind: model.ActorOperator, Name: "root"}
	if r := m.entry(day, e); kind(r[0]) != "ok" || frozen() {
		t.Errorf("confirmed: %v, frozen %t", r, frozen())
	}
}

// What goes wrong in a reducer is the same harmless answer everywhere; it leaves nothing but its event.
func TestContained(t *testing.T) {
	t.Parallel()
	m, twin := start(t), start(t)
	m.one(t0, "test.add", struct{}{})
	twin.one(t0, "test.add", struct{}{})
	for _, c := range []struct{ kind, want, event string }{
		{"test.deny", "denied", "command.denied"}, {"test.panic", "internal", "command.panicked"}, {"test.nil", "internal", "command.panicked"},
		{"test.wrapped", "internal", ""}, {"test.foreign", "internal", ""},
	} {
		r := m.one(t0, command.Kind(c.kind), struct{}{})
		if kind(r) != c.want || m.count() != 1 || r.Err.Err != nil {
			t.Errorf("%s: %v, counted %d", c.kind, r, m.count())
		}
		if strings.Contains(fmt.Sprint(r.Err), "differs") {
			t.Errorf("%s: a foreign error's text is in the state", c.kind)
		}
		if diff := cmp.Diff(r, twin.one(t0, command.Kind(c.kind), struct{}{})); diff != "" {
			t.Errorf("%s differs between two nodes:\n%s", c.kind, diff)
		}
		if got := events(m, c.event); c.event != "" && (len(got) == 0 || got[len(got)-1] != c.kind) {
			t.Errorf("%s: events %v", c.kind, got)
		}
	}
	if n := len(events(m, "cluster.clock_confirmed")); n != 0 {
		t.Error("a denied command's own event stayed")
	}
	if diff := cmp.Diff(fsmtest.Dump(m.FSM), fsmtest.Dump(twin.FSM)); diff != "" {
		t.Error(diff)
	}
	if r := m.one(t0, "test.add", struct{}{}); kind(r) != "ok" || m.count() != 2 {
		t.Errorf("it does not go on: %v", r)
	}
}

// What must stop the node does: a storage error, and a command that this binary does not understand.
func TestStops(t *testing.T) {
	t.Parallel()
	unknown := func(edit func(*command.Envelope)) func(*machine) *raft.Log {
		return func(m *machine) *raft.Log {
			e := m.envelope("test.add", t0, struct{}{})
			edit(&e)
			return m.log(t0, e)
		}
	}
	for name, c := range map[string]struct {
		log  func(*machine) *raft.Log
		want func(any) bool
	}{
		"storage": {unknown(func(e *command.Envelope) { e.Kind = "test.storage" }), func(p any) bool { _, ok := p.(table.Failure); return ok }},
		"kind":    {unknown(func(e *command.Envelope) { e.Kind = "test.none" }), undecodable},
		"version": {unknown(func(e *command.Envelope) { e.Version = 2 }), undecodable},
		"field":   {unknown(func(e *command.Envelope) { e.Payload = codec.MustEncode(map[string]int{"new": 1}) }), undecodable},
		"payload": {unknown(func(e *command.Envelope) { e.Payload = codec.MustEncode(7) }), undecodable},
		"entry":   {func(m *machine) *raft.Log { l := m.log(t0); l.Data = []byte("x"); return l }, undecodable},
		"field of entry": {func(m *machine) *raft.Log {
			l := m.log(t0)
			l.Data = codec.MustEncode(map[string]int{"x": 1})
			return l
		}, undecodable},
		"trailing bytes": {func(m *machine) *raft.Log { l := m.log(t0); l.Data = append(l.Data, 0); return l }, undecodable},
		"nothing in it":  {func(m *machine) *raft.Log { l := m.log(t0); l.Data = nil; return l }, undecodable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := start(t)
			defer func() {
				if p := recover(); !c.want(p) {
					t.Errorf("it did not stop rightly: %v", p)
				}
				if m.Applied() != 0 {
					t.Error("something was committed")
				}
			}()
			m.Apply(c.log(m))
		})
	}
}

func undecodable(p any) bool {
	err, ok := p.(error)
	return ok && errors.Is(err, command.ErrUndecodable)
}

// Answers go after two minutes of state time, so their number is that of the busiest two minutes and a little.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	m := start(t)
	answers := func() (n int) {
		v := m.View()
		defer v.Close()
		for range state.Answers.All(v, "") {
			n++
		}
		return n
	}
	most := 0
	for s := range 600 {
		m.one(t0.Add(time.Duration(s)*time.Second), "test.add", struct{}{})
		most = max(most, answers())
	}
	if most < 121 || most > 123 {
		t.Errorf("at one command a second there are up to %d answers", most)
	}
	// The same when the process was restarted in between, which forgets where it stopped: see TestReplayBatches.
	m.one(t0.Add(600*time.Second), "clock.advance", node.ClockArgs{To: t0.Add(20 * time.Minute)})
	for range 20 {
		m.one(t0.Add(20*time.Minute), "test.add", struct{}{})
	}
	if n := answers(); n > 21 {
		t.Errorf("long after, %d answers are left", n)
	}
}

// What was answered stands in the store alone: with thousands of commands a second, two minutes of answers would be the larger
// part of a node's memory.
func TestAnswersDoNotStayInMemory(t *testing.T) {
	t.Parallel()
	m := start(t)
	first := weak.Make(&m.one(t0, "test.long", 100).Body[0])
	m.one(t0, "test.add", struct{}{})
	for range 100 { // a collection may begin just before the last user of the answer is done with it
		if runtime.GC(); first.Value() == nil {
			runtime.KeepAlive(m)
			return
		}
	}
	t.Error("an answer stays in memory after it was given")
	runtime.KeepAlive(m)
}

// Long answers of one entry are remembered in several rows, within the entry and after it; and an answer that has to stay
// for long, to a clock that is far ahead, keeps no other one from being forgotten.
func TestLongAnswers(t *testing.T) {
	t.Parallel()
	m := start(t)
	m.one(t0, "test.add", struct{}{})
	ahead := m.envelope("clock.advance", t0.Add(1000*time.Hour), node.ClockArgs{To: t0.Add(-time.Hour)})
	if r := m.entry(t0, ahead); kind(r[0]) != "invalid" {
		t.Fatalf("an advance into the past: %v", r)
	}
	var es []command.Envelope
	for range 9 {
		es = append(es, m.envelope("test.long", t0, 100_000))
	}
	first := m.entry(t0, append(es, es...)...)
	for _, r := range [][]command.Result{first[9:], m.entry(t0, es...)} {
		if !reflect.DeepEqual(first[:9], r) { // a diff of a megabyte takes half a minute under the race detector
			t.Error("asked again it is another answer")
		}
	}
	rows := func() (n int) {
		v := m.View()
		defer v.Close()
		for a := range state.Answers.All(v, "") {
			n++
			if size := len(codec.MustEncode(a)); size > 512<<10 {
				t.Errorf("a row of %d bytes", size)
			}
		}
		return n
	}
	if n := rows(); n != 5 {
		t.Errorf("%d rows, not three for the long ones and two", n)
	}
	m.one(t0.Add(3*time.Minute), "test.add", struct{}{})
	if n := rows(); n != 2 {
		t.Errorf("%d rows are left, not the one of the clock and the last", n)
	}
}

// However raft batches the entries, and wherever the node restarts, state and state hash at a multiple of 4096, or right after it, are
// equal.
func TestReplayBatches(t *testing.T) {
	t.Parallel()
	gen := start(t)
	var log []*raft.Log
	gen.index = 4000
	for n := range 200 {
		if gen.index == 4095 {
			gen.index++ // an entry of raft's own, which no state machine sees: the next one counts
		}
		k := command.Kind([]string{"test.add", "test.deny", "test.panic"}[n%3])
		at := t0.Add(time.Duration(n) * 3 * time.Second)
		log = append(log, gen.log(at, gen.envelope(k, at, struct{}{})))
	}
	want, single := fsm.HashAt{}, start(t)
	for _, l := range log {
		single.Apply(l)
	}
	if want = single.LastHash(); want.Index != 4097 {
		t.Fatalf("the hash was taken at %v", want)
	}
	for _, size := range []int{2, 7, 96, 97, 200} {
		dir := t.TempDir()
		m := openLevel(t, dir, fsm.Level)
		var got fsm.HashAt
		for i := 0; i < len(log); i += size {
			m.ApplyBatch(log[i:min(i+size, len(log))])
			if h := m.LastHash(); h.Index != 0 {
				got = h
			}
			if i/size == 2 {
				if err := m.Close(); err != nil {
					t.Fatal(err)
				}
				m = openLevel(t, dir, fsm.Level)
			}
		}
		if got != want {
			t.Errorf("batches of %d: the hash is %v, not %v", size, got, want)
		}
		if diff := cmp.Diff(fsmtest.Dump(single.FSM), fsmtest.Dump(m)); diff != "" {
			t.Errorf("batches of %d: %s", size, diff)
		}
		v := m.View()
		if v.StateHash() != v.Scrub() {
			t.Errorf("batches of %d: the hash is not that of the rows", size)
		}
		v.Close()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Wait returns when the index is there, and says Unavailable when its time is over; Changed wakes at each commit.
func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := start(t)
		changed := m.Changed()
		waited := make(chan error, 1)
		go func() { waited <- m.Wait(t.Context(), 2) }()
		m.one(t0, "test.add", struct{}{})
		select {
		case <-changed:
		default:
			t.Error("a commit woke nobody")
		}
		synctest.Wait()
		select {
		case err := <-waited:
			t.Errorf("waiting for 2 ended at 1: %v", err)
		default:
		}
		m.one(t0, "test.add", struct{}{})
		if err := <-waited; err != nil {
			t.Error(err)
		}
		if err := m.Wait(t.Context(), 1); err != nil {
			t.Errorf("an index of the past: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Wait(ctx, 99); !model.Is(err, model.Unavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("too long: %v", err)
		}
	})
}

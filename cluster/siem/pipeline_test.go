package siem

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofre/fsm/audit"
	"cofre/fsm/model"
)

func TestSendsOnlyWhatIsOurs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail, r := newMemory(), &receiver{}
		trail.add("n1", "n2", "n1", "n3", "n2", "n1", "n1")
		p := pipe(t, trail, r, dir, nil)
		during(t, p, func() {
			synctest.Wait()
			trail.add("n2", "n1")
			time.Sleep(settleTime * 2)
			synctest.Wait()
			if s := p.status(); s.Position != 9 || s.Sent != 5 || s.Error != "" {
				t.Errorf("%+v", s)
			}
		})
		if diff := cmp.Diff([]uint64{1, 3, 6, 7, 9}, r.seqs()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAdoptsTheDeadAndGivesThemBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail, r := newMemory(), &receiver{}
		trail.add("n1", "n2", "n2", "n1", "n2", "n3")
		var mu sync.Mutex
		var dead []Adoption
		set := func(a ...Adoption) { mu.Lock(); dead = a; mu.Unlock() }
		p := pipe(t, trail, r, dir, func() []Adoption { mu.Lock(); defer mu.Unlock(); return slices.Clone(dead) })
		during(t, p, func() {
			time.Sleep(settleTime * 2)
			set(Adoption{Node: "n2", From: 2}) // its receivers have event 2
			time.Sleep(adoptionEvery * 2)
			trail.add("n2", "n1")
			time.Sleep(adoptionEvery)
			set() // n2 is back and sends for itself
			time.Sleep(adoptionEvery * 2)
			trail.add("n2", "n1")
			time.Sleep(adoptionEvery)
		})
		if diff := cmp.Diff([]uint64{1, 4, 3, 5, 7, 8, 10}, r.seqs()); diff != "" {
			t.Error(diff)
		}
		at, err := p.cursor.Load()
		if err != nil || len(at) != 1 || at["n1"] != 10 {
			t.Errorf("cursor %v, %v", at, err)
		}
	})
}

// storeFirst is the wrong order: the cursor moves before the events are sent.
type storeFirst struct {
	*receiver
	cursor Cursor
}

func (s *storeFirst) Send(ctx context.Context, batch []audit.Event) error {
	if err := s.cursor.Store(positions{"n1": batch[len(batch)-1].Seq}); err != nil {
		return err
	}
	return s.receiver.Send(ctx, batch)
}

// crashing is a cursor of a process that dies at its first Store.
type crashing struct {
	Cursor
	die func()
}

func (c crashing) Store(positions) error {
	c.die()
	return errors.New("the process is gone")
}

func TestCrashBetweenSendAndStoreRepeatsAndLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail, r := newMemory(), &receiver{}
		trail.add("n1", "n1", "n1")
		ctx, die := context.WithCancel(t.Context())
		p := pipe(t, trail, r, dir, nil)
		p.cursor = crashing{p.cursor, die}
		p.run(ctx)
		during(t, pipe(t, trail, r, dir, nil), func() { time.Sleep(settleTime * 2) })
		if diff := cmp.Diff([]uint64{1, 2, 3, 1, 2, 3}, r.seqs()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestStoreBeforeSendLoses is the positive control: the same crash with the wrong order must lose the batch.
func TestStoreBeforeSendLoses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail, r := newMemory(), &receiver{}
		trail.add("n1", "n1", "n1")
		ctx, die := context.WithCancel(t.Context())
		r.send = func([]audit.Event) error { die(); return errors.New("the process is gone") }
		p := pipe(t, trail, r, dir, nil)
		p.sink = &storeFirst{r, p.cursor}
		p.run(ctx)
		r.send = nil
		during(t, pipe(t, trail, r, dir, nil), func() { trail.add("n1"); time.Sleep(settleTime * 2) })
		if got := r.seqs(); !slices.Equal(got, []uint64{4}) {
			t.Errorf("storing before sending was expected to lose events 1 to 3, but %v arrived: the crash test proves nothing", got)
		}
	})
}

func TestWhatDidNotSettleComesAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail, r := newMemory(), &receiver{}
		broken := errors.New("the receiver ended the connection")
		r.settled = func() (bool, error) { err := broken; broken = nil; return err == nil, err }
		trail.add("n1", "n1")
		p := pipe(t, trail, r, dir, nil)
		during(t, p, func() {
			time.Sleep(settleTime + time.Millisecond)
			synctest.Wait()
			if s := p.status(); !strings.Contains(s.Error, "ended the connection") || s.Position != 0 {
				t.Errorf("%+v", s)
			}
			time.Sleep(2 * settleTime)
		})
		if diff := cmp.Diff([]uint64{1, 2, 1, 2}, r.seqs()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNothingAcknowledgedMeansReconnect(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail, r := newMemory(), &receiver{}
		r.settled = func() (bool, error) { return false, nil }
		trail.add("n1")
		p := pipe(t, trail, r, dir, nil)
		during(t, p, func() {
			time.Sleep(p.timeout + 2*settleTime)
			synctest.Wait()
			if s := p.status(); s.Error == "" || s.Position != 0 || len(r.seqs()) < 2 {
				t.Errorf("%+v, %v", s, r.seqs())
			}
		})
	})
}

func TestBacksOffAndRecovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail, r := newMemory(), &receiver{}
		tries, down := 0, true
		r.send = func([]audit.Event) error {
			tries++
			if down {
				return errors.New("no route")
			}
			return nil
		}
		trail.add("n1")
		p := pipe(t, trail, r, dir, nil)
		during(t, p, func() {
			time.Sleep(time.Hour)
			r.mu.Lock()
			if tries < 10 || tries > 75 {
				t.Errorf("%d tries in an hour", tries)
			}
			down = false
			r.mu.Unlock()
			time.Sleep(lastPause + 2*settleTime)
			if s := p.status(); s.Error != "" || s.Position != 1 {
				t.Errorf("%+v", s)
			}
		})
	})
}

// TestPausesBeginAnew: a receiver that took something after it failed for long is tried again soon when it fails again.
func TestPausesBeginAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail, r := newMemory(), &receiver{}
		var tries []time.Time
		down := true
		r.send = func([]audit.Event) error {
			tries = append(tries, time.Now())
			if down {
				return errors.New("no route")
			}
			return nil
		}
		set := func(to bool) {
			r.mu.Lock()
			defer r.mu.Unlock()
			tries, down = nil, to
		}
		trail.add("n1")
		during(t, pipe(t, trail, r, dir, nil), func() {
			time.Sleep(time.Hour)
			set(false)
			time.Sleep(lastPause + 2*settleTime)
			set(true)
			trail.add("n1")
			time.Sleep(10 * time.Second)
			r.mu.Lock()
			defer r.mu.Unlock()
			if len(tries) < 3 || tries[1].Sub(tries[0]) > 2*firstPause {
				t.Errorf("tried at %v", tries)
			}
		})
	})
}

func TestAcknowledgesSeldomAndOnlyNews(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail := newMemory()
		fast, slow, local := &receiver{}, &receiver{}, &receiver{}
		blocked := true
		slow.send = func(b []audit.Event) error {
			if blocked && b[len(b)-1].Seq > 3 {
				return errors.New("stalled")
			}
			return nil
		}
		local.send = func([]audit.Event) error { return errors.New("no /dev/log") }
		var acks []uint64
		f := &Forwarder{o: Options{Log: quiet(), Ack: func(_ context.Context, _ model.NodeID, seq uint64) error { acks = append(acks, seq); return nil }}}
		for i, s := range []Sink{fast, slow, local} {
			p := pipe(t, trail, s, filepath.Join(dir), nil)
			p.cursor = &FileCursor{Path: filepath.Join(dir, []string{"fast", "slow", "local"}[i])}
			p.counts = s != local
			f.pipes = append(f.pipes, p)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = f.Run(ctx) })
		trail.add("n1", "n2", "n1")
		time.Sleep(time.Minute)
		trail.add("n1", "n1")
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]uint64{3}, acks); diff != "" {
			t.Errorf("the slowest receiver decides, the local syslog does not: %s", diff)
		}
		slow.mu.Lock()
		blocked = false
		slow.mu.Unlock()
		time.Sleep(2 * lastPause)
		synctest.Wait()
		if diff := cmp.Diff([]uint64{3, 5}, acks); diff != "" {
			t.Error(diff)
		}
		cancel()
		wg.Wait()
	})
}

// TestAcknowledgesForTheDead: who sends a dead node's events tells how far its receivers are with them, but only when every
// receiver that counts has adopted it.
func TestAcknowledgesForTheDead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail := newMemory()
		dead := func() []Adoption { return []Adoption{{Node: "n2", From: 1}} }
		acks := positions{}
		var mu sync.Mutex // guards acks
		f := &Forwarder{o: Options{Log: quiet(), Ack: func(_ context.Context, node model.NodeID, seq uint64) error {
			mu.Lock()
			defer mu.Unlock()
			acks[node] = seq
			return nil
		}}}
		for _, name := range []string{"a", "b"} {
			p := pipe(t, trail, &receiver{}, dir, dead)
			p.cursor, p.counts = &FileCursor{Path: filepath.Join(dir, name)}, true
			f.pipes = append(f.pipes, p)
		}
		third := pipe(t, trail, &receiver{}, dir, nil) // knows nothing of the dead node
		third.cursor = &FileCursor{Path: filepath.Join(dir, "c")}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = f.Run(ctx) })
		trail.add("n2", "n2", "n1", "n3", "n2")
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		if diff := cmp.Diff(positions{"n1": 5, "n2": 5}, acks); diff != "" {
			t.Error(diff)
		}
		mu.Unlock()
		cancel()
		wg.Wait()

		f.pipes, third.counts = append(f.pipes, third), true
		third.arrived(positions{"n1": 4})
		if diff := cmp.Diff(positions{"n1": 4}, f.positions()); diff != "" {
			t.Errorf("a receiver that the dead node's events do not reach yet: %s", diff)
		}
	})
}

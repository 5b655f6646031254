package siem

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"

	"cofre/fsm/audit"
)

// TestWhatWaitedBeforeAFailureIsForgotten: a connection ends before a batch has settled on it. The batch comes again, and settles anew: how
// long ago it was sent the first time proves nothing.
func TestWhatWaitedBeforeAFailureIsForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail, r := newMemory(), &receiver{}
		sends := 0
		r.send = func([]audit.Event) error {
			if sends++; sends == 2 {
				return errors.New("the receiver ended the connection")
			}
			return nil
		}
		trail.add("n1")
		p := pipe(t, trail, r, dir, nil)
		during(t, p, func() {
			time.Sleep(settleTime / 2)
			trail.add("n1")
			time.Sleep(settleTime) // the first batch would have settled, had its connection lived
			synctest.Wait()
			if diff := cmp.Diff([]uint64{1, 1, 2}, r.seqs()); diff != "" || p.status().Position != 0 {
				t.Errorf("%+v %s", p.status(), diff)
			}
			time.Sleep(settleTime)
			synctest.Wait()
			if p.status().Position != 2 {
				t.Errorf("%+v", p.status())
			}
		})
	})
}

// TestOnlyWhatSettledIsStored: the cursor follows what settled, not what was sent a moment ago.
func TestOnlyWhatSettledIsStored(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail := newMemory()
		trail.add("n1")
		p := pipe(t, trail, &receiver{}, dir, nil)
		during(t, p, func() {
			time.Sleep(settleTime * 3 / 4)
			trail.add("n1")
			for _, want := range []uint64{1, 2} {
				time.Sleep(settleTime * 3 / 4)
				synctest.Wait()
				if at, err := p.cursor.Load(); err != nil || at["n1"] != want || p.status().Position != want {
					t.Errorf("stored %v, %v; want %d", at, err, want)
				}
			}
		})
	})
}

// TestGapIsTold: what was removed from the trail before a receiver got it is told, and sending goes on behind it.
func TestGapIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail, r := newMemory(), &receiver{}
		trail.add("n1", "n1", "n1", "n1")
		log, hook := logrustest.NewNullLogger()
		p := pipe(t, pruned{trail, 2}, r, dir, nil)
		p.o.Log = log
		during(t, p, func() { time.Sleep(2 * settleTime) })
		if diff := cmp.Diff([]uint64{3, 4}, r.seqs()); diff != "" {
			t.Error(diff)
		}
		if e := hook.LastEntry(); e == nil || e.Level != logrus.ErrorLevel || !strings.Contains(e.Message, "events 1 to 2 were removed") {
			t.Errorf("told: %+v", e)
		}
	})
}

// TestBeginningFromNowIsKept: a receiver that is new begins with what happens from now on, and that stays so when the process ends before it
// sent anything.
func TestBeginningFromNowIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail, r := newMemory(), &receiver{}
		trail.add("n1", "n1")
		for range 2 {
			p := pipe(t, trail, r, dir, nil)
			if err := p.fromNow(); err != nil {
				t.Fatal(err)
			}
			trail.add("n1") // it ends here the first time
			if trail.Last() == 4 {
				during(t, p, func() { time.Sleep(2 * settleTime) })
			}
		}
		if diff := cmp.Diff([]uint64{3, 4}, r.seqs()); diff != "" {
			t.Error(diff)
		}
	})
}

// pruned is a trail without its beginning.
type pruned struct {
	*memory
	upto uint64
}

func (p pruned) Events(after uint64, limit int) ([]audit.Event, error) {
	return p.memory.Events(max(after, p.upto), limit)
}

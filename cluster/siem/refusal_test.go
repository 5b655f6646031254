package siem

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm/audit"
	"cofre/fsm/model"
)

// picky is a receiver in virtual time; answer says what it thinks of an event.
type picky struct {
	answer func(e *audit.Event) error

	mu    sync.Mutex // guards what follows
	took  []uint64
	asked int
}

func (p *picky) got() []uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.took)
}

func (p *picky) deliver(_ context.Context, events []audit.Event) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range events {
		p.asked++
		if err := p.answer(&events[i]); err != nil {
			return i, err
		}
		p.took = append(p.took, events[i].Seq)
	}
	return len(events), nil
}

// telling runs a pipeline of results in a bubble until the test ends, over a trail that holds n ends of operations.
func telling(t *testing.T, n int, p *picky) (pipe *pipeline, trail *memory, log *bytes.Buffer) {
	t.Helper()
	trail, log = newMemory(), &bytes.Buffer{}
	trail.finish("n1", slices.Repeat([]model.OperationState{model.OpSucceeded}, n)...)
	l := logrus.New()
	l.Out = log
	pipe, stop := life(t, p, Options{Node: "n1", Trail: trail, Dir: t.TempDir(), Log: l})
	t.Cleanup(stop)
	return pipe, trail, log
}

// life runs a pipeline until stop, as one life of a node does.
func life(t *testing.T, p *picky, o Options) (pipe *pipeline, stop func()) {
	t.Helper()
	r := newResults(p.deliver, func() {})
	pipe, err := newPipeline("hook", r, o)
	if err != nil {
		t.Fatal(err)
	}
	r.aside, r.refused, pipe.settle = pipe.setAside, pipe.refusals(), 0
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { pipe.run(ctx); close(done) }()
	return pipe, func() { cancel(); <-done }
}

// rest lets time pass and everything come to its end.
func rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

var errNo = refusal{errors.New("the receiver answers 400")}

func TestOneRefusedEventIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &picky{answer: func(e *audit.Event) error {
			if e.Seq == 3 || e.Seq == 4 || e.Seq == 9 {
				return errNo
			}
			return nil
		}}
		pipe, trail, log := telling(t, 8, p)
		rest(refusedFor - time.Minute)
		if s := pipe.status(); !slices.Equal(p.got(), []uint64{1, 2}) || s.Aside != 0 || !strings.Contains(s.Error, "400") {
			t.Fatalf("%v, %+v", p.got(), s)
		}
		rest(3 * time.Minute) // the third has its time; the fourth was refused for the first time now
		if s := pipe.status(); !slices.Equal(p.got(), []uint64{1, 2, 5, 6, 7, 8}) || s.Aside != 1 || s.Error == "" {
			t.Fatalf("%v, %+v", p.got(), s)
		}
		rest(refusedFor + 3*time.Minute)
		if s := pipe.status(); s.Aside != 1 || s.Position == 8 {
			t.Fatalf("nothing later came, so that nobody knows whether the receiver works: %+v", s)
		}
		trail.finish("n1", model.OpDead, model.OpSucceeded)
		rest(2 * time.Minute)
		if s := pipe.status(); s.Aside != 2 || !slices.Contains(p.got(), 10) {
			t.Fatalf("%v, %+v", p.got(), s)
		}
		rest(refusedFor + 3*time.Minute)
		trail.finish("n1", model.OpSucceeded)
		rest(2 * time.Minute)
		s := pipe.status()
		if s.Aside != 3 || s.Position != 11 || s.Error != "" || !slices.Equal(p.got(), []uint64{1, 2, 5, 6, 7, 8, 10, 11}) {
			t.Fatalf("%v, %+v", p.got(), s)
		}
		for _, want := range []string{"event 3 (operation.finished) is set aside", "event 4 ", "event 9 ", "evt_9_"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log does not say %q: %s", want, log)
			}
		}
	})
}

// TestNothingIsSetAsideUnlessTheReceiverWorks: one that refuses all or is busy gets everything in the end.
func TestNothingIsSetAsideUnlessTheReceiverWorks(t *testing.T) {
	busy := errors.New("the receiver answers 503")
	for name, answer := range map[string]func(p *picky, well bool, e *audit.Event) error{
		"refuses all": func(_ *picky, well bool, _ *audit.Event) error {
			if well {
				return nil
			}
			return errNo
		},
		"is busy with one": func(_ *picky, well bool, e *audit.Event) error {
			if !well && e.Seq == 3 {
				return busy
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, p := time.Now(), &picky{}
				p.answer = func(e *audit.Event) error { return answer(p, time.Since(start) > 20*time.Hour, e) }
				pipe, _, _ := telling(t, 40, p)
				rest(21 * time.Hour)
				gotAll(t, pipe, p, 40)
			})
		})
	}
}

// TestReceiverComesBackWithinALook: whenever it does, it gets everything, once.
func TestReceiverComesBackWithinALook(t *testing.T) {
	for back := 240; back < 300; back++ {
		synctest.Test(t, func(t *testing.T) {
			p := &picky{}
			p.answer = func(*audit.Event) error {
				if p.asked < back {
					return errNo
				}
				return nil
			}
			pipe, _, _ := telling(t, 20, p)
			rest(6 * time.Hour)
			gotAll(t, pipe, p, 20)
		})
	}
}

func gotAll(t *testing.T, pipe *pipeline, p *picky, n int) {
	t.Helper()
	got := p.got()
	slices.Sort(got)
	if s := pipe.status(); s.Aside != 0 || s.Error != "" || len(got) != n || len(slices.Compact(got)) != n {
		t.Errorf("%v, %+v", got, s)
	}
}

// TestRefusalsOutliveARestart: the hours go on while a node restarts again and again; a file that somebody damaged begins them anew.
func TestRefusalsOutliveARestart(t *testing.T) {
	for name, damage := range map[string]bool{"restarts": false, "restarts with a damaged file": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &picky{answer: func(e *audit.Event) error {
					if e.Seq == 2 {
						return errNo
					}
					return nil
				}}
				trail, l := newMemory(), logrus.New()
				l.Out = &bytes.Buffer{}
				trail.finish("n1", slices.Repeat([]model.OperationState{model.OpSucceeded}, 4)...)
				o := Options{Node: "n1", Trail: trail, Dir: t.TempDir(), Log: l}
				for range 3 {
					pipe, stop := life(t, p, o)
					rest(refusedFor/3 - time.Minute)
					if s := pipe.status(); s.Aside != 0 || !slices.Equal(slices.Compact(p.got()), []uint64{1}) {
						t.Fatalf("%+v, %v", s, p.got())
					}
					stop()
					if damage {
						if err := os.WriteFile(filepath.Join(o.Dir, "audit-hook.refused"), []byte("{"), 0o600); err != nil {
							t.Fatal(err)
						}
					}
				}
				pipe, stop := life(t, p, o)
				defer stop()
				rest(6 * time.Minute)
				want := uint64(1)
				if damage {
					want = 0
				}
				if s := pipe.status(); s.Aside != want {
					t.Errorf("%+v, %v; want %d", s, p.got(), want)
				}
			})
		})
	}
}

// TestRefusalsOutliveALeader: the event of a dead node is refused while this node leads and tells for it. Another one leads for a while, and this
// node tells its own meanwhile; when it leads again, the hours have gone on.
func TestRefusalsOutliveALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &picky{answer: func(e *audit.Event) error {
			if e.Seq == 2 {
				return errNo
			}
			return nil
		}}
		trail, l := newMemory(), logrus.New()
		l.Out = &bytes.Buffer{}
		trail.finish("n1", model.OpSucceeded)
		trail.finish("dead", model.OpSucceeded)
		var leads atomic.Bool
		leads.Store(true)
		pipe, stop := life(t, p, Options{Node: "n1", Trail: trail, Dir: t.TempDir(), Log: l, Adopted: func() []Adoption {
			if leads.Load() {
				return []Adoption{{Node: "dead"}}
			}
			return nil
		}})
		defer stop()
		rest(time.Hour)
		leads.Store(false)
		rest(2 * time.Minute)
		trail.finish("n1", model.OpSucceeded)
		rest(2 * time.Hour)
		if s := pipe.status(); s.Error != "" || !slices.Contains(p.got(), 3) {
			t.Fatalf("its own are not told: %+v, %v", s, p.got())
		}
		leads.Store(true)
		rest(time.Hour)
		trail.finish("n1", model.OpSucceeded)
		rest(3 * time.Minute)
		if s := pipe.status(); s.Aside != 1 || !slices.Contains(p.got(), 4) {
			t.Errorf("%+v, %v", s, p.got())
		}
	})
}

package cluster_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"cofre/cluster"
	"cofre/cluster/clustertest"
	"cofre/cluster/rpc"
	"cofre/fsm/codec"
	"cofre/fsm/model"
)

// TestOthersRemember: a node whose data were put back from an older copy does not start where another member answers that knows better,
// and stops as soon as one answers. The controls: the same node on its own data, also after a power cut that left its rows behind its
// log, and members that do not remember.
func TestOthersRemember(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ back, alone, power, forgetful, refused, stops bool }{
		"an older copy": {back: true, refused: true},
		"an older copy, and nobody answers first": {back: true, alone: true, stops: true},
		"its own data":                           {},
		"its own data, and nobody answers first": {alone: true},
		"its own data after a power cut":         {power: true},
		"nobody remembers":                       {back: true, forgetful: true},
	} {
		t.Run(name, func(t *testing.T) {
			three(t, clustertest.Options{Real: true, Forgetful: c.forgetful}, func(t *testing.T, cl *clustertest.Cluster) {
				cl.Found()
				write := func() {
					for range 5 {
						if _, err := cl.Leader("c").Proposer.Propose(cl.Context(time.Minute), clustertest.NoteCommand("x")); err != nil {
							t.Fatal(err)
						}
					}
					<-time.After(7 * time.Second) // c has told how far it is
				}
				write()
				cl.Stop("c")
				putBack := cl.Keep("c")
				cl.Restart("c")
				write()
				if c.power {
					cl.Crash("c")
				} else {
					cl.Stop("c")
				}
				if c.back {
					putBack()
				}
				if c.alone {
					cl.Isolate("c")
				}
				m, err := cl.TryRestart("c")
				if errors.Is(err, cluster.ErrPutBack) != c.refused || !c.refused && err != nil {
					t.Fatalf("its start: %v", err)
				}
				if c.refused {
					return
				}
				end := make(chan error, 1)
				m.Go(func() { end <- m.Divergence(func(string) {}).Run(m.Context()) })
				<-time.After(5 * time.Second)
				cl.Rejoin("c")
				select {
				case err := <-end:
					if !c.stops || !errors.Is(err, cluster.ErrPutBack) {
						t.Errorf("it ended with %v", err)
					}
				case <-time.After(20 * time.Second):
					if c.stops {
						t.Error("it goes on")
					}
				}
			})
		})
	}
}

// through asks a handler as another member would.
type through struct{ handler rpc.Handler }

func (c through) Call(ctx context.Context, _ model.NodeID, _ rpc.Method, args, out any) error {
	answer, err := c.handler(ctx, "n1", codec.MustEncode(args))
	if err != nil {
		return err
	}
	return codec.Decode(codec.MustEncode(answer), out)
}

// TestRecall: what a process tells counts against a later one only, a hash report before that one made any, and a message that comes
// late against none.
func TestRecall(t *testing.T) {
	t.Parallel()
	var applied, report uint64
	process := func() *cluster.Recall {
		return cluster.NewRecall(func() uint64 { return applied }, func(model.NodeID) uint64 { return 0 })
	}
	peer := through{cluster.NewRecall(nil, func(model.NodeID) uint64 { return report }).Handler()}
	before := func(r *cluster.Recall, began uint64) error {
		return r.Before(t.Context(), peer, []model.NodeID{"n2"}, began)
	}
	found := func(r *cluster.Recall) uint64 {
		select {
		case index := <-r.PutBack():
			return index
		default:
			return 0
		}
	}
	first := process()
	applied = 100
	first.Tell(t.Context(), peer, "n2")
	applied = 90 // what is told goes back after a power cut, and what was told stays true
	first.Tell(t.Context(), peer, "n2")
	if found(first) != 0 {
		t.Error("its own word against itself")
	}
	if err := before(process(), 99); !errors.Is(err, cluster.ErrPutBack) {
		t.Errorf("one entry is missing: %v", err)
	}
	if err := before(process(), 0); err != nil {
		t.Errorf("a new node: %v", err)
	}
	second := process()
	if err := before(second, 100); err != nil {
		t.Errorf("all is there: %v", err)
	}
	applied = 200
	second.Tell(t.Context(), peer, "n2")
	first.Tell(t.Context(), peer, "n2") // late
	second.Tell(t.Context(), peer, "n2")
	if index := found(second); index != 0 {
		t.Errorf("its own entry %d against itself, after a late message", index)
	}
	late := process() // Before reached nobody
	late.Tell(t.Context(), peer, "n2")
	if index := found(late); index != 200 {
		t.Errorf("told later: %d", index)
	}
	report = 300
	if err := before(process(), 299); !errors.Is(err, cluster.ErrPutBack) {
		t.Errorf("behind its hash report: %v", err)
	}
	if err := before(process(), 300); err != nil {
		t.Errorf("at its hash report: %v", err)
	}
}

// members answers as several members would, each after its time.
type members map[model.NodeID]struct {
	handler rpc.Handler
	after   time.Duration
}

func (m members) Call(ctx context.Context, id model.NodeID, method rpc.Method, args, out any) error {
	select {
	case <-time.After(m[id].after):
		return through{m[id].handler}.Call(ctx, id, method, args, out)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestStartWithASilentHost: a start waits for a host that does not answer no longer than for what it may still learn: briefly once a
// majority remembered it, and for all of its time while nobody does.
func TestStartWithASilentHost(t *testing.T) {
	t.Parallel()
	const never = time.Hour
	for name, c := range map[string]struct {
		knows   []uint64 // what each other member heard of the process before; 0: nothing
		after   []time.Duration
		refused bool
		takes   time.Duration
	}{
		"all answer":                       {[]uint64{100, 100}, []time.Duration{0, 0}, false, 0},
		"one is silent":                    {[]uint64{100, 100}, []time.Duration{0, never}, false, 300 * time.Millisecond},
		"the other one remembers nothing":  {[]uint64{0, 100}, []time.Duration{0, never}, false, 2 * time.Second},
		"all are silent":                   {[]uint64{100, 100}, []time.Duration{never, never}, false, 2 * time.Second},
		"one of five is silent":            {[]uint64{100, 100, 100, 100}, []time.Duration{0, 0, 0, never}, false, 300 * time.Millisecond},
		"one of five answers":              {[]uint64{100, 100, 100, 100}, []time.Duration{0, never, never, never}, false, 2 * time.Second},
		"who answers later knows better":   {[]uint64{100, 101}, []time.Duration{0, 299 * time.Millisecond}, true, 299 * time.Millisecond},
		"alone, and slow, it knows better": {[]uint64{0, 101}, []time.Duration{0, time.Second}, true, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				call, ids := members{}, []model.NodeID{"n2", "n3", "n4", "n5"}[:len(c.knows)]
				for i, id := range ids {
					handler := cluster.NewRecall(nil, func(model.NodeID) uint64 { return 0 }).Handler()
					if c.knows[i] > 0 {
						cluster.NewRecall(func() uint64 { return c.knows[i] }, nil).Tell(t.Context(), through{handler}, id)
					}
					call[id] = struct {
						handler rpc.Handler
						after   time.Duration
					}{handler, c.after[i]}
				}
				began := time.Now()
				err := cluster.NewRecall(nil, nil).Before(t.Context(), call, ids, 100)
				if errors.Is(err, cluster.ErrPutBack) != c.refused || !c.refused && err != nil {
					t.Errorf("its start: %v", err)
				}
				if took := time.Since(began); took != c.takes {
					t.Errorf("it took %s, want %s", took, c.takes)
				}
			})
		})
	}
}

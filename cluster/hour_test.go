package cluster_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"cofre/cluster/clustertest"
	"cofre/fsm/audit"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

var (
	hours = flag.Uint64("hours", 1, "how many hours of cluster time to play, each from a seed of its own")
	hour  = flag.Uint64("hour", 1, "the first seed")
	limit = flag.Duration("hour-limit", 4*time.Minute, "real time after which an hour of cluster time ends early: a machine that is busy otherwise plays it ten times more slowly")
)

// realTime is the machine's clock, which a bubble of virtual time does not replace.
func realTime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // never fails for this clock
	return time.Duration(ts.Nano())
}

// TestHour plays an hour of a cluster in virtual time: real raft, scheduler and state on a file system that loses power,
// with partitions (also one way), crashes and a member that goes and another that comes. The faults come from the seed;
// raft's own timing does not, so that a seed tells the same faults, not the same story. With -short it is ten minutes.
func TestHour(t *testing.T) {
	t.Parallel()
	for seed := *hour; seed < *hour+*hours; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { playHour(t, seed) })
		})
	}
}

func playHour(t *testing.T, seed uint64) {
	c := clustertest.Start(t, clustertest.Options{Real: true, Seed: seed, Snapshots: 200, Trailing: 50}, "a", "b", "c", "d")
	defer c.Close()
	w := clustertest.NewWork(c, 4)
	rng := rand.New(rand.NewPCG(seed, 13))
	length := time.Hour
	if testing.Short() {
		length = 10 * time.Minute
	}
	begun, end, faults := realTime(), time.Now().Add(length), map[string]int{}
	look := func(settled bool) {
		t.Helper()
		for _, m := range c.Members() {
			for _, bad := range w.Inspect(m, settled) {
				t.Fatalf("%s after %d changes and %v: %s", m.ID, w.Changes(), faults, bad)
			}
		}
	}
	for time.Now().Before(end) && realTime()-begun < *limit {
		members := c.Members()
		victim := members[rng.IntN(len(members))].ID
		w.Request(members[rng.IntN(len(members))])
		switch kind := rng.IntN(5); kind {
		case 0:
			faults["crash"]++
			c.Crash(victim)
			<-time.After(time.Duration(rng.IntN(60)) * time.Second)
			w.Start(c.Restart(victim))
		case 1:
			faults["partition"]++
			c.Isolate(victim)
			<-time.After(time.Duration(rng.IntN(60)) * time.Second)
			c.Rejoin(victim)
		case 2:
			faults["one way"]++
			for _, m := range members {
				c.Network.Cut(victim, m.ID)
			}
			<-time.After(time.Duration(rng.IntN(30)) * time.Second)
			c.Rejoin(victim)
		case 3:
			faults["membership"]++
			leader := c.Leader()
			if victim != leader.ID {
				_ = leader.Node.Remove(c.Context(10*time.Second), victim)
				<-time.After(20 * time.Second)
				c.Await("it votes again", func() bool {
					return c.Leader().Node.Promote(c.Context(10*time.Second), victim, string(victim)) == nil
				})
			}
		default:
			faults["stop"]++
			c.Stop(victim)
			w.Start(c.Restart(victim))
		}
		<-time.After(time.Duration(30+rng.IntN(60)) * time.Second)
		look(false)
	}
	played := length - max(0, time.Until(end))
	c.Await("the states are equal and nothing is at work", func() bool {
		idle, views := true, []*table.View{}
		for _, m := range c.Members() {
			v := m.Replica.View()
			defer v.Close()
			views = append(views, v)
			for range state.Operations.Range(v, "lease", "", "\xff") {
				idle = false
			}
		}
		return idle && len(clustertest.Differ(views...)) == 0
	})
	look(true)
	t.Logf("seed %d: %s played in %s, %d changes, faults %v, log index %d", seed, played.Round(time.Second), (realTime() - begun).Round(time.Second), w.Changes(), faults, c.Leader().Replica.Applied())
	if want := int(50 * played / time.Hour); w.Changes() < want {
		t.Errorf("only %d changes", w.Changes())
	}
}

// TestBreaches plants each breach: one that is not reported would mean that the invariants prove nothing.
func TestBreaches(t *testing.T) {
	t.Parallel()
	leased := func(id, target string, slot int) *model.Operation {
		return &model.Operation{ID: model.OperationID(id), Number: uint64(len(id) + slot*10), DedupKey: id, State: model.OpLeased, Target: model.TargetRef{ID: target}, Lease: &model.Lease{Node: "a", Slot: slot}}
	}
	for name, plant := range map[string]func(tx *table.Tx){
		"nothing": func(*table.Tx) {},
		"two on one target": func(tx *table.Tx) {
			state.Operations.Put(tx, leased("x", "c", 0))
			state.Operations.Put(tx, leased("yy", "c", 1))
		},
		"two on one slot": func(tx *table.Tx) {
			state.Operations.Put(tx, leased("x", "c", 0))
			state.Operations.Put(tx, leased("yy", "d", 0))
		},
		"a hole in the trail": func(tx *table.Tx) {
			for range 3 {
				tx.Emit(audit.AuditGap.With("from", "1", "to", "2"))
			}
			table.Audit.Delete(tx, table.NumberKey(2))
		},
		"a result applied twice": func(tx *table.Tx) {
			for range 2 {
				tx.Emit(audit.OperationFinished.With("operation", "x", "number", "1", "state", "succeeded", "kind", "verify", "target", "c", "attempts", "1"))
			}
		},
		"a lost version": func(tx *table.Tx) {
			state.Credentials.Put(tx, &model.Credential{ID: "c", Identifier: "c", Versions: []model.SecretVersion{{N: 1, Secret: model.Sealed{Box: []byte("old")}}}})
		},
	} {
		h, err := table.OpenHome(t.TempDir(), state.Schema, table.Options{})
		if err != nil {
			t.Fatal(err)
		}
		b := h.Store().Begin()
		plant(b.Tx(table.Stamp{}))
		b.Commit()
		v := h.View()
		bad := clustertest.Breaches(v)
		if name == "a lost version" {
			bad = append(bad, clustertest.Lost(v, map[string]string{"c": "new"})...)
		}
		if (len(bad) > 0) != (name != "nothing") {
			t.Errorf("%s: %v", name, bad)
		}
		v.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestDiffer plants one row that only one of three replicas has, and one that differs in a single field.
func TestDiffer(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(tx *table.Tx){
		"nothing": func(*table.Tx) {},
		"a row": func(tx *table.Tx) {
			state.Credentials.Put(tx, &model.Credential{ID: "d", Identifier: "d", Username: "d"})
		},
		"a field":    func(tx *table.Tx) { state.Credentials.Put(tx, &model.Credential{ID: "c", Identifier: "c", LastN: 1}) },
		"a lost row": func(tx *table.Tx) { state.Credentials.Delete(tx, "c") },
		"an event":   func(tx *table.Tx) { tx.Emit(audit.AuditGap.With("from", "1", "to", "2")) },
	} {
		var views []*table.View
		for i := range 3 {
			h, err := table.OpenHome(t.TempDir(), state.Schema, table.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := h.Close(); err != nil {
					t.Error(err)
				}
			})
			b := h.Store().Begin()
			state.Credentials.Put(b.Tx(table.Stamp{}), &model.Credential{ID: "c", Identifier: "c"})
			if i == 2 {
				plant(b.Tx(table.Stamp{}))
			}
			b.Commit()
			views = append(views, h.View())
		}
		if bad := clustertest.Differ(views...); (len(bad) == 1) != (name != "nothing") {
			t.Errorf("%s: %v", name, bad)
		}
		for _, v := range views {
			v.Close()
		}
	}
}

package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"cofre/cluster"
	"cofre/cluster/clustertest"
	"cofre/fsm"
	"cofre/fsm/audit"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/fsm/trail"
)

// astray replaces audit.note by one that goes astray.
func astray(name string) []command.Feature {
	out := make([]command.Feature, len(fsm.Features))
	for i, f := range fsm.Features {
		out[i] = command.Feature{Name: f.Name}
		for _, d := range f.Commands {
			if d.Kind() == trail.Note.Kind() {
				d = clustertest.Astray{Erased: d, Name: name}
			}
			out[i].Commands = append(out[i].Commands, d)
		}
	}
	return out
}

// Of members whose states differ, the one that a majority disagrees with ends; without a majority there is an alarm only.
func TestDivergence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wrong []model.NodeID
		ends  []model.NodeID
		alarm string
	}{
		"all are equal": {},
		"one differs":   {wrong: []model.NodeID{"b"}, ends: []model.NodeID{"b"}, alarm: audit.NodeDiverged.Kind},
		"none agrees":   {wrong: []model.NodeID{"b", "c"}, alarm: audit.StatesDiffer.Kind},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "one differs" {
				t.Skip("thousands of log entries on three nodes: the race detector sees them in one case")
			}
			binary := func(id model.NodeID) (uint16, []command.Feature) {
				for _, w := range c.wrong {
					if w == id {
						return fsm.Level, astray(string(id))
					}
				}
				return fsm.Level, fsm.Features
			}
			three(t, clustertest.Options{Real: true, Binary: binary}, func(t *testing.T, cl *clustertest.Cluster) {
				cl.Found()
				ended := map[model.NodeID]string{}
				var mu sync.Mutex
				for _, m := range cl.Members() {
					d := m.Divergence(func(reason string) {
						mu.Lock()
						defer mu.Unlock()
						ended[m.ID] = reason
					})
					m.Go(func() {
						if err := d.Run(m.Context()); err != nil && m.Context().Err() == nil && !errors.Is(err, cluster.ErrDiverged) {
							t.Errorf("%s: %v", m.ID, err)
						}
					})
				}
				one := cl.Leader().Proposer
				for cl.Leader().Replica.Applied() < 4200 {
					if _, err := one.Propose(cl.Context(time.Minute), clustertest.NoteCommand("x")); err != nil {
						t.Fatal(err)
					}
				}
				<-time.After(5 * time.Second)
				mu.Lock()
				defer mu.Unlock()
				if len(ended) != len(c.ends) {
					t.Errorf("quarantined themselves: %v", ended)
				}
				for _, id := range c.ends {
					if ended[id] == "" {
						t.Errorf("%s goes on", id)
					}
				}
				v := cl.Member("a").Replica.View()
				defer v.Close()
				alarms := 0
				for e := range table.Audit.All(v, "") {
					if e.Kind == audit.NodeDiverged.Kind || e.Kind == audit.StatesDiffer.Kind {
						if alarms++; e.Kind != c.alarm {
							t.Errorf("event %s", e.Kind)
						}
					}
				}
				if (alarms > 0) != (c.alarm != "") {
					t.Errorf("%d alarms", alarms)
				}
			})
		})
	}
}

// next is what a newer binary knows besides: a verb, and a field in a new version of a verb.
type nextArgs struct {
	Name  string `cbor:"name"`
	Added string `cbor:"added"`
}

func next() []command.Feature {
	verb := command.Define("test.next", 1, func(tx *table.Tx, _ command.Meta, a nextArgs) (uint64, error) {
		return state.Next(tx, "next-"+a.Added), nil
	}).Since(2)
	field := command.Define(trail.Note.Kind(), 2, func(tx *table.Tx, m command.Meta, a nextArgs) (uint64, error) {
		return state.Next(tx, "note-"+a.Added), nil
	}).Since(2)
	return append([]command.Feature{{Name: "next", Commands: []command.Erased{verb, field}}}, fsm.Features...)
}

// TestRollover replaces the binaries one by one under load. Until the last one is replaced nothing above the old level
// enters the log; then the level rises by itself. An older binary does not start any more.
func TestRollover(t *testing.T) {
	var mu sync.Mutex
	replaced := map[model.NodeID]bool{}
	binary := func(id model.NodeID) (uint16, []command.Feature) {
		mu.Lock()
		defer mu.Unlock()
		if replaced[id] {
			return 2, next()
		}
		return 1, fsm.Features
	}
	three(t, clustertest.Options{Real: true, Binary: binary, Snapshots: 60, Trailing: 20}, func(t *testing.T, c *clustertest.Cluster) {
		c.Found()
		raise := func(m *clustertest.Member) {
			m.Go(func() {
				m.Node.EachTerm(m.Context(), func(ctx context.Context, term uint64) {
					(&cluster.Level{Members: m.Levels, Every: time.Second}).Raise(ctx, m.Proposer.TermBound(term))
				})
			})
		}
		for _, m := range c.Members() {
			raise(m)
		}
		load := func(round int) {
			var wg sync.WaitGroup
			for w := range 4 {
				wg.Go(func() {
					for i := range 15 {
						members := c.Members()
						_, _ = members[(w+i)%len(members)].Proposer.Propose(c.Context(20*time.Second), clustertest.NoteCommand(fmt.Sprintf("%d/%d/%d", round, w, i)))
					}
				})
			}
			defer wg.Wait()
			<-time.After(20 * time.Millisecond)
			if round == 0 {
				return
			}
			id := []model.NodeID{"a", "b", "c"}[round-1]
			c.Stop(id) // under load
			mu.Lock()
			replaced[id] = true
			mu.Unlock()
			raise(c.Restart(id))
			c.Announce(id)
		}
		above := []command.Envelope{
			{Kind: "test.next", Version: 1, Payload: codec.MustEncode(nextArgs{"n", "verb"})},
			{Kind: trail.Note.Kind(), Version: 2, Payload: codec.MustEncode(nextArgs{"n", "field"})},
		}
		for round := range 4 {
			load(round)
			c.Await("equal states", func() bool {
				hashes := map[table.Hash]bool{}
				for _, m := range c.Members() {
					v := m.Replica.View()
					hashes[v.StateHash()] = true
					if v.StateHash() != v.Scrub() {
						t.Errorf("%s: the rows do not have the hash that was kept", m.ID)
					}
					v.Close()
				}
				return len(hashes) == 1
			})
			if round < 3 {
				for _, m := range c.Members() {
					for _, e := range above {
						if _, err := m.Proposer.Propose(c.Context(5*time.Second), e); !model.Is(err, model.Unavailable) && !model.Is(err, model.Invalid) {
							t.Errorf("after %d of 3, %s took %s version %d: %v", round, m.ID, e.Kind, e.Version, err)
						}
					}
				}
			}
		}
		c.Await("the level rises", func() bool { _, level := c.Leader().Levels(); return level == 2 })
		for _, m := range c.Members() {
			for _, e := range above {
				if r, err := m.Proposer.Propose(c.Context(20*time.Second), e); err != nil || r.Err != nil {
					t.Errorf("after the rollover, %s refused %s version %d: %v %v", m.ID, e.Kind, e.Version, err, r.Err)
				}
			}
		}
		c.Stop("b")
		if err := c.Opens("b", 1, fsm.Features); err == nil {
			t.Error("a binary below the level starts")
		}
		c.Restart("b")
	})
}

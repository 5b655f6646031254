package clustertest_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofre/cluster/clustertest"
	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/table"
)

// aging runs a real cluster of three with work, whose state holds what time can end.
func aging(t *testing.T, o clustertest.Options, test func(t *testing.T, c *clustertest.Cluster, w *clustertest.Work)) {
	o.Real = true
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, o, "a", "b", "c")
		defer c.Close()
		w := clustertest.NewWork(c, 4)
		w.Aging()
		for _, m := range c.Members() {
			w.Sweep(m)
		}
		c.Await("the clocks are compared", func() bool {
			for _, m := range c.Members() {
				if _, known := m.Clock.Offset(); !known {
					return false
				}
			}
			return true
		})
		test(t, c, w)
	})
}

// photo checks that all replicas show the same and that state time is near the true time, then finds what they show.
func photo(t *testing.T, c *clustertest.Cluster) (shown clustertest.Photo, wrong string) {
	t.Helper()
	shown = clustertest.PhotoOf(c.Leader())
	c.Await("the replicas are equal", func() bool {
		shown = clustertest.PhotoOf(c.Leader())
		for _, m := range c.Members() {
			if !cmp.Equal(shown, clustertest.PhotoOf(m)) {
				return false
			}
		}
		return true
	})
	if off := c.Leader().Time().Sub(model.TimeOf(time.Now())); off > 2*time.Second || off < -9*time.Minute || shown.Frozen {
		wrong = fmt.Sprintf("state time is %s off the true time, frozen: %v", off, shown.Frozen)
	}
	return shown, wrong
}

// unchanged insists that time ended nothing, while right members go on working.
func unchanged(t *testing.T, c *clustertest.Cluster, w *clustertest.Work, before clustertest.Photo, when string, wrong ...model.NodeID) {
	t.Helper()
	for _, m := range c.Members() {
		if len(wrong) > 0 && m.ID == wrong[0] {
			continue
		}
		r, err := m.Proposer.Propose(c.Context(30*time.Second), clustertest.NoteCommand(when))
		if err != nil || r.Err != nil {
			t.Errorf("%s: a command of %s, whose clock is right: %v, %v", when, m.ID, err, r.Err)
		}
	}
	after, off := photo(t, c)
	if off != "" {
		t.Fatalf("%s: %s", when, off)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("%s: (-before +after)\n%s", when, diff)
	}
	for _, m := range c.Members() {
		for _, bad := range w.Inspect(m, true) {
			t.Errorf("%s: %s: %s", when, m.ID, bad)
		}
	}
}

// times is how often a test repeats what it does: once with -short, as under the race detector, which makes this ten times slower.
func times(n int) int {
	if testing.Short() {
		return 1
	}
	return n
}

var wrongClocks = map[string]time.Duration{"80 years ahead": clustertest.YearsAhead, "a day behind": clustertest.DayBehind}

// A follower with a wrong clock rules nothing: it is named unfit, its own commands are refused, everybody else works.
func TestFollowersWrongClock(t *testing.T) {
	for name, ahead := range wrongClocks {
		t.Run(name, func(t *testing.T) {
			aging(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster, w *clustertest.Work) {
				leader, wrong := c.Leader(), c.Follower()
				before, _ := photo(t, c)
				c.SetClock(wrong.ID, ahead)
				<-time.After(3 * time.Minute)
				if c.Leader() != leader {
					t.Error("the leader went because of a follower's clock")
				}
				if r, err := wrong.Proposer.Propose(c.Context(30*time.Second), clustertest.NoteCommand("wrong")); err != nil || r.Err == nil || r.Err.Kind != model.Expired {
					t.Errorf("a command with a wrong clock's date: %v, %v", err, r.Err)
				}
				if !unfit(t, c, wrong.ID) {
					t.Error("the status does not name the wrong clock")
				}
				w.Revoke(leader.ID, "another", time.Hour) // forgets tokens that ended
				before.Tokens = append([]string{"another"}, before.Tokens...)
				unchanged(t, c, w, before, name, wrong.ID)

				changes := w.Changes()
				w.Request(leader)
				w.Rest()
				if n := w.Changes() - changes; n < 3 { // one account waits for an operation already
					t.Errorf("%d passwords were changed beside a wrong clock", n)
				}
				c.SetClock(wrong.ID, 0)
				c.Await("it is fit again", func() bool { return !unfit(t, c, wrong.ID) })
			})
		})
	}
}

func unfit(t *testing.T, c *clustertest.Cluster, id model.NodeID) bool {
	t.Helper()
	all, err := c.Leader().Gather(c.Context(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.ID == id && m.Status != nil {
			return m.Status.Unfit
		}
	}
	t.Fatalf("%s does not answer", id)
	return false
}

// A leader whose clock steps while it leads proposes nothing from that moment on, whenever the clocks were compared last,
// and another leads within seconds.
func TestLeadersClockSteps(t *testing.T) {
	steps := maps.Clone(wrongClocks)
	steps["5 minutes ahead"] = 5 * time.Minute // Apply would take this one
	for name, ahead := range steps {
		t.Run(name, func(t *testing.T) {
			aging(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster, w *clustertest.Work) {
				before, _ := photo(t, c)
				for i := range times(10) { // clocks and state time are looked at every 5 s, each at its own moment
					<-time.After(5*time.Second + time.Duration(i)*470*time.Millisecond)
					wrong := c.Leader()
					now, _ := wrong.Node.Leadership()
					c.SetClock(wrong.ID, ahead)
					stepped := time.Now()
					_, err := command.Propose(c.Context(time.Second), wrong.Proposer.TermBound(now.Term), credential.Prune,
						model.Actor{Kind: model.ActorSystem, Name: "test"}, credential.PruneArgs{Credential: w.Credentials(wrong)[0]})
					if !model.Is(err, model.Unavailable) && !model.Is(err, model.Fenced) {
						t.Errorf("a leader whose clock has stepped was given a command: %v", err)
					}
					next := c.Leader(wrong.ID)
					if took := time.Since(stepped); took > 4*time.Second {
						t.Errorf("another leads after %s", took)
					}
					<-time.After(20 * time.Second)
					if !unfit(t, c, wrong.ID) || c.Leader() != next {
						t.Error("the status does not name the wrong clock, or leadership went on")
					}
					unchanged(t, c, w, before, fmt.Sprintf("%s, step %d", name, i), wrong.ID)
					c.SetClock(wrong.ID, 0)
					c.Await("it is fit again", func() bool { return !unfit(t, c, wrong.ID) })
				}
			})
		})
	}
}

// A node with a wrong clock that is elected, also fresh from its start, gives leadership away and leaves no trace.
func TestElectedWithAWrongClock(t *testing.T) {
	for name, ahead := range wrongClocks {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/restarted %v", name, restarted), func(t *testing.T) {
				aging(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster, w *clustertest.Work) {
					before, _ := photo(t, c)
					for i := range times(4) {
						wrong := c.Follower()
						c.SetClock(wrong.ID, ahead)
						if restarted {
							c.Crash(wrong.ID)
							wrong = c.Restart(wrong.ID)
							w.Start(wrong)
							w.Sweep(wrong)
						}
						c.Await("it is elected", func() bool {
							_ = c.Leader().Node.TransferLeader(c.Context(time.Second), wrong.ID)
							now, _ := wrong.Node.Leadership()
							return now.Leading
						})
						elected := time.Now()
						c.Leader(wrong.ID)
						if took := time.Since(elected); took > 10*time.Second {
							t.Errorf("another leads after %s", took)
						}
						<-time.After(20 * time.Second)
						unchanged(t, c, w, before, fmt.Sprintf("%s, election %d", name, i), wrong.ID)
						c.SetClock(wrong.ID, 0)
						c.Await("it is fit again", func() bool { return !unfit(t, c, wrong.ID) })
					}
				})
			})
		}
	}
}

// Control: where the clocks are not compared, one leader's clock takes state time 80 years ahead.
func TestClocksThatAreNotCompared(t *testing.T) {
	aging(t, clustertest.Options{Blind: true}, func(t *testing.T, c *clustertest.Cluster, _ *clustertest.Work) {
		c.SetClock(c.Leader().ID, clustertest.YearsAhead)
		<-time.After(20 * time.Second)
		if _, off := photo(t, c); off == "" {
			t.Error("state time did not move: the other tests would not see it either")
		}
	})
}

// due insists that what time ended is gone, in the order of its dates, and that so many passwords are changed.
func due(t *testing.T, c *clustertest.Cluster, w *clustertest.Work, before clustertest.Photo, passwords int) {
	t.Helper()
	changes := w.Changes()
	c.ConfirmTime(c.Leader().ID)
	c.Await("the due passwords are changed", func() bool { return w.Changes()-changes >= passwords })
	w.Rest()
	w.Revoke(c.Leader().ID, "another", time.Hour)
	c.Await("it is swept", func() bool {
		p := clustertest.PhotoOf(c.Leader())
		return len(p.Custodies) == 0 && p.FirstEvent > before.FirstEvent && p.Operations["1"] == "" && len(p.Versions[string(w.Credentials(c.Leader())[0])]) < 3
	})
	after, _ := photo(t, c)
	if diff := cmp.Diff([]string{"another", "meanwhile"}, after.Tokens); diff != "" {
		t.Errorf("tokens (-want +got)\n%s", diff)
	}
	for _, m := range c.Members() {
		for _, bad := range w.Lost(m) { // the trail has lost its beginning, as it should
			t.Errorf("%s: %s", m.ID, bad)
		}
	}
}

// frozen insists that nothing ends before the time is confirmed, not even when it is asked for.
func frozen(t *testing.T, c *clustertest.Cluster, w *clustertest.Work, before clustertest.Photo, jump time.Duration) {
	t.Helper()
	c.Await("state time is advanced", func() bool { return clustertest.PhotoOf(c.Leader()).Frozen })
	<-time.After(10 * time.Minute)
	leader := c.Leader()
	now, _ := leader.Node.Leadership()
	for _, id := range w.Credentials(leader) { // a scheduler that looked just before the jump proposes this
		_, _ = command.Propose(c.Context(10*time.Second), leader.Proposer.TermBound(now.Term), operation.Request,
			model.Actor{Kind: model.ActorSystem, Name: "scheduler"}, operation.RequestArgs{Credential: id, Kind: model.PasswordChange, Trigger: "expiry"})
	}
	w.Revoke(leader.ID, "meanwhile", time.Hour)
	want := before
	want.Frozen, want.Tokens = true, append([]string{"meanwhile"}, before.Tokens...)
	after, _ := photo(t, c)
	if jump > 200*24*time.Hour { // what a person scheduled for a moment that has come begins without a confirmation
		want.Operations["9"] = strings.Replace(want.Operations["9"], "uncertain", "succeeded", 1)
	}
	if advanced, confirmed := jumps(c); advanced != 1 || confirmed != 0 {
		t.Errorf("%d steps of state time in the trail, %d confirmed", advanced, confirmed)
	}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("before the time is confirmed (-want +got)\n%s", diff)
	}
}

// Control of all above: the same state, all clocks ahead, and an operator who confirms it: everything ends.
func TestAllClocksMove(t *testing.T) {
	aging(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster, w *clustertest.Work) {
		before, _ := photo(t, c)
		for _, m := range c.Members() {
			c.SetClock(m.ID, clustertest.YearsAhead)
		}
		frozen(t, c, w, before, clustertest.YearsAhead)
		due(t, c, w, before, 3)
	})
}

// A whole cluster that was off for three months, of which one may come back with a wrong clock: state time is advanced once,
// when a majority agrees; what fell due meanwhile waits for an operator's word, and then begins.
func TestOffForMonths(t *testing.T) {
	const off = 92 * 24 * time.Hour
	cases := map[string]time.Duration{"all agree": 0, "one is 80 years ahead": clustertest.YearsAhead, "one lost its time": -off}
	if testing.Short() {
		delete(cases, "all agree")
		delete(cases, "one lost its time")
	}
	for name, ahead := range cases {
		t.Run(name, func(t *testing.T) {
			aging(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster, w *clustertest.Work) {
				before, _ := photo(t, c)
				wrong := c.Leader().ID // it has the longest log or an equal one: it may well be elected
				c.Crash(c.Follower().ID)
				for _, m := range c.Members() {
					c.Stop(m.ID)
				}
				<-time.After(off)
				c.SetClock(wrong, ahead)
				for _, id := range []model.NodeID{"a", "b", "c"} {
					m := c.Restart(id)
					w.Start(m)
					w.Sweep(m)
				}
				back := time.Now()
				c.Await("state time is advanced", func() bool { return clustertest.PhotoOf(c.Leader()).Frozen })
				if took := time.Since(back); took > 20*time.Second {
					t.Errorf("state time is advanced after %s", took)
				}
				if behind := model.TimeOf(time.Now()).Sub(c.Leader().Time()); behind.Abs() > 10*time.Second {
					t.Errorf("state time is %s behind", behind)
				}
				frozen(t, c, w, before, off)
				due(t, c, w, before, 4)
				begun := map[string]bool{}
				for _, o := range clustertest.PhotoOf(c.Leader()).Operations {
					if f := strings.Fields(o); f[2] == "expiry" {
						begun[f[0]] = true
					}
				}
				want := map[string]bool{}
				for _, id := range w.Credentials(c.Leader()) { // the fourth too: what waits for its own, later moment stands for nothing
					want[string(id)] = true
				}
				if diff := cmp.Diff(want, begun); diff != "" {
					t.Errorf("changes that fell due (-want +got)\n%s", diff)
				}
			})
		})
	}
}

// jumps counts what the trail says of state time.
func jumps(c *clustertest.Cluster) (advanced, confirmed int) {
	v := c.Leader().Replica.View()
	defer v.Close()
	for e := range table.Audit.All(v, "") {
		switch e.Kind {
		case audit.ClockAdvanced.Kind:
			advanced++
		case audit.ClockConfirmed.Kind:
			confirmed++
		}
	}
	return advanced, confirmed
}

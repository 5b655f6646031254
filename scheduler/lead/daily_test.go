package lead_test

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/lead"
)

// TestDaysAreSummedUp: each day that ends is told once, with what is counted on a view, also by a new leader.
func TestDaysAreSummedUp(t *testing.T) {
	t.Parallel()
	m, p := waiting(t)
	log := logrus.New()
	log.SetOutput(io.Discard)
	now := p.Now()
	p.Now = func() model.Time { return now }
	c := lead.Config{Proposer: p, View: m.View, Now: p.Now, Log: logrus.NewEntry(log)}
	told := func() (days []string) {
		v := m.View()
		defer v.Close()
		for _, kind := range []string{audit.CredentialDaily.Kind, audit.OperationDaily.Kind} {
			for e := range table.Audit.By(v, "kind", kind) {
				days = append(days, e.Field("day")+" "+e.Field("total")+e.Field("waiting")+e.Field("succeeded"))
			}
		}
		return days
	}
	for range 3 {
		lead.SumUp(t.Context(), c)
		lead.SumUp(t.Context(), c)
		to := now.Add(24 * time.Hour)
		if _, err := command.Propose(t.Context(), p, node.AdvanceClock, model.Actor{Kind: model.ActorSystem}, node.ClockArgs{To: to}); err != nil {
			t.Fatal(err)
		}
		now = to
	}
	// The first day of a cluster is not told. One change waits in the script's state.
	day := func(before int) string { return now.Std().UTC().AddDate(0, 0, -before).Format(time.DateOnly) }
	if want := []string{day(3) + " 11", day(2) + " 11", day(3) + " 0", day(2) + " 0"}; !slices.Equal(told(), want) {
		t.Errorf("%q, want %q", told(), want)
	}
}

// counted counts what is proposed.
type counted struct {
	command.Proposer
	proposed int
}

func (c *counted) Propose(ctx context.Context, e command.Envelope) (command.Result, error) {
	c.proposed++
	return c.Proposer.Propose(ctx, e)
}

// TestDaysOfAFarClock: a leader whose clock is far off sums up the day that ended in state time, once, and reads no credential for another.
func TestDaysOfAFarClock(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{0, 80 * 365 * 24 * time.Hour, -24 * time.Hour, -80 * 365 * 24 * time.Hour} {
		m, p := waiting(t)
		log := logrus.New()
		log.SetOutput(io.Discard)
		now, c := p.Now(), &counted{Proposer: p}
		for range 3 {
			lead.SumUp(t.Context(), lead.Config{Proposer: c, View: m.View, Now: func() model.Time { return now.Add(off) }, Log: logrus.NewEntry(log)})
		}
		v := m.View()
		if told, want := state.Automation(v).Told, model.DayOf(now)-model.Time(model.Day); c.proposed != 1 || told != want {
			t.Errorf("a clock %s off: proposed %d times, told %d, want %d", off, c.proposed, told, want)
		}
		v.Close()
	}
}

package lead_test

import (
	"io"
	"slices"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
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

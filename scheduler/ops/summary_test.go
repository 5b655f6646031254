package ops

import (
	"testing"
	"time"

	"cofre/fsm/authz"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// TestManagedCredentialIsCountedOnce: as what it is, in the vendor's words (product.md 1.15).
func TestManagedCredentialIsCountedOnce(t *testing.T) {
	t.Parallel()
	automatic := model.Execution{Automatic: true}
	for _, c := range []struct {
		row     model.Credential
		open    bool
		overdue bool
		want    Counts
	}{
		{model.Credential{}, true, false, Counts{NotManaged: 1}},
		{model.Credential{Execution: automatic}, false, false, Counts{Managed: 1, Updated: 1}},
		{model.Credential{Execution: automatic}, false, true, Counts{Managed: 1, Expired: 1}},
		{model.Credential{Execution: automatic}, true, true, Counts{Managed: 1, Waiting: 1}},
		{model.Credential{Execution: automatic, RestUntil: 20}, false, false, Counts{Managed: 1, Failed: 1}}, // the target refused; the old secret holds
		{model.Credential{Execution: automatic, RestUntil: 20}, true, false, Counts{Managed: 1, Waiting: 1}},
		{model.Credential{Execution: automatic, Sync: model.SyncOutOfSync}, false, false, Counts{Managed: 1, Failed: 1}},
	} {
		c.want.Total = 1
		var got Counts
		if got.add(&c.row, c.open, c.overdue); got != c.want {
			t.Errorf("%+v, open %t: %+v, want %+v", c.row.Execution, c.open, got, c.want)
		}
	}
}

// TestSummaryOfADay: a day has what ended on it, whenever that was made; a change that waits for the window of its policy is overdue.
func TestSummaryOfADay(t *testing.T) {
	t.Parallel()
	h, err := table.OpenHome(t.TempDir(), state.Schema, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	day := model.Time(model.Day)
	at := 100*day + day/2
	b := h.Store().Begin()
	tx := b.Tx(table.Stamp{})
	state.Policies.Put(tx, &model.Policy{ID: "nightly", Name: "nightly", Enabled: true, MaxAge: model.Day, Window: model.Window{Hours: []model.HourSpan{{From: 22, To: 23}}}})
	for i, id := range []model.CredentialID{"waits", "fresh"} {
		c := &model.Credential{ID: id, Number: uint64(1 + i), Identifier: string(id), Username: string(id), Enabled: true, Policy: "nightly", ChangedAt: at - 2*day,
			Execution: model.Execution{Automatic: true, Started: true, Executor: "ssh"}, RotateAt: at + 1} // put off until the window opens
		if id == "fresh" {
			c.ChangedAt = at - 1
		}
		state.Credentials.Put(tx, c)
	}
	for i, o := range []model.Operation{
		{CreatedAt: at - 30*day, FinishedAt: 100 * day, State: model.OpSucceeded},
		{CreatedAt: 100*day - 1, FinishedAt: at, State: model.OpDead},
		{CreatedAt: 99 * day, FinishedAt: 100*day - 1, State: model.OpSucceeded},
		{CreatedAt: at, FinishedAt: at, State: model.OpSucceeded, Kind: model.Verify},
		{CreatedAt: at - 30*day, State: model.OpReady},
	} {
		o.ID, o.Number, o.DedupKey, o.Target = model.OperationID(rune('a'+i)), uint64(1+i), string(rune('a'+i)), model.TargetRef{Kind: model.TargetCredential, ID: "fresh"}
		state.Operations.Put(tx, &o)
	}
	b.Commit()
	v := h.View()
	defer v.Close()
	s := Summarize(v, at, 2, func(*authz.Object) bool { return true })
	if len(s.Days) != 2 || s.Days[0].Succeeded != 1 || s.Days[1].Succeeded != 1 || s.Days[1].Failed != 1 || s.Days[1].Date != at.Std().UTC().Format(time.DateOnly) {
		t.Errorf("%+v", s.Days)
	}
	if s.All.Expired != 1 || s.All.Waiting != 1 {
		t.Errorf("%+v", s.All)
	}
}

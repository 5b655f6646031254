package access

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"cofre/fsm/audit"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// TestTrail: what is found by time, kind and place is what a walk over every event finds, in both orders and page by page,
// also where old events are pruned and where many events have the same time.
func TestTrail(t *testing.T) {
	t.Parallel()
	h, err := table.OpenHome(t.TempDir(), state.Schema, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	const events, pruned = 300, 40
	kinds := []audit.Draft{audit.CredentialRead.With("credential", "c1"), audit.CredentialRead.With("credential", "c2"), audit.OperationFenced.With("operation", "o1")}
	b := h.Store().Begin()
	for i := range events {
		tx := b.Tx(table.Stamp{At: model.Time(1000 + i/7*10)})
		tx.Emit(kinds[i%len(kinds)])
	}
	for i := range pruned {
		table.Audit.Delete(b.Tx(table.Stamp{}), table.NumberKey(uint64(i+1)))
	}
	b.Commit()
	v := h.Store().View()
	t.Cleanup(v.Close)
	var all []*audit.Event
	for e := range table.Audit.All(v, "") {
		all = append(all, e)
	}
	if len(all) != events-pruned {
		t.Fatalf("%d events", len(all))
	}
	chance := rand.New(rand.NewPCG(1, 2))
	moment := func() model.Time {
		return []model.Time{0, 1, model.Time(1000 + chance.IntN(events/7*10+20)), 1 << 40}[chance.IntN(4)]
	}
	found := 0
	for range 3000 {
		w := Trail{Kind: []string{"", audit.CredentialRead.Kind, audit.OperationFenced.Kind, "no.such"}[chance.IntN(4)], Since: moment(), Until: moment(), Newest: chance.IntN(2) == 0,
			After: []uint64{0, 1, uint64(chance.IntN(events + 10)), 1 << 62}[chance.IntN(4)]}
		var want, got []uint64
		for _, e := range all {
			behind := w.After == 0 || e.Seq > w.After && !w.Newest || e.Seq < w.After && w.Newest
			if behind && (w.Kind == "" || e.Kind == w.Kind) && e.At >= w.Since && (w.Until == 0 || e.At < w.Until) {
				want = append(want, e.Seq)
			}
		}
		if w.Newest {
			slices.Reverse(want)
		}
		for e := range w.walk(v) {
			got = append(got, e.Seq)
		}
		if found += len(want); !slices.Equal(got, want) {
			t.Fatalf("%+v: %v instead of %v", w, got, want)
		}
	}
	if found < 100*events {
		t.Error(fmt.Sprint("the questions find next to nothing: ", found))
	}
}

// BenchmarkTrail asks for the newest event of a rare kind.
func BenchmarkTrail(b *testing.B) {
	h, err := table.OpenHome(b.TempDir(), state.Schema, table.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = h.Close() })
	batch := h.Store().Begin()
	for i := range 100_000 {
		tx := batch.Tx(table.Stamp{At: model.Time(i)})
		if tx.Emit(audit.CredentialRead.With("credential", "c1")); i == 50_000 {
			tx.Emit(audit.OperationFenced.With("operation", "o1"))
		}
	}
	batch.Commit()
	v := h.Store().View()
	b.Cleanup(v.Close)
	for b.Loop() {
		w := Trail{Kind: audit.OperationFenced.Kind, Since: 40_000, Newest: true}
		for range w.walk(v) {
			break
		}
	}
}

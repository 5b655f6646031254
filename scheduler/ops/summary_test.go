package ops

import (
	"testing"

	"cofre/fsm/model"
)

// TestManagedCredentialIsCountedOnce: as what it is, in the vendor's words (product.md 1.15).
func TestManagedCredentialIsCountedOnce(t *testing.T) {
	t.Parallel()
	automatic := model.Execution{Automatic: true}
	for _, c := range []struct {
		row  model.Credential
		open bool
		want Counts
	}{
		{model.Credential{}, true, Counts{NotManaged: 1}},
		{model.Credential{Execution: automatic}, false, Counts{Managed: 1, Updated: 1}},
		{model.Credential{Execution: automatic, RotateAt: 11}, false, Counts{Managed: 1, Updated: 1}},
		{model.Credential{Execution: automatic, RotateAt: 10}, false, Counts{Managed: 1, Expired: 1}},
		{model.Credential{Execution: automatic, RotateAt: 10}, true, Counts{Managed: 1, Waiting: 1}},
		{model.Credential{Execution: automatic, RotateAt: 20, RestUntil: 20}, false, Counts{Managed: 1, Failed: 1}}, // the target refused; the old secret holds
		{model.Credential{Execution: automatic, RestUntil: 20}, true, Counts{Managed: 1, Waiting: 1}},
		{model.Credential{Execution: automatic, Sync: model.SyncOutOfSync}, false, Counts{Managed: 1, Failed: 1}},
	} {
		c.want.Total = 1
		var got Counts
		if got.add(&c.row, c.open, 10); got != c.want {
			t.Errorf("%+v, open %t: %+v, want %+v", c.row.Execution, c.open, got, c.want)
		}
	}
}

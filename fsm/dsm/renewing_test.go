package dsm_test

import (
	"fmt"
	"testing"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Of the secrets that renew the users of a profile, the rarest decides how long those live. It is found at once.
func TestSlowestRenewal(t *testing.T) {
	t.Parallel()
	h, err := table.OpenHome(t.TempDir(), state.Schema, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	b := h.Store().Begin()
	tx := b.Tx(table.Stamp{})
	defer b.Drop()
	put := func(n uint64, every int64, enabled bool, profiles ...model.ProfileID) {
		state.DSMSecrets.Put(tx, &model.DSMSecret{ID: model.DSMSecretID(fmt.Sprint("s", n)), Number: n, Identity: fmt.Sprint("s", n), Enabled: enabled, RenewEphemeral: every, Profiles: profiles})
	}
	want := func(p model.ProfileID, n uint64) {
		t.Helper()
		s, ok := state.SlowestRenewal(tx, p)
		if ok != (n != 0) || ok && s.Number != n {
			t.Errorf("%s: secret %+v, want %d", p, s, n)
		}
	}
	put(1, 600_000, true, "app")
	put(2, 7_200_000, true, "app", "other")
	put(3, 1_200_000, true, "app")
	put(4, 0, true, "app", "apps")
	put(5, 90_000_000, true, "apps")
	put(6, 8_000_000, false, "other")
	want("app", 2)
	want("other", 6) // disabled: it may be enabled again
	want("apps", 5)
	want("ap", 0)
	put(2, 0, true, "app", "other")
	want("app", 3)
	put(3, 1_200_000, true, "other")
	want("app", 1)
}

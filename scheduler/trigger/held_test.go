package trigger_test

import (
	"fmt"
	"testing"

	"cofre/fsm/model"
	"cofre/fsm/table"
	"cofre/scheduler/trigger"
)

// TestHeldLooksAtWhatMayBeHeld: while changes are stopped or frozen, thousands may wait that people asked for. They are held back by
// nothing, and the scheduler would read them all in each round.
func TestHeldLooksAtWhatMayBeHeld(t *testing.T) {
	const asked = 3000
	v := view(t, func(tx *table.Tx) {
		automation(tx, func(a *model.Automation) { a.Stopped = 1 })
		for i := range asked {
			opened(tx, model.CredentialID(fmt.Sprint(i)), model.OpReady, func(o *model.Operation) { o.Kind, o.NotBefore, o.Requester = model.PasswordChange, 5, "x" })
		}
		opened(tx, "due", model.OpReady, func(o *model.Operation) { o.Kind, o.NotBefore = model.PasswordChange, 5 })
	})
	if n := testing.AllocsPerRun(3, func() {
		if due := trigger.Held(v, now, 256); len(due) != 1 {
			t.Errorf("held: %v", due)
		}
	}); n > asked/2 {
		t.Errorf("%v allocations: it reads what nothing holds back", n)
	}
}

// TestNobodyWaitsForWhatIsHeld: so that Held finds it in the index of what nobody waits for.
func TestNobodyWaitsForWhatIsHeld(t *testing.T) {
	t.Parallel()
	for _, kind := range []model.OperationKind{model.PasswordChange, model.ChildPasswordChange, model.Verify, model.Preflight, model.Provision, model.Deprovision, model.SearchOrphans,
		model.CredentialActivation, model.CredentialInactivation, model.EphemeralCreate, model.EphemeralRemove, model.SecretAutomation} {
		for bits := range 1 << 5 {
			is := func(n int) bool { return bits>>n&1 == 1 }
			o := model.Operation{Kind: kind, State: model.OpReady, Reconcile: is(0), Immediate: is(1)}
			if is(2) {
				o.State = model.OpUncertain
			}
			if is(3) {
				o.Requester = "x"
			}
			if o.Holdable(is(4)) && o.Prompt() {
				t.Errorf("%+v", o)
			}
		}
	}
}

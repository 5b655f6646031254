package ops

import (
	"fmt"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/plan"
	"cofre/scheduler/trigger"
)

// waiting tells what operations wait for. It looks at what is at work once, and only if one waits.
func (s *Service) waiting(v *table.View, at model.Time) func(*model.Operation) string {
	at = max(at, state.SystemRow(v).At) // what was asked for just now is due now, not in a moment
	var outlook *plan.Outlook
	return func(o *model.Operation) string {
		if o.State != model.OpReady && o.State != model.OpUncertain {
			return ""
		}
		if outlook == nil {
			outlook = plan.NewOutlook(v, at, s.alive)
		}
		return inWords(v, at, o, outlook.Of(o))
	}
}

// inWords says what an operation waits for.
func inWords(r table.Reader, at model.Time, o *model.Operation, why plan.Obstacle) string {
	switch why.Block {
	case plan.Early:
		if o.Attempt+o.Settles > 0 {
			return "its next try, at " + o.NotBefore.String()
		}
		return "its time, " + o.NotBefore.String()
	case plan.HeldBack:
		return heldBack(r, at)
	case plan.DeviceFull:
		return full(r, o, why.Device)
	case plan.PatternsMeet:
		return "the change of another SSH key, which may open the same hosts"
	case plan.ExecutorFull:
		a := state.Automation(r)
		return fmt.Sprintf("an operation of the executor %s to end: %d at once is its limit (cofre automation set --executor)", o.Executor, a.Settings.Limit(o.Executor))
	case plan.TargetBusy:
		if other, ok := state.Operations.Get(r, string(why.Operation)); ok {
			return fmt.Sprintf("operation %d to end, which works on the same account", other.Number)
		}
		return "the scheduler to end it: its target is gone"
	case plan.LoginsSpent:
		return "the budget of failing logins: " + noLogin(r, at, why.Credential, model.CredentialID(o.Target.ID), state.LoginOf(r, o))
	case plan.NoSlot:
		return "a free slot: all of the nodes that could run it are taken"
	case plan.NoSite:
		return fmt.Sprintf("a node that runs %s and reaches the site %s: none is there", o.Executor, o.Site)
	case plan.NoExecutor:
		return fmt.Sprintf("a node that runs the executor %s: none is there", o.Executor)
	case plan.NoNode:
		return "a node that is open and there: cofre status"
	}
	return "its turn"
}

// heldBack says why nothing starts that nobody asked for.
func heldBack(r table.Reader, at model.Time) string {
	a := state.Automation(r)
	if a.Stopped != 0 {
		return "somebody to resume the automation (cofre automation resume): " + a.Reason
	}
	if until := a.FrozenUntil(at); until != 0 {
		return "the end of a freeze, at " + until.String()
	}
	return "the execution hours, which begin at " + trigger.Closed(&a, at).String()
}

// full says which device has as many operations as it takes, and how many that is.
func full(r table.Reader, o *model.Operation, id model.DeviceID) string {
	a := state.Automation(r)
	d, ok := state.Devices.Get(r, string(id))
	if !ok {
		return "an operation on its device to end"
	}
	way := ""
	if id != o.Device {
		way = ", where it goes too,"
	}
	return fmt.Sprintf("an operation on %s%s to end: %d at once is its limit (cofre device update --lanes)", d.Hostname, way, d.Most(a.Settings.Lanes))
}

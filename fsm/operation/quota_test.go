package operation_test

import (
	"errors"
	"testing"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// TestQuota: an application for which nobody set a quota holds a thousand users that are not proven gone; who is refused is told
// when to come back. A profile that drains, or is disabled, gives none at all.
func TestQuota(t *testing.T) {
	t.Parallel()
	tx := begun(t).Tx(table.Stamp{})
	state.Devices.Put(tx, &model.Device{ID: "d", Hostname: "d", Enabled: true})
	state.Credentials.Put(tx, &model.Credential{ID: "root", Identifier: "root", Username: "root", Device: "d", Enabled: true})
	profile := model.DynamicProfile{ID: "p", Identifier: "p", Enabled: true, Executor: "ssh", Authentication: "root", TTL: 120_000}
	n := 0
	issue := func(live, quota int, p model.DynamicProfile) error {
		n++
		state.Profiles.Put(tx, &p)
		state.LeaseCounts.Put(tx, &model.LeaseCount{Application: "a", Live: live})
		state.Provisionings.Put(tx, &model.Provisioning{Application: "a", Quota: quota})
		_, _, err := operation.Issue(tx, command.Meta{ID: command.ID{9}, At: 1_000_000_000}, 0, n, operation.IssueSpec{Profile: "p", Device: "d", Owner: &model.Authorization{ID: "o", Application: "a"}, Trigger: "request"})
		return err
	}
	for _, c := range []struct {
		live, quota int
		limited     bool
	}{{model.DefaultLeaseQuota - 1, 0, false}, {model.DefaultLeaseQuota, 0, true}, {model.DefaultLeaseQuota, 2000, false}, {4, 5, false}, {5, 5, true}, {6, 5, true}} {
		err := issue(c.live, c.quota, profile)
		if e, ok := errors.AsType[*model.Error](err); c.limited != (ok && e.Kind == model.Limited && e.RetryAfter == 60) || !c.limited && err != nil {
			t.Errorf("%d of a quota of %d: %v", c.live, c.quota, err)
		}
	}
	draining, disabled := profile, profile
	draining.Draining, disabled.Enabled = true, false
	for _, p := range []model.DynamicProfile{draining, disabled} {
		if err := issue(0, 0, p); !model.Is(err, model.Invalid) {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

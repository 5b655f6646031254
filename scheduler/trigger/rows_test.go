package trigger_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

const now = model.Time(1_000_000)

func view(t *testing.T, put func(tx *table.Tx)) *table.View {
	t.Helper()
	h, err := table.OpenHome(t.TempDir(), state.Schema, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := h.Store().Begin()
	put(b.Tx(table.Stamp{}))
	b.Commit()
	v := h.View()
	t.Cleanup(func() {
		v.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

var serial atomic.Uint64 // numbers are unique

func rotates(tx *table.Tx, id model.CredentialID, at model.Time, change func(*model.Credential)) {
	c := &model.Credential{ID: id, Number: serial.Add(1), Identifier: string(id), Username: string(id), Enabled: true, RotateAt: at, Execution: model.Execution{Executor: "ssh"}}
	if change != nil {
		change(c)
	}
	state.Credentials.Put(tx, c)
}

// kept is a credential with a version that was replaced at now, and proofs of the current one for some time after.
func kept(tx *table.Tx, id model.CredentialID, proven time.Duration, change func(*model.Credential)) {
	rotates(tx, id, 0, func(c *model.Credential) {
		c.Sync, c.VerifiedAt = model.SyncInSync, now.Add(proven)
		c.Versions = []model.SecretVersion{{N: 1, Role: model.RoleRetired, Since: now}, {N: 2, Role: model.RoleCurrent, Since: now}}
		if change != nil {
			change(c)
		}
	})
}

func open(tx *table.Tx, on model.CredentialID, s model.OperationState) {
	opened(tx, on, s, func(*model.Operation) {})
}

func opened(tx *table.Tx, on model.CredentialID, s model.OperationState, change func(*model.Operation)) {
	o := &model.Operation{ID: model.OperationID("on-" + on), Number: serial.Add(1), Target: model.TargetRef{ID: string(on)}, State: s, DedupKey: string(on)}
	change(o)
	state.Operations.Put(tx, o)
}

// putOff is what a freeze and the execution hours held back, and what they did not.
func putOff(tx *table.Tx) {
	for i, id := range []model.CredentialID{"a", "b"} {
		opened(tx, id, model.OpReady, func(o *model.Operation) {
			o.Kind, o.NotBefore, o.Held = model.PasswordChange, now+model.Time(1+i), 1
		})
	}
	opened(tx, "heartbeat", model.OpUncertain, func(o *model.Operation) { o.Kind, o.NotBefore, o.Held = model.Verify, now+1, 1 })
	opened(tx, "again", model.OpReady, func(o *model.Operation) { o.Kind, o.NotBefore = model.PasswordChange, now+1 })
	opened(tx, "by itself", model.OpReady, func(o *model.Operation) { o.Kind, o.NotBefore, o.Held = model.PasswordChange, now, 1 })
	opened(tx, "cancelled", model.OpCancelled, func(o *model.Operation) { o.Kind, o.NotBefore, o.Held = model.PasswordChange, now+1, 1 })
}

func verifies(tx *table.Tx, id model.CredentialID, at model.Time) {
	rotates(tx, id, 0, func(c *model.Credential) { c.VerifyAt = at })
}

// automation is the row about automatic changes, in the hour of now.
func automation(tx *table.Tx, change func(*model.Automation)) {
	a := &model.Automation{Settings: model.DefaultAutomation(), Hour: model.HourOf(now), Braked: 1} // another hour
	change(a)
	state.Automations.Put(tx, a)
}

// evening are execution hours that begin long after now.
func evening(a *model.Automation) { a.Settings.Window.Hours = []model.HourSpan{{From: 20, To: 24}} }

func held(tx *table.Tx, id model.CustodyID, until model.Time) {
	state.Custodies.Put(tx, &model.Custody{ID: id, Credential: "c", Until: until})
}

func uses(tx *table.Tx, id model.SessionID, until model.Time, s model.SessionState) {
	state.Sessions.Put(tx, &model.Session{ID: id, Number: serial.Add(1), Credential: "c", State: s, Until: until})
}

// used is an account whose last session ended at a moment, planned under a policy that says how long after it is changed.
func used(tx *table.Tx, id model.CredentialID, at model.Time, p model.Policy, change func(*model.Credential)) {
	p.ID, p.Name = model.PolicyID("of "+id), "of-"+string(id)
	state.Policies.Put(tx, &p)
	rotates(tx, id, 0, func(c *model.Credential) {
		c.Policy, c.UsedAt, c.Execution.Automatic, c.Execution.Started = p.ID, at, true, true
		if change != nil {
			change(c)
		}
		state.Plan(tx, c)
	})
}

func lives(tx *table.Tx, id model.DynamicUserID, until model.Time, s model.DynamicState) {
	state.DynamicUsers.Put(tx, &model.DynamicUser{ID: id, Number: serial.Add(1), State: s, ExpiresAt: until})
}

// asked is an active user under a key of an authorization, with the reason for which it was asked to go.
func asked(tx *table.Tx, id model.DynamicUserID, key string, requested model.Time, unwanted string) {
	owner := model.AuthorizationID(strings.TrimPrefix(key, "o/"))
	state.DynamicUsers.Put(tx, &model.DynamicUser{ID: id, Number: serial.Add(1), State: model.DynamicActive, Owner: owner, Profile: "profile", CreatedAt: requested, Unwanted: unwanted})
}

func renews(tx *table.Tx, id model.DSMSecretID, enabled bool, every int64, last model.Time) {
	state.DSMSecrets.Put(tx, &model.DSMSecret{ID: id, Number: serial.Add(1), Identity: string(id), Enabled: enabled, RenewEphemeral: every, RenewedEphemeral: last})
}

// joined is a chain whose next run by itself is due at a moment.
func joined(tx *table.Tx, id model.ChainID, at model.Time, change func(*model.Chain)) {
	c := &model.Chain{ID: id, Name: string(id), NextAt: at}
	if change != nil {
		change(c)
	}
	state.Chains.Put(tx, c)
}

func frozen(tx *table.Tx) { state.System.Put(tx, &model.System{Level: 1, Frozen: true}) }

package trigger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/trigger"
)

func TestTriggers(t *testing.T) {
	t.Parallel()
	expiry := func(id model.CredentialID) trigger.Due {
		return trigger.Due{Credential: id, Kind: model.PasswordChange, Trigger: "expiry"}
	}
	after := func(id model.CredentialID) trigger.Due {
		return trigger.Due{Credential: id, Kind: model.PasswordChange, Trigger: "session"}
	}
	for name, c := range map[string]struct {
		trigger trigger.Trigger
		put     func(tx *table.Tx)
		limit   int
		want    []trigger.Due
	}{
		"what is due, the longest first": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "a", now, nil)
			rotates(tx, "b", now-5, nil)
			rotates(tx, "later", now+1, nil)
			rotates(tx, "never", 0, nil)
		}, want: []trigger.Due{expiry("b"), expiry("a")}},
		"what cannot be changed": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "disabled", 1, func(c *model.Credential) { c.Enabled = false })
			rotates(tx, "busy", 1, func(c *model.Credential) { c.Busy = "o" })
			rotates(tx, "no-executor", 1, func(c *model.Credential) { c.Execution.Executor = "" })
		}},
		"what has an operation already is put off": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "ready", 1, nil)
			open(tx, "ready", model.OpReady)
			rotates(tx, "done", 2, nil)
			open(tx, "done", model.OpSucceeded)
		}, want: []trigger.Due{{Credential: "ready", Kind: model.PasswordChange, Until: now.Add(model.Recheck)}, expiry("done")}},
		"what nothing can change is not looked at": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "a", 1, func(c *model.Credential) { c.Execution.Executor = "" })
		}},
		"a limit": {trigger: trigger.Expiry, limit: 1, put: func(tx *table.Tx) {
			rotates(tx, "a", 1, nil)
			rotates(tx, "b", 2, nil)
		}, want: []trigger.Due{expiry("a")}},
		"chains": {trigger: trigger.Chain, put: func(tx *table.Tx) {
			joined(tx, "due", now, nil)
			joined(tx, "later", now+1, nil)
			joined(tx, "never", 0, nil)
			joined(tx, "at work", 1, func(c *model.Chain) { c.Run = "r" })
			joined(tx, "closed", 1, func(c *model.Chain) { c.Window.Hours = []model.HourSpan{{From: 3, To: 4}} })
		}, want: []trigger.Due{{Chain: "closed", Until: model.Time(3 * model.Hour)}, {Chain: "due"}}},
		"no chains while the automation is stopped": {trigger: trigger.Chain, put: func(tx *table.Tx) {
			joined(tx, "due", now, nil)
			automation(tx, func(a *model.Automation) { a.Stopped = 1 })
		}},
		"no chains after a jump of time": {trigger: trigger.Chain, put: func(tx *table.Tx) {
			joined(tx, "due", now, nil)
			frozen(tx)
		}},
		"chains in a freeze": {trigger: trigger.Chain, put: func(tx *table.Tx) {
			joined(tx, "due", now, nil)
			automation(tx, func(a *model.Automation) { a.Freezes = []model.Freeze{{From: 1, Until: now + 1}} })
		}},
		"sessions that nobody ended": {trigger: trigger.SessionEnd, put: func(tx *table.Tx) {
			uses(tx, "opening", now-1, model.SessionOpening)
			uses(tx, "active", now, model.SessionActive)
			uses(tx, "later", now+1, model.SessionActive)
			uses(tx, "over", 1, model.SessionEnded)
			uses(tx, "failed", 1, model.SessionFailed)
		}, want: []trigger.Due{{Session: "opening"}, {Session: "active"}}},
		"so many sessions at once": {trigger: trigger.SessionEnd, limit: 1, put: func(tx *table.Tx) {
			uses(tx, "one", 1, model.SessionActive)
			uses(tx, "two", 2, model.SessionActive)
		}, want: []trigger.Due{{Session: "one"}}},
		"sessions after a jump of time": {trigger: trigger.SessionEnd, put: func(tx *table.Tx) {
			uses(tx, "one", 1, model.SessionActive)
			frozen(tx)
		}},
		"what was used in a session long enough ago": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			after := model.Policy{Enabled: true, SessionExpiry: 5}
			used(tx, "due", now-5, after, nil)
			used(tx, "long due", now-6, after, nil)
			used(tx, "later", now-4, after, nil)
			used(tx, "changed since", now-5, after, func(c *model.Credential) { c.ChangedAt = now - 1 })
			used(tx, "never used", 0, after, nil)
			used(tx, "not by itself", now-5, after, func(c *model.Credential) { c.Execution.Automatic = false })
			used(tx, "closed", now-5, after, func(c *model.Credential) { c.JIT = &model.JIT{State: model.AccountClosed} })
			used(tx, "policy does not ask", now-5, model.Policy{Enabled: true, ChangeOnSession: true}, nil)
			used(tx, "policy is off", now-5, model.Policy{SessionExpiry: 5}, nil)
		}, want: []trigger.Due{after("long due"), after("due")}},
		"custodies that ran out fall due, within the bounds of everything that does": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			timeout := model.Policy{ID: "timeout", Name: "timeout", Enabled: true, ChangeOnTimeout: true}
			state.Policies.Put(tx, &timeout)
			lapsed := func(id model.CredentialID, p model.Policy, change func(*model.Credential)) {
				rotates(tx, id, 0, func(c *model.Credential) {
					c.Governed, c.LapsedAt, c.Execution.Automatic, c.Execution.Started = "timeout", now-5, true, true
					if change != nil {
						change(c)
					}
					c.RotateAt = p.NextRotation(c)
				})
			}
			lapsed("first", timeout, func(c *model.Credential) { c.LapsedAt = now - 9 })
			lapsed("second", timeout, nil)
			lapsed("third", timeout, func(c *model.Credential) { c.LapsedAt = now })
			lapsed("changed since", timeout, func(c *model.Credential) { c.ChangedAt = now - 4 })
			lapsed("failed since", timeout, func(c *model.Credential) { c.RestUntil = now + 1 })
			lapsed("policy does not ask", model.Policy{Enabled: true}, nil)
			automation(tx, func(a *model.Automation) { a.Settings.Least, a.Started = 4, 2 })
		}, want: []trigger.Due{{Credential: "first", Kind: model.PasswordChange, Trigger: "timeout"}, {Credential: "second", Kind: model.PasswordChange, Trigger: "timeout"}}},
		"nothing expires after a jump of time": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "a", 1, nil)
			frozen(tx)
		}},
		"what is due outside of its window waits until it opens": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "a", now, func(c *model.Credential) { c.Governed = "evening" })
			state.Policies.Put(tx, &model.Policy{ID: "evening", Name: "evening", Window: model.Window{Hours: []model.HourSpan{{From: 20, To: 24}}}})
		}, want: []trigger.Due{{Credential: "a", Kind: model.PasswordChange, Until: model.Time(20 * model.Hour)}}},
		"nothing expires while the automation is stopped": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "a", now, nil)
			automation(tx, func(a *model.Automation) { a.Stopped = 1 })
		}},
		"nothing expires in a freeze": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "a", now, nil)
			automation(tx, func(a *model.Automation) { a.Freezes = []model.Freeze{{From: now - 1, Until: now + 1}} })
		}},
		"a freeze that is over": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "a", now, nil)
			automation(tx, func(a *model.Automation) { a.Freezes = []model.Freeze{{From: now - 2, Until: now}} })
		}, want: []trigger.Due{expiry("a")}},
		"no more than the hour's bound": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "a", 1, nil)
			rotates(tx, "b", 2, nil)
			automation(tx, func(a *model.Automation) { a.Settings.Least, a.Started = 3, 2 })
		}, want: []trigger.Due{expiry("a")}},
		"what waits behind the bound is told": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "a", 1, nil)
			rotates(tx, "b", 2, nil)
			automation(tx, func(a *model.Automation) { a.Settings.Least, a.Started = 2, 2 })
		}, want: []trigger.Due{{Brake: 2}}},
		"once an hour": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "a", 1, nil)
			automation(tx, func(a *model.Automation) {
				a.Settings.Least, a.Started, a.Braked = 2, 2, model.HourOf(now)
			})
		}},
		"what somebody asked for at a later time keeps nothing from falling due": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "later", 1, nil)
			opened(tx, "later", model.OpReady, func(o *model.Operation) { o.NotBefore = now.Add(model.Recheck) + 1 })
			rotates(tx, "soon", 2, nil)
			opened(tx, "soon", model.OpReady, func(o *model.Operation) { o.NotBefore = now.Add(model.Recheck) })
		}, want: []trigger.Due{expiry("later"), {Credential: "soon", Kind: model.PasswordChange, Until: now.Add(model.Recheck)}}},
		"nor a heartbeat": {trigger: trigger.Heartbeat, put: func(tx *table.Tx) {
			verifies(tx, "later", 1)
			opened(tx, "later", model.OpReady, func(o *model.Operation) { o.NotBefore = now.Add(model.Recheck) + 1 })
		}, want: []trigger.Due{{Credential: "later", Kind: model.Verify, Trigger: "heartbeat"}}},
		"heartbeats": {trigger: trigger.Heartbeat, put: func(tx *table.Tx) {
			verifies(tx, "b", now)
			verifies(tx, "a", now-1)
			verifies(tx, "later", now+1)
			verifies(tx, "open", now-2)
			open(tx, "open", model.OpReady)
		}, want: []trigger.Due{{Credential: "open", Kind: model.Verify, Until: now.Add(model.Recheck)},
			{Credential: "a", Kind: model.Verify, Trigger: "heartbeat"}, {Credential: "b", Kind: model.Verify, Trigger: "heartbeat"}}},
		"no heartbeats while the automation is stopped": {trigger: trigger.Heartbeat, put: func(tx *table.Tx) {
			verifies(tx, "a", now)
			automation(tx, func(a *model.Automation) { a.Stopped = 1 })
		}},
		"nor before a jump of the time is confirmed": {trigger: trigger.Heartbeat, put: func(tx *table.Tx) {
			verifies(tx, "a", now)
			frozen(tx)
		}},
		"what waits in a freeze is put off, except what people asked for": {trigger: trigger.Held, put: func(tx *table.Tx) {
			change := func(o *model.Operation) { o.Kind, o.NotBefore = model.PasswordChange, now }
			opened(tx, "a", model.OpReady, change)
			opened(tx, "later", model.OpReady, func(o *model.Operation) { o.Kind, o.NotBefore = model.PasswordChange, now+1 })
			opened(tx, "settles", model.OpUncertain, change)
			opened(tx, "child", model.OpReady, func(o *model.Operation) { o.Kind = model.ChildPasswordChange })
			opened(tx, "asked", model.OpReady, func(o *model.Operation) { o.Kind, o.Requester = model.PasswordChange, "x" })
			opened(tx, "hurried", model.OpReady, func(o *model.Operation) { o.Kind, o.Immediate = model.PasswordChange, true })
			automation(tx, func(a *model.Automation) { a.Freezes = []model.Freeze{{From: 1, Until: now + 1}} })
		}, want: []trigger.Due{{Hold: "on-a"}}},
		"what waited when the cluster was restored is put off, whoever asked for it": {trigger: trigger.Held, put: func(tx *table.Tx) {
			asked := func(at model.Time) func(*model.Operation) {
				return func(o *model.Operation) {
					o.Kind, o.Requester, o.NotBefore, o.CreatedAt = model.PasswordChange, "x", at, at
				}
			}
			opened(tx, "asked", model.OpReady, asked(1))
			opened(tx, "settles", model.OpUncertain, asked(2))
			opened(tx, "since", model.OpReady, asked(4))
			automation(tx, func(a *model.Automation) { a.Stopped, a.Restored = 3, 3 })
		}, want: []trigger.Due{{Hold: "on-asked"}, {Hold: "on-settles"}}},
		"outside of the execution hours heartbeats are put off too, and what was begun is settled": {trigger: trigger.Held, put: func(tx *table.Tx) {
			opened(tx, "change", model.OpReady, func(o *model.Operation) { o.Kind, o.NotBefore = model.PasswordChange, 1 })
			opened(tx, "settles", model.OpUncertain, func(o *model.Operation) { o.Kind, o.NotBefore = model.PasswordChange, 2 })
			opened(tx, "heartbeat", model.OpUncertain, func(o *model.Operation) { o.Kind, o.NotBefore = model.Verify, 3 })
			opened(tx, "asked", model.OpUncertain, func(o *model.Operation) { o.Kind, o.NotBefore, o.Requester = model.Verify, 4, "x" })
			opened(tx, "closes", model.OpReady, func(o *model.Operation) { o.Kind, o.NotBefore = model.CredentialInactivation, 5 })
			automation(tx, evening)
		}, want: []trigger.Due{{Hold: "on-change", Until: model.Time(20 * model.Hour)}, {Hold: "on-heartbeat", Until: model.Time(20 * model.Hour)}}},
		"nothing expires outside of the execution hours": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "a", now, nil)
			automation(tx, evening)
		}},
		"no heartbeats outside of the execution hours": {trigger: trigger.Heartbeat, put: func(tx *table.Tx) {
			verifies(tx, "a", now)
			automation(tx, evening)
		}},
		"no chains outside of the execution hours": {trigger: trigger.Chain, put: func(tx *table.Tx) {
			joined(tx, "due", now, nil)
			automation(tx, evening)
		}},
		"no more than the records of a cycle, and nothing to tell": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			rotates(tx, "a", 1, nil)
			rotates(tx, "b", 2, nil)
			automation(tx, func(a *model.Automation) { a.Settings.Records, a.Cycle, a.Begun = 2, model.CycleOf(now), 2 })
		}},
		"the rest in the next cycle": {trigger: trigger.Expiry, put: func(tx *table.Tx) {
			for i, id := range []model.CredentialID{"a", "b", "c"} {
				rotates(tx, id, model.Time(1+i), nil)
			}
			automation(tx, func(a *model.Automation) { a.Settings.Records, a.Cycle, a.Begun = 2, model.CycleOf(now)-1, 2 })
		}, want: []trigger.Due{expiry("a"), expiry("b")}},
		"a chain waits for the next cycle": {trigger: trigger.Chain, put: func(tx *table.Tx) {
			joined(tx, "due", now, nil)
			automation(tx, func(a *model.Automation) { a.Settings.Records, a.Cycle, a.Begun = 2, model.CycleOf(now), 2 })
		}},
		"what a freeze held back goes on when it is removed": {trigger: trigger.Freed, put: putOff, want: []trigger.Due{{Free: "on-a"}, {Free: "on-b"}, {Free: "on-heartbeat"}}},
		"some of it at a time":                               {trigger: trigger.Freed, limit: 1, put: putOff, want: []trigger.Due{{Free: "on-a"}}},
		"while a freeze lasts what the hours held back goes on": {trigger: trigger.Freed, put: func(tx *table.Tx) {
			putOff(tx)
			automation(tx, func(a *model.Automation) { a.Freezes = []model.Freeze{{From: 1, Until: now + 1}} })
		}, want: []trigger.Due{{Free: "on-heartbeat"}}},
		"while automation is stopped what the hours held back goes on": {trigger: trigger.Freed, put: func(tx *table.Tx) {
			putOff(tx)
			automation(tx, func(a *model.Automation) { a.Stopped = 1 })
		}, want: []trigger.Due{{Free: "on-heartbeat"}}},
		"in a cluster that was restored nothing does before people let it": {trigger: trigger.Freed, put: func(tx *table.Tx) {
			putOff(tx)
			automation(tx, func(a *model.Automation) { a.Restored = 1 })
		}},
		"outside of the execution hours nothing does": {trigger: trigger.Freed, put: func(tx *table.Tx) {
			putOff(tx)
			automation(tx, evening)
		}},
		"nothing is put off otherwise": {trigger: trigger.Held, put: func(tx *table.Tx) {
			opened(tx, "a", model.OpReady, func(o *model.Operation) { o.Kind = model.PasswordChange })
		}},
		"policies that changed": {trigger: trigger.Replan, put: func(tx *table.Tx) { state.System.Put(tx, &model.System{Level: 1, Replan: 7}) }, want: []trigger.Due{{Plan: true}}},
		"policies that did not": {trigger: trigger.Replan, put: func(*table.Tx) {}},
		"custodies that are over": {trigger: trigger.CustodyEnd, put: func(tx *table.Tx) {
			held(tx, "b", now)
			held(tx, "a", now-1)
			held(tx, "c", now+1)
		}, want: []trigger.Due{{Custody: "a"}, {Custody: "b"}}},
		"a limit on custodies": {trigger: trigger.CustodyEnd, limit: 1, put: func(tx *table.Tx) {
			held(tx, "a", 1)
			held(tx, "b", 2)
		}, want: []trigger.Due{{Custody: "a"}}},
		"dynamic users whose time is over": {trigger: trigger.TTL, put: func(tx *table.Tx) {
			lives(tx, "b", now, model.DynamicActive)
			lives(tx, "a", now-1, model.DynamicActive)
			lives(tx, "c", now+1, model.DynamicActive)
			lives(tx, "going", now-1, model.DynamicRemoving)
		}, want: []trigger.Due{{User: "a", Trigger: "ttl"}, {User: "b", Trigger: "ttl"}}},
		"a limit on dynamic users": {trigger: trigger.TTL, limit: 1, put: func(tx *table.Tx) {
			lives(tx, "a", 1, model.DynamicActive)
			lives(tx, "b", 2, model.DynamicActive)
		}, want: []trigger.Due{{User: "a", Trigger: "ttl"}}},
		"no dynamic user goes after a jump of time": {trigger: trigger.TTL, put: func(tx *table.Tx) {
			lives(tx, "a", 1, model.DynamicActive)
			frozen(tx)
		}},
		"users that were revoked together, requested until then": {trigger: trigger.Revocation, put: func(tx *table.Tx) {
			asked(tx, "a", "o/x", 5, "")
			asked(tx, "b", "o/x", 7, "")
			asked(tx, "gone", "o/x", 5, "ttl")
			asked(tx, "another", "o/y", 5, "")
			state.Revocations.Put(tx, &model.Revocation{Key: "o/x", Reason: "revoked", At: 6})
		}, want: []trigger.Due{{User: "a", Trigger: "revoked"}}},
		"a revocation of which all were asked": {trigger: trigger.Revocation, put: func(tx *table.Tx) {
			asked(tx, "gone", "o/x", 5, "ttl")
			state.Revocations.Put(tx, &model.Revocation{Key: "o/x", Reason: "revoked", At: 6})
		}, want: []trigger.Due{{Revocation: "o/x"}}},
		"a profile stays until its users are gone": {trigger: trigger.Revocation, put: func(tx *table.Tx) {
			asked(tx, "going", "o/x", 5, "profile")
			state.Revocations.Put(tx, &model.Revocation{Key: "p/profile", Reason: "profile", At: 6})
		}},
		"a limit on revoked users": {trigger: trigger.Revocation, limit: 1, put: func(tx *table.Tx) {
			asked(tx, "a", "o/x", 5, "")
			asked(tx, "b", "o/x", 6, "")
			state.Revocations.Put(tx, &model.Revocation{Key: "o/x", Reason: "revoked", At: 6})
		}, want: []trigger.Due{{User: "a", Trigger: "revoked"}}},
		"secrets whose renewal is due": {trigger: trigger.AutoRenew, put: func(tx *table.Tx) {
			renews(tx, "due", true, 5, now-5)
			renews(tx, "later", true, 6, now-5)
			renews(tx, "disabled", false, 5, now-5)
			renews(tx, "off", true, 0, now-5)
		}, want: []trigger.Due{{Renew: "due"}}},
		"what ended by its date, until it was told": {trigger: trigger.Ending, put: func(tx *table.Tx) {
			for i, c := range []model.DSMSecret{{ExpiresAt: now}, {ExpiresAt: now + 1}, {ExpiresAt: now, EndTold: now}, {ExpiresAt: now, EndTold: now - 1}, {}} {
				c.ID, c.Number, c.Identity, c.Enabled = model.DSMSecretID(string(rune('a'+i))), serial.Add(1), string(rune('a'+i)), true
				state.DSMSecrets.Put(tx, &c)
			}
			state.DSMSecrets.Put(tx, &model.DSMSecret{ID: "off", Number: serial.Add(1), Identity: "off", ExpiresAt: now})
			state.Authorizations.Put(tx, &model.Authorization{ID: "over", ClientID: "c1", Enabled: true, ExpiresAt: now})
			state.Authorizations.Put(tx, &model.Authorization{ID: "lives", ClientID: "c2", Enabled: true, ExpiresAt: now + 1})
		}, want: []trigger.Due{{Ended: "a"}, {Ended: "d"}, {Over: "over"}}},
		"what is being deleted, when its users are gone": {trigger: trigger.Deletion, put: func(tx *table.Tx) {
			for _, a := range []model.Application{{ID: "gone", Deleting: true}, {ID: "waits", Deleting: true}, {ID: "stays"}} {
				a.Name = string(a.ID)
				state.Applications.Put(tx, &a)
			}
			state.LeaseCounts.Put(tx, &model.LeaseCount{Application: "waits", Live: 1})
			for _, a := range []model.Authorization{{ID: "over", Deleting: true}, {ID: "x", Deleting: true}, {ID: "lives"}} {
				a.ClientID = string(a.ID)
				state.Authorizations.Put(tx, &a)
			}
			asked(tx, "going", "o/x", 5, "authorization deleted")
		}, want: []trigger.Due{{Left: "gone"}, {Unneeded: "over"}}},
		"no renewal after a jump of time": {trigger: trigger.AutoRenew, put: func(tx *table.Tx) {
			renews(tx, "due", true, 5, now-5)
			frozen(tx)
		}},
		"versions that are not needed any more": {trigger: trigger.Retention, put: func(tx *table.Tx) {
			kept(tx, "spent", model.KeepVersions, nil)
			kept(tx, "a day less", model.KeepVersions-24*time.Hour, nil)
			kept(tx, "never proven again", 0, nil)
			kept(tx, "out of sync", model.KeepVersions, func(c *model.Credential) { c.Sync = model.SyncOutOfSync })
			kept(tx, "disabled", model.KeepVersions, func(c *model.Credential) { c.Enabled = false })
			kept(tx, "busy", model.KeepVersions, func(c *model.Credential) { c.Busy = "o" })
			kept(tx, "operation open", model.KeepVersions, nil)
			open(tx, "operation open", model.OpReady)
		}, want: []trigger.Due{{Spent: "spent"}}},
		"a limit on versions": {trigger: trigger.Retention, limit: 1, put: func(tx *table.Tx) {
			kept(tx, "a", model.KeepVersions, nil)
			kept(tx, "b", model.KeepVersions, nil)
		}, want: []trigger.Due{{Spent: "a"}}},
		"no version goes after a jump of time": {trigger: trigger.Retention, put: func(tx *table.Tx) {
			kept(tx, "a", model.KeepVersions, nil)
			frozen(tx)
		}},
		"no custody ends after a jump of time": {trigger: trigger.CustodyEnd, put: func(tx *table.Tx) {
			held(tx, "a", 1)
			frozen(tx)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.limit == 0 {
				c.limit = 100
			}
			if diff := cmp.Diff(c.want, c.trigger(view(t, c.put), now, c.limit)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	if n := len(trigger.Background) + len(trigger.Prompt); n != 15 {
		t.Errorf("%d triggers are listed: the new one needs its cases here", n)
	}
}

// TestOrphans: the first round is planned when there is a profile; each one is due at its time, and none when they are off.
func TestOrphans(t *testing.T) {
	t.Parallel()
	profile := func(tx *table.Tx) { state.Profiles.Put(tx, &model.DynamicProfile{ID: "p", Identifier: "app"}) }
	plan := func(p model.OrphanPlan) func(*table.Tx) {
		return func(tx *table.Tx) { profile(tx); state.OrphanPlans.Put(tx, &p) }
	}
	for name, c := range map[string]struct {
		put func(*table.Tx)
		due bool
	}{
		"no profile":   {put: func(*table.Tx) {}},
		"not planned":  {put: profile, due: true},
		"later":        {put: plan(model.OrphanPlan{Every: 1, NextAt: 101})},
		"now":          {put: plan(model.OrphanPlan{Every: 1, NextAt: 100}), due: true},
		"off":          {put: plan(model.OrphanPlan{Every: -1})},
		"off, by hand": {put: plan(model.OrphanPlan{Every: -1, NextAt: 100}), due: true},
		"time jumped":  {put: func(tx *table.Tx) { profile(tx); frozen(tx) }},
	} {
		v := view(t, c.put)
		if got := len(trigger.Orphans(v, 100, 10)) == 1; got != c.due {
			t.Errorf("%s: due %t", name, got)
		}
	}
}

package operation

import (
	"errors"
	"slices"
	"time"

	"cofre/fsm/model"
)

// This file holds what a slot decides while it works on a lease, free of I/O: executors/runner acts on it for real, and
// scheduler/sim from a seed, so that what the simulation proves is what runs.

// Trust is a slot's own belief in its lease: until TTL minus margin after it *sent* the last renewal that was accepted.
// Targets cannot check tokens, so time protects them. Moments are readings of the node's boot-time clock.
type Trust struct {
	window time.Duration
	until  time.Duration
	lost   bool
}

// NewTrust starts without trust: only an accepted renewal, or begin, gives it.
func NewTrust(t model.Leases) Trust { return Trust{window: model.Span(t.TTL - t.Margin)} }

// Extend takes an accepted renewal that was sent at a moment. What was lost stays lost.
func (t *Trust) Extend(sent time.Duration) bool {
	if t.lost {
		return false
	}
	t.until = sent + t.window
	return true
}

// Lose ends the trust for good.
func (t *Trust) Lose() { t.lost = true }

// Holds tells whether a writing step may start now.
func (t *Trust) Holds(now time.Duration) bool { return !t.lost && now < t.until }

// Until is when the trust ends unless it is extended.
func (t *Trust) Until() time.Duration { return t.until }

// AskAgain tells whether a proposal that failed makes sense once more.
func AskAgain(err error) bool {
	var e *model.Error
	return errors.As(err, &e) && (e.Kind == model.Unavailable || e.Kind == model.Uncertain || e.Kind == model.Expired || e.Kind == model.Limited)
}

// AskPause is the pause before asking once more, for the n-th time (from 1): doubled each time, so that a node whose
// clock is off, and whose every command is refused as expired, does not fill the log.
func AskPause(n int) time.Duration {
	const first, most = 200 * time.Millisecond, 10 * time.Second
	return min(most, first<<min(n-1, 10))
}

// Held tells whether a lease is still in force in a replica.
func Held(o *model.Operation, token model.Pos) bool {
	return o != nil && o.Lease != nil && o.Lease.Token == token
}

// Begun looks in a replica for what became of a begin whose answer is not known: it is committed if the operation runs
// under the lease with exactly this candidate, and it can never be committed (Fenced) if the lease is gone or another
// begin of this lease, by an earlier life of the node, came first. Otherwise (false) it is still open.
func Begun(o *model.Operation, c *model.Credential, a BeginArgs) (LeaseResult, bool) {
	if !Held(o, a.Token) {
		return LeaseResult{Fenced: true}, true
	}
	if o.State != model.OpRunning {
		return LeaseResult{}, false
	}
	if v := c.Version(o.Candidate); v == nil || (v.Row != a.Row && v.N != a.Reuse) {
		return LeaseResult{Fenced: true}, true
	}
	return LeaseResult{Version: o.Candidate, Until: o.Lease.Until}, true
}

// Reusable lists the versions that may be offered again because they provably were never sent, newest first. The common
// password of a run is not among them: a change of one credential alone makes a password of its own.
func Reusable(c *model.Credential) []uint64 {
	var ns []uint64
	for i := len(c.Versions) - 1; i >= 0; i-- {
		if v := &c.Versions[i]; v.Role == model.RoleAbandoned && v.Unsent && !v.Common {
			ns = append(ns, v.N)
		}
	}
	return ns
}

// Again is the version that an earlier attempt of an operation in a run made, if it provably was never sent: it holds what the
// run says. 0: there is none.
func Again(o *model.Operation, c *model.Credential) uint64 {
	if v := c.Version(o.Candidate); v != nil && v.Role == model.RoleAbandoned && v.Unsent && v.By == o.ID {
		return v.N
	}
	return 0
}

// Proof is the outcome of a change that the target reported done, after a login with the new secret.
func Proof(in bool, err error) model.Outcome {
	if err != nil || !in {
		return model.OutcomeUncertain
	}
	return model.OutcomeApplied
}

// Unheard is the report of an attempt that an earlier life of the node began: nothing is known of its logins.
func Unheard() FinishArgs {
	return FinishArgs{Outcome: model.OutcomeUncertain, Class: "restart", Message: "the node restarted while the operation ran", Logins: everyLogin}
}

// Unpassed counts logins that may have failed when an attempt ended by an error of a class. Nothing was tried without a
// connection, and some classes say that it ended before the login.
func Unpassed(class string, connected bool) int {
	if !connected || slices.Contains([]string{"template", "refused", "hostkey", "tls"}, class) {
		return 0
	}
	return 1
}

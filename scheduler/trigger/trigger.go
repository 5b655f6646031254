// Package trigger finds what is due: pure readings of the state at a moment, one file per trigger. It starts nothing;
// scheduler/lead proposes what it finds.
package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Due is one thing that is due now.
type Due struct {
	Credential model.CredentialID // change or verify this credential ...
	Kind       model.OperationKind
	Trigger    string                // ... for this reason
	Chain      model.ChainID         // or begin a run of this chain
	Until      model.Time            // or let that, the run of the chain, or the operation to put off, wait until then
	Custody    model.CustodyID       // or end this custody
	Session    model.SessionID       // or close this session
	User       model.DynamicUserID   // or remove this dynamic user
	Spent      model.CredentialID    // or remove the versions of this credential that are not needed any more
	Renew      model.DSMSecretID     // or renew what this secret shows
	Ended      model.DSMSecretID     // or tell that this secret ended by its date
	Over       model.AuthorizationID // or that this authorization did
	Revocation string                // or end this revocation of dynamic users
	Left       model.ApplicationID   // or take away what is left of this application, which is being deleted
	Unneeded   model.AuthorizationID // or of this authorization
	Hold       model.OperationID     // or put off this operation
	Free       model.OperationID     // or let this one that was put off go on
	Brake      int                   // or tell that so many changes wait behind the hour's bound
	Orphans    bool                  // or go on with a round of searches for orphans
	Plan       bool                  // or plan credentials anew, because policies changed
}

// Trigger finds at most limit due things.
type Trigger func(r table.Reader, now model.Time, limit int) []Due

var (
	// Background lists the triggers of work that nobody waits for: while none of it may start, there is no haste to find more.
	Background = []Trigger{Expiry, Heartbeat, TTL}

	// Prompt lists the others.
	Prompt = []Trigger{Chain, Held, Freed, CustodyEnd, SessionEnd, Revocation, Deletion, AutoRenew, Ending, Retention, Replan, Orphans}
)

// Find gives at most limit things of each of some triggers.
func Find(triggers []Trigger, r table.Reader, now model.Time, limit int) (due []Due) {
	for _, t := range triggers {
		due = append(due, t(r, now, limit)...)
	}
	return due
}

// engaged tells whether an operation works on a credential, or will before its triggers look at it again. One that somebody asked for
// at a later time keeps nothing from falling due until then.
func engaged(r table.Reader, id model.CredentialID, now model.Time) bool {
	for o := range state.Operations.By(r, "open", string(id)) {
		if o.NotBefore <= now.Add(model.Recheck) {
			return true
		}
	}
	return false
}

// waits tells that time jumped and an operator has to confirm it before anything expires in masses (RULES 1).
func waits(r table.Reader) bool { return state.SystemRow(r).Frozen }

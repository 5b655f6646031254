package model

type (
	// ChainID names a chained exchange.
	ChainID string
	// ChainRunID names one run of it.
	ChainRunID string
	// PoolID names a pool of credentials.
	PoolID string
)

// Chain is a chained exchange (product.md 1.13): one run gives several credentials the same new password, as its script says.
type Chain struct {
	ID        ChainID         `cbor:"id"`
	Name      string          `cbor:"name"` // unique
	Enabled   bool            `cbor:"enabled"`
	Policy    PolicyID        `cbor:"policy,omitempty"` // whose strength the common password has; empty: the default policy
	Script    string          `cbor:"script"`           // as it was written
	Orders    ChainOrders     `cbor:"orders"`           // what it says
	Automatic bool            `cbor:"automatic,omitempty"`
	Window    Window          `cbor:"window,omitzero"`       // when an automatic run may begin
	Every     int64           `cbor:"every,omitempty"`       // milliseconds between the starts of two runs, at least
	Started   bool            `cbor:"started,omitempty"`     // a run that somebody asked for has succeeded with this script
	Run       ChainRunID      `cbor:"run,omitempty"`         // at work
	LastRunAt Time            `cbor:"last_run_at,omitempty"` // start of the newest run
	NextAt    Time            `cbor:"next_at,omitempty"`     // when the trigger begins one; 0: never
	CreatedBy AuthorizationID `cbor:"created_by,omitempty"`
	CreatedAt Time            `cbor:"created_at"`
	Revision  uint64          `cbor:"revision"`
}

// ChainOrders is what the script of a chain says.
type ChainOrders struct {
	CheckConn bool          `cbor:"check_conn,omitempty"` // reach every target first, and change nothing if one cannot be reached
	Rollback  bool          `cbor:"rollback,omitempty"`   // restore what was changed if one change failed
	Linked    TemplateID    `cbor:"linked,omitempty"`     // changes linked members, instead of their own template
	Members   []ChainMember `cbor:"members"`
}

// ChainMember is a credential, or a pool of them.
type ChainMember struct {
	Credential CredentialID `cbor:"credential,omitempty"`
	Pool       PoolID       `cbor:"pool,omitempty"`
	Linked     bool         `cbor:"linked,omitempty"`
}

// Pool is credentials that chains name together.
type Pool struct {
	ID        PoolID          `cbor:"id"`
	Number    uint64          `cbor:"number"` // that scripts know it by
	Name      string          `cbor:"name"`   // unique
	Members   []CredentialID  `cbor:"members"`
	CreatedBy AuthorizationID `cbor:"created_by,omitempty"`
	CreatedAt Time            `cbor:"created_at"`
	Revision  uint64          `cbor:"revision"`
}

// MaxMembers bounds the credentials of a run and of a pool.
const MaxMembers = 256

// Plan sets when the next automatic run begins. The first run is asked for by a person, like the first change of a credential.
func (c *Chain) Plan() {
	c.NextAt = 0
	if c.Enabled && c.Automatic && c.Started {
		c.NextAt = c.LastRunAt.Add(Span(c.Every))
	}
}

// ChainState is how far a run has come.
type ChainState string

// The states of a run. The last five are final.
const (
	ChainChecking    ChainState = "checking"     // targets are reached, nothing is changed
	ChainChanging    ChainState = "changing"     // members are being changed
	ChainRollingBack ChainState = "rolling_back" // those that were changed get their earlier password back
	ChainSucceeded   ChainState = "succeeded"    // every member has the common password
	ChainAborted     ChainState = "aborted"      // a target could not be reached: nothing was changed
	ChainRolledBack  ChainState = "rolled_back"  // a change failed, and every member has its earlier password
	ChainFailed      ChainState = "failed"       // a change failed, the others have the common password
	ChainBroken      ChainState = "broken"       // a change failed, and not every member could be restored
)

// Final tells whether the run is over.
func (s ChainState) Final() bool {
	return s != ChainChecking && s != ChainChanging && s != ChainRollingBack
}

// ChainRun is one run of a chain. Its members are those that the chain and its pools had when it began.
type ChainRun struct {
	ID        ChainRunID      `cbor:"id"`
	Number    uint64          `cbor:"number"`
	Chain     ChainID         `cbor:"chain"`
	Policy    PolicyID        `cbor:"policy,omitempty"`
	Rollback  bool            `cbor:"rollback,omitempty"`
	State     ChainState      `cbor:"state"`
	Trigger   string          `cbor:"trigger"`             // "request", "schedule"
	Requester AuthorizationID `cbor:"requester,omitempty"` // empty: the system
	Row       string          `cbor:"row,omitempty"`       // random id that the ciphertext is bound to
	Secret    Sealed          `cbor:"secret"`              // the common password, from its first use until the changes are over
	Members   []RunMember     `cbor:"members"`
	StartedAt Time            `cbor:"started_at"`
	EndedAt   Time            `cbor:"ended_at,omitempty"`
	Revision  uint64          `cbor:"revision"`
}

// RunMember is a credential in a run, with the operation of each phase.
type RunMember struct {
	Credential CredentialID `cbor:"credential"`
	Executor   ExecutorName `cbor:"executor"`
	Template   TemplateID   `cbor:"template"`
	Before     uint64       `cbor:"before,omitempty"` // number of the version that was in force when the run began
	Check      OperationID  `cbor:"check,omitempty"`
	Change     OperationID  `cbor:"change,omitempty"`
	Restore    OperationID  `cbor:"restore,omitempty"`
	Result     MemberResult `cbor:"result,omitempty"`
}

// MemberResult is what became of a member; empty: nothing yet.
type MemberResult string

// The results. A member that was not changed keeps its password.
const (
	MemberReached     MemberResult = "reached"
	MemberUnreachable MemberResult = "unreachable"
	MemberChanged     MemberResult = "changed"
	MemberUnchanged   MemberResult = "unchanged"    // its change failed
	MemberUnknown     MemberResult = "out_of_sync"  // its change failed, and no known password logs in
	MemberRestored    MemberResult = "restored"     // has its earlier password again
	MemberNotRestored MemberResult = "not_restored" // could not be restored: it has the common password, or another one since
)

// Phase is the operation of a member that the run waits for in its state; empty: none.
func (m *RunMember) Phase(s ChainState) OperationID {
	switch s {
	case ChainChecking:
		return m.Check
	case ChainChanging:
		return m.Change
	case ChainRollingBack:
		return m.Restore
	}
	return ""
}

// Holds tells whether a credential is a member.
func (r *ChainRun) Holds(id CredentialID) bool {
	for i := range r.Members {
		if r.Members[i].Credential == id {
			return true
		}
	}
	return false
}

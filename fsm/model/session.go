package model

import "time"

// SessionID names a session: 40 hexadecimal digits, as the vendor has them.
type SessionID string

// SessionState is how far a session has come.
type SessionState uint8

// The states.
const (
	SessionOpening SessionState = iota + 1 // the account is being activated on its target
	SessionActive                          // the account may be used
	SessionEnded                           // final
	SessionFailed                          // final: the account could not be activated
)

func (s SessionState) String() string {
	if s >= SessionOpening && s <= SessionFailed {
		return [...]string{"opening", "active", "ended", "failed"}[s-1]
	}
	return "none"
}

// Bounds of sessions. One that nobody ends is closed when its time is over, so that no account stays active for ever.
const (
	LeastSession   = time.Minute
	DefaultSession = 8 * time.Hour
	MostSession    = 24 * time.Hour
)

// Session is the use of a credential by a person, through a proxy that says when it begins and ends.
type Session struct {
	ID         SessionID       `cbor:"id"`
	Number     uint64          `cbor:"number"` // the API's numeric id
	Credential CredentialID    `cbor:"credential"`
	Device     DeviceID        `cbor:"device"`
	Person     string          `cbor:"person"`           // user at the proxy
	Source     string          `cbor:"source,omitempty"` // where the person comes from
	Protocol   string          `cbor:"protocol,omitempty"`
	Proxy      string          `cbor:"proxy,omitempty"` // name of the proxy
	Reason     string          `cbor:"reason,omitempty"`
	Ticket     string          `cbor:"ticket,omitempty"` // id in the ITSM
	By         AuthorizationID `cbor:"by"`
	State      SessionState    `cbor:"state"`
	StartedAt  Time            `cbor:"started_at"`
	ActiveAt   Time            `cbor:"active_at,omitempty"`
	Until      Time            `cbor:"until"` // it is closed then
	EndedAt    Time            `cbor:"ended_at,omitempty"`
	Ended      string          `cbor:"ended,omitempty"` // why: ended, dropped, timeout, disabled, or what the activation failed by
	Revision   uint64          `cbor:"revision"`
}

// Live tells whether the session is not over.
func (s *Session) Live() bool { return s.State == SessionOpening || s.State == SessionActive }

// AccountState is what we know of an account that is opened for sessions only.
type AccountState uint8

// The states. What may have been activated is open until an inactivation proved otherwise.
const (
	AccountUnknown AccountState = iota // nothing was done yet
	AccountOpen
	AccountClosed
)

func (s AccountState) String() string {
	return [...]string{"unknown", "open", "closed", "unknown"}[s&3]
}

// JIT says how an account is activated when a session begins, and inactivated when the last one ends ("just in time"). It is
// unlocked and locked, or created with the stored secret and deleted, as the kinds of the templates say.
type JIT struct {
	Executor       ExecutorName `cbor:"executor"`
	Activate       TemplateID   `cbor:"activate"`
	Deactivate     TemplateID   `cbor:"deactivate"`
	Authentication CredentialID `cbor:"authentication"` // who logs in to do it: another account, because this one is closed
	Creates        bool         `cbor:"creates,omitempty"`
	State          AccountState `cbor:"state,omitempty"`
	Failures       int          `cbor:"failures,omitempty"` // inactivations that failed in a row
}

// Shut tells whether the account is opened for sessions only and is not open now: nothing logs in as it.
func (c *Credential) Shut() bool { return c.JIT != nil && c.JIT.State != AccountOpen }

// Overdue tells whether the account could not be inactivated for a while: it counts as debt.
func (c *Credential) Overdue() bool { return c.JIT != nil && c.JIT.Failures >= DebtAfter }

// AccessKind is the kind of the operation that activates the account, or inactivates it.
func (j *JIT) AccessKind(activate bool) OperationKind {
	switch {
	case j.Creates && activate:
		return EphemeralCreate
	case j.Creates:
		return EphemeralRemove
	case activate:
		return CredentialActivation
	}
	return CredentialInactivation
}

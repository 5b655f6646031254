package model

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// DefaultPolicyID is the policy of credentials that name none; it always exists.
const DefaultPolicyID PolicyID = "default"

// Strength says how new passwords are made: total length and the least number of each class.
type Strength struct {
	Length  int    `cbor:"length"`
	Lower   int    `cbor:"lower"`
	Upper   int    `cbor:"upper"`
	Digits  int    `cbor:"digits"`
	Symbols int    `cbor:"symbols"`
	Set     string `cbor:"set,omitempty"`    // symbols that may be used; empty: "!%@#^&*_"
	Repeat  bool   `cbor:"repeat,omitempty"` // the same character may occur twice in a row
}

// Policy binds strength and change rules to credentials. Spans are in milliseconds; 0 switches a rule off.
type Policy struct {
	ID              PolicyID        `cbor:"id"`
	Name            string          `cbor:"name"` // unique
	Enabled         bool            `cbor:"enabled"`
	Strength        Strength        `cbor:"strength"`
	MaxAge          int64           `cbor:"max_age"`                     // change at the latest this long after the last change
	ViewExpiry      int64           `cbor:"view_expiry"`                 // change this long after a secret read
	ChangeOnRelease bool            `cbor:"change_on_release"`           // change when the last A2A holder releases custody
	ChangeOnTimeout bool            `cbor:"change_on_timeout"`           // change also when the last custody times out
	Exclusive       bool            `cbor:"exclusive"`                   // one holder at a time
	CustodyTTL      int64           `cbor:"custody_ttl"`                 // how long a custody lasts without release
	Attempts        int             `cbor:"attempts"`                    // tries per operation; 0: as the execution parameters say
	RetryInterval   int64           `cbor:"retry_interval"`              // first pause between tries; doubles up to an hour; 0: as the execution parameters say
	BadLogins       int             `cbor:"bad_logins"`                  // failing logins that settling may cause ...
	BadLoginWindow  int64           `cbor:"bad_login_window"`            // ... in this span
	ChangeOnSession bool            `cbor:"change_on_session,omitempty"` // change when the last session ends
	SessionExpiry   int64           `cbor:"session_expiry,omitempty"`    // change this long after a session
	OneSession      bool            `cbor:"one_session,omitempty"`       // one session at a time
	Priority        int             `cbor:"priority,omitempty"`          // among the policies whose criteria fit, the highest wins; of equal ones the first name
	Criteria        Criteria        `cbor:"criteria,omitzero"`           // credentials that name no policy take it by these
	Window          Window          `cbor:"window,omitzero"`             // when automatic changes may begin
	VerifyEvery     int64           `cbor:"verify_every,omitempty"`      // log in with the stored secret this often
	CreatedBy       AuthorizationID `cbor:"created_by,omitempty"`
	Manifest        string          `cbor:"manifest,omitempty"`
	Revision        uint64          `cbor:"revision"`
}

// DefaultPolicy is what a new cluster starts with: no automatic change, 20 characters, custody of an hour.
func DefaultPolicy() Policy {
	return Policy{
		ID: DefaultPolicyID, Name: "default", Enabled: true,
		Strength:   Strength{Length: 20, Lower: 3, Upper: 3, Digits: 3, Symbols: 2},
		CustodyTTL: time.Hour.Milliseconds(), ChangeOnRelease: true,
		BadLogins: 4, BadLoginWindow: (15 * time.Minute).Milliseconds(),
	}
}

// Span converts one of the policy's millisecond fields.
func Span(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// MaxAttempts bounds the tries of an operation (product.md 1.12).
const MaxAttempts = 10

// Backoff is the pause before try number attempt (from 1): the interval doubled each time, an hour at most unless the
// interval itself is longer.
func (p *Policy) Backoff(attempt int) time.Duration { return backoff(Span(p.RetryInterval), attempt) }

// Patience is the pause of what is tried until it succeeds: as Backoff, but never none, and an hour at most.
func (p *Policy) Patience(attempt int) time.Duration {
	d := Span(p.RetryInterval)
	if d == 0 {
		d = 10 * time.Second
	}
	return backoff(min(d, time.Hour), attempt)
}

func backoff(d time.Duration, attempt int) time.Duration {
	most := max(d, time.Hour)
	for i := 1; i < attempt && 0 < d && d < most; i++ {
		d *= 2
	}
	return min(d, most)
}

// Why an automatic change falls due. But for the first they are triggers of operations.
const (
	DueFirst   = "first"   // the profile that the credential took asks for the first change: its trigger is expiry
	DueExpiry  = "expiry"  // the period of the policy ends
	DueView    = "view"    // the time after a read ends
	DueSession = "session" // the time after a session ends
	DueTimeout = "timeout" // a custody ran out
)

// NextRotation tells when a credential must change under this policy; 0: never.
func (p *Policy) NextRotation(c *Credential) Time {
	due, _ := p.Rotation(c)
	return due
}

// Rotation tells when a credential must change under this policy, and why; 0: never.
func (p *Policy) Rotation(c *Credential) (due Time, why string) {
	x := &c.Execution
	if !p.Enabled || !c.Enabled || c.Shut() {
		return 0, ""
	}
	if !x.Started && x.FirstAt != 0 {
		return max(x.FirstAt, c.RestUntil), DueFirst
	}
	if !x.Automatic || !x.Started {
		return 0, ""
	}
	earliest := func(at Time, reason string) {
		if due == 0 || at < due {
			due, why = at, reason
		}
	}
	if p.MaxAge > 0 {
		earliest(max(c.ChangedAt, c.CreatedAt).Add(Span(p.MaxAge)), DueExpiry)
	}
	if p.ViewExpiry > 0 && c.ViewedAt > c.ChangedAt {
		earliest(c.ViewedAt.Add(Span(p.ViewExpiry)), DueView)
	}
	if p.SessionExpiry > 0 && c.UsedAt > c.ChangedAt {
		earliest(c.UsedAt.Add(Span(p.SessionExpiry)), DueSession)
	}
	if p.ChangeOnTimeout && c.LapsedAt > c.ChangedAt {
		earliest(c.LapsedAt, DueTimeout)
	}
	if due != 0 {
		due = max(due, c.RestUntil)
	}
	return due, why
}

// NextVerify tells when the heartbeat logs in with the stored secret; 0: never. Up to a tenth of the interval is added, as
// the credential's id says, so that logins do not come in waves. An account that no known secret opens is left to people.
func (p *Policy) NextVerify(c *Credential) Time {
	if !p.Enabled || p.VerifyEvery == 0 || !c.Enabled || c.Shut() || c.Execution.Executor == "" || c.Sync == SyncOutOfSync || c.ByRole(RoleCurrent) == nil {
		return 0
	}
	h := sha256.Sum256([]byte(c.ID))
	jitter := int64(binary.BigEndian.Uint32(h[:])) % (p.VerifyEvery/10 + 1)
	return max(c.VerifiedAt, c.TestedAt, c.ChangedAt, c.CreatedAt) + Time(p.VerifyEvery+jitter)
}

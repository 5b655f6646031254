package model

import (
	"fmt"
	"time"
)

// DynamicProfile says how users that come and go are made on a device.
type DynamicProfile struct {
	ID             ProfileID         `cbor:"id"`
	Identifier     string            `cbor:"identifier"` // unique; user names begin with it
	Enabled        bool              `cbor:"enabled"`
	Device         DeviceID          `cbor:"device"`
	Executor       ExecutorName      `cbor:"executor"`
	Create         TemplateID        `cbor:"create"`
	Remove         TemplateID        `cbor:"remove"`
	Authentication CredentialID      `cbor:"authentication"`    // who logs in to create and remove
	Policy         PolicyID          `cbor:"policy,omitempty"`  // strength of the passwords, and retries
	TTL            int64             `cbor:"ttl"`               // milliseconds, unless a request asks for less
	Holders        []AuthorizationID `cbor:"holders,omitempty"` // who may request users besides those who may read Authentication
	Quota          int               `cbor:"quota,omitempty"`   // users of one authorization that are not removed yet; 0: no limit
	CreatedBy      AuthorizationID   `cbor:"created_by,omitempty"`
	Revision       uint64            `cbor:"revision"`
}

// DynamicState is how far a dynamic user has come.
type DynamicState uint8

// The states. A user that may exist on its target is never Removed.
const (
	DynamicRequested DynamicState = iota + 1 // to be created, or being created
	DynamicActive                            // has logged in once; lives until ExpiresAt
	DynamicRemoving                          // to be removed, until it is proven gone twice
	DynamicRemoved                           // proven gone, or never sent to the target
)

func (s DynamicState) String() string {
	if s >= DynamicRequested && s <= DynamicRemoved {
		return [...]string{"requested", "active", "removing", "removed"}[s-1]
	}
	return "none"
}

const (
	// DebtAfter is how many removals may fail in a row before the user counts as debt.
	DebtAfter = 6
	// GoneApart is the time between the two proofs that a user is gone: longer than any packet is under way.
	GoneApart = 10 * time.Minute
)

// DynamicUser is an account that was made for one holder and is removed when its time is over. Its name and secret are
// committed before the target is touched and stay the same through all attempts.
type DynamicUser struct {
	ID        DynamicUserID   `cbor:"id"`
	Number    uint64          `cbor:"number"`
	Profile   ProfileID       `cbor:"profile"`
	Device    DeviceID        `cbor:"device"`
	Username  string          `cbor:"username"`
	Owner     AuthorizationID `cbor:"owner"`
	Row       string          `cbor:"row,omitempty"` // id that the ciphertext is bound to; empty: nothing was committed, nothing sent
	Secret    Sealed          `cbor:"secret"`
	State     DynamicState    `cbor:"state"`
	TTL       int64           `cbor:"ttl"`
	ExpiresAt Time            `cbor:"expires_at,omitempty"` // while Active
	Busy      OperationID     `cbor:"busy,omitempty"`       // the operation that works on it
	Unwanted  string          `cbor:"unwanted,omitempty"`   // why it is to be removed
	ClearAt   Time            `cbor:"clear_at,omitempty"`   // no removal before: end of a lost lease, with its grace
	GoneAt    Time            `cbor:"gone_at,omitempty"`    // first proof that it is gone
	Failures  int             `cbor:"failures,omitempty"`   // removals that failed in a row
	CreatedAt Time            `cbor:"created_at"`
	ActiveAt  Time            `cbor:"active_at,omitempty"`
	ViewedAt  Time            `cbor:"viewed_at,omitempty"`
	RemovedAt Time            `cbor:"removed_at,omitempty"`
	Revision  uint64          `cbor:"revision"`
}

// DynamicName is identifier, a string from the time, and the beginning of the user's id: never used twice.
func DynamicName(identifier string, at Time, id DynamicUserID) string {
	return fmt.Sprintf("%s_%s_%.8s", identifier, at.Std().Format("060102150405"), string(id))
}

// Debt tells whether the target keeps a user that we could not remove.
func (u *DynamicUser) Debt() bool { return u.State == DynamicRemoving && u.Failures >= DebtAfter }

// Account is the user as an executor sees accounts: version 1 is its secret.
func (u *DynamicUser) Account(p *DynamicProfile) *Credential {
	c := &Credential{
		ID: CredentialID(u.ID), Number: u.Number, Identifier: u.Username, Username: u.Username, Device: u.Device, Policy: p.Policy, Enabled: true,
		Execution: Execution{Executor: p.Executor, ChangeTemplate: p.Create, Authentication: p.Authentication},
	}
	if u.Row != "" {
		c.LastN, c.Versions = 1, []SecretVersion{{N: 1, Row: u.Row, Secret: u.Secret, Role: RoleCandidate}}
	}
	return c
}

// Gone takes a proof that the user is gone; found says that it was there, or there again, when the attempt began. It
// tells whether this was the second proof, and otherwise when the next one may come.
func (u *DynamicUser) Gone(found bool, at Time) (proven bool, next Time) {
	if u.GoneAt == 0 || found {
		u.GoneAt = at
	}
	u.Failures = 0
	next = u.GoneAt.Add(GoneApart)
	return at >= next, next
}

package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DynamicProfile says how users that come and go are made on devices. Who logs in to do it is one credential for all
// devices, or that of each device with a user name.
type DynamicProfile struct {
	ID             ProfileID         `cbor:"id"`
	Identifier     string            `cbor:"identifier"` // unique; user names begin with it
	Enabled        bool              `cbor:"enabled"`
	Type           string            `cbor:"type,omitempty"` // of its devices; empty: any
	Executor       ExecutorName      `cbor:"executor"`
	Create         TemplateID        `cbor:"create"`
	Remove         TemplateID        `cbor:"remove"`
	Authentication CredentialID      `cbor:"authentication,omitempty"` // who logs in to create and remove ...
	AuthUser       string            `cbor:"auth_user,omitempty"`      // ... or the user name of the device's own credential
	Devices        []DeviceID        `cbor:"devices,omitempty"`        // where it works; empty: on that of Authentication, or wherever there is an AuthUser
	Additional     string            `cbor:"additional,omitempty"`     // handed to templates: host part, DN of a branch, roles
	Policy         PolicyID          `cbor:"policy,omitempty"`         // strength of the passwords, and retries
	TTL            int64             `cbor:"ttl"`                      // milliseconds, unless a request asks for less
	Life           int64             `cbor:"life,omitempty"`           // longest life with renewals; 0: TTL
	Holders        []AuthorizationID `cbor:"holders,omitempty"`        // who may request users besides those who may read the credential
	Draining       bool              `cbor:"draining,omitempty"`       // is deleted when its users are gone
	CreatedBy      AuthorizationID   `cbor:"created_by,omitempty"`
	Revision       uint64            `cbor:"revision"`
}

// LifeOf is the longest life of its users.
func (p *DynamicProfile) LifeOf() int64 { return max(p.TTL, p.Life) }

// ProvisioningPair is where the users of an application are made, and how.
type ProvisioningPair struct {
	Device  DeviceID  `cbor:"device"`
	Profile ProfileID `cbor:"profile"`
}

// Provisioning is how an application gets dynamic users.
type Provisioning struct {
	Application ApplicationID      `cbor:"application"`
	Automatic   bool               `cbor:"automatic"` // its authorizations get a secret of every pair
	Pairs       []ProvisioningPair `cbor:"pairs,omitempty"`
	Quota       int                `cbor:"quota,omitempty"` // users that are not removed yet; 0: DefaultLeaseQuota
	Revision    uint64             `cbor:"revision"`
}

// DefaultLeaseQuota is how many dynamic users an application holds at most if nobody says otherwise.
const DefaultLeaseQuota = 1000

// LeaseCount counts the dynamic users of an application that are not removed yet; those of all under the empty one.
type LeaseCount struct {
	Application ApplicationID `cbor:"application"`
	Live        int           `cbor:"live"`
}

// Revocation says that all dynamic users under a key that were requested up to a moment are to be removed.
type Revocation struct {
	Key    string `cbor:"key"` // as WantedKeys
	Reason string `cbor:"reason"`
	At     Time   `cbor:"at"`
}

// The keys under which dynamic users are revoked together.
const (
	RevokedProfile       = "p/"
	RevokedAuthorization = "o/"
	RevokedApplication   = "a/"
)

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
	// DebtBreaks is how many such users on one device stop new ones there.
	DebtBreaks = 6
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
	For       ApplicationID   `cbor:"for"`             // the owner's application
	Held      DSMSecretID     `cbor:"held,omitempty"`  // the application secret that shows it
	Entry     string          `cbor:"entry,omitempty"` // which of the secret's entries
	Pod       string          `cbor:"pod,omitempty"`   // namespace/deploy/pod that it was made for
	Row       string          `cbor:"row,omitempty"`   // id that the ciphertext is bound to; empty: nothing was committed, nothing sent
	Secret    Sealed          `cbor:"secret"`
	State     DynamicState    `cbor:"state"`
	TTL       int64           `cbor:"ttl"`
	Life      int64           `cbor:"life"`                 // longest life with renewals
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

// clouds are executors whose targets make the secret: an access key, with an id of its own.
var clouds = []ExecutorName{"aws", "azure", "gcp"}

// IsCloud tells whether users of an executor are handed out as an access key; their secret is then a JSON object with the parts of KeyParts.
func IsCloud(executor ExecutorName) bool { return slices.Contains(clouds, executor) }

// KeyParts are the parts of an access key, by the names that clients know.
func KeyParts() []string { return []string{"access_key_id", "secret_access_key"} }

// shortName is how user names are built for a target that takes no long ones: an identifier of at most so many letters, the time in base 36,
// and the first digits of the user's id.
type shortName struct {
	separator          string
	identifier, digits int
}

// shortNames are for targets that take 20 characters, or 30 without '_'.
var shortNames = map[ExecutorName]shortName{"windows-rpc": {"_", 6, 6}, "winrm": {"_", 6, 6}, "gcp": {"-", 14, 8}}

// MaxIdentifier is how long a profile's identifier may be: it leaves room in user names of 63 bytes, or of fewer where the target takes no more.
func MaxIdentifier(executor ExecutorName) int {
	if s, ok := shortNames[executor]; ok {
		return s.identifier
	}
	return 24
}

// DynamicPrefix is what all user names of a profile begin with.
func DynamicPrefix(executor ExecutorName, identifier string) string {
	if s, ok := shortNames[executor]; ok {
		return strings.ReplaceAll(identifier, "_", s.separator) + s.separator
	}
	return identifier + "_"
}

// DynamicName is a profile's identifier, a string from the time, and the beginning of the user's id: never used twice.
func DynamicName(executor ExecutorName, identifier string, at Time, id DynamicUserID) string {
	prefix := DynamicPrefix(executor, identifier)
	if s, ok := shortNames[executor]; ok {
		return fmt.Sprintf("%s%s%.*s", prefix, strconv.FormatInt(at.Std().Unix(), 36), s.digits, string(id))
	}
	return fmt.Sprintf("%s%s_%.8s", prefix, at.Std().Format("060102150405"), string(id))
}

// Live tells whether the user exists, or may come to exist, on its target.
func (u *DynamicUser) Live() bool { return u.State != 0 && u.State != DynamicRemoved }

// Wanted tells whether the user is there, or on its way, and nobody has asked for its end.
func (u *DynamicUser) Wanted() bool {
	return u.Unwanted == "" && (u.State == DynamicRequested || u.State == DynamicActive)
}

// WantedKeys are what it is revoked by, together with others.
func (u *DynamicUser) WantedKeys() []string {
	return []string{RevokedProfile + string(u.Profile), RevokedAuthorization + string(u.Owner), RevokedApplication + string(u.For)}
}

// Use is what it is for: entries of a secret, for one holder and pod; empty if it was requested by itself.
func (u *DynamicUser) Use() string {
	if u.Held == "" {
		return ""
	}
	return DynamicUse(u.Held, u.Entry, u.Owner, u.Pod)
}

// DynamicUse names a use.
func DynamicUse(held DSMSecretID, entry string, owner AuthorizationID, pod string) string {
	return string(held) + "/" + entry + "/" + string(owner) + "/" + pod
}

// Debt tells whether the target keeps a user that we could not remove.
func (u *DynamicUser) Debt() bool { return u.State == DynamicRemoving && u.Failures >= DebtAfter }

// Account is the user as an executor sees accounts: version 1 is its secret.
func (u *DynamicUser) Account(p *DynamicProfile) *Credential {
	c := &Credential{
		ID: CredentialID(u.ID), Number: u.Number, Identifier: u.Username, Username: u.Username, Device: u.Device, Policy: p.Policy, Additional: p.Additional, Enabled: true,
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

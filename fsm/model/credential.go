package model

import "time"

// VersionRole says what a secret version is to its credential. Transitions change a role, they never delete a version.
type VersionRole uint8

// The roles. At most one version is Current and at most one is Candidate.
const (
	RoleCurrent   VersionRole = iota + 1 // believed to be in force on the target
	RoleCandidate                        // offered, or about to be offered, to the target; not yet proven
	RoleRetired                          // was Current before
	RoleAbandoned                        // was Candidate and was not accepted, as far as we know
)

func (r VersionRole) String() string {
	if r >= RoleCurrent && r <= RoleAbandoned {
		return [...]string{"current", "candidate", "retired", "abandoned"}[r-1]
	}
	return "none"
}

// SecretVersion is one value that was, or may have been, in force on the target.
type SecretVersion struct {
	N      uint64      `cbor:"n"`   // counts from 1 within the credential
	Row    string      `cbor:"row"` // random id chosen by the proposer: binds the ciphertext to its place (AAD)
	Secret Sealed      `cbor:"secret"`
	Role   VersionRole `cbor:"role"`
	At     Time        `cbor:"at"`               // when it was committed
	By     OperationID `cbor:"by,omitempty"`     // the operation that made it; empty: put by a client
	Since  Time        `cbor:"since,omitempty"`  // when it got its present role
	Unsent bool        `cbor:"unsent,omitempty"` // the attempt proved that it never went to the target
	Public string      `cbor:"public,omitempty"` // of an SSH key: its public half
	Common bool        `cbor:"common,omitempty"` // made by a run of a chain: other credentials may have the same password
}

// SyncState says whether vault and target agree.
type SyncState uint8

// The sync states.
const (
	SyncUnknown   SyncState = iota // never verified, for example just registered; or the Current version was refused, and which one is in force is not known
	SyncInSync                     // the Current version was proven by a login or by the target's answer
	SyncChanging                   // a candidate is on its way
	SyncOutOfSync                  // no known version logs in: alarm
)

func (s SyncState) String() string {
	return [...]string{"unknown", "in_sync", "changing", "out_of_sync"}[s&3]
}

// OTPKey is the key of one-time codes, sealed like a secret version.
type OTPKey struct {
	Row    string `cbor:"row"` // random id chosen by the proposer: binds the ciphertext to its place
	Secret Sealed `cbor:"secret"`
}

// Execution says how the credential's secret is changed on its target.
type Execution struct {
	Automatic      bool           `cbor:"automatic,omitempty"`       // policy triggers may change it
	Started        bool           `cbor:"started,omitempty"`         // the first, manual change has succeeded (product.md 1.2)
	FirstAt        Time           `cbor:"first_at,omitempty"`        // when the first change falls due by itself, as a profile says; 0: somebody asks for it
	Executor       ExecutorName   `cbor:"executor,omitempty"`        // empty: no change is possible
	ChangeTemplate TemplateID     `cbor:"change_template,omitempty"` // how to change
	Authentication CredentialID   `cbor:"authentication,omitempty"`  // who logs in to do the work; empty: the credential itself
	Reconcile      Reconciliation `cbor:"reconcile,omitzero"`        // how vault and target are made to agree again
}

// Reconciliation says how the secret is set anew when vault and target may disagree: by another account, with a template of
// its own.
type Reconciliation struct {
	Autorun        bool         `cbor:"autorun,omitempty"` // by itself after a change or a verification that failed
	Executor       ExecutorName `cbor:"executor"`
	Template       TemplateID   `cbor:"template"`
	Authentication CredentialID `cbor:"authentication"`
}

// Possible tells whether everything is named.
func (r *Reconciliation) Possible() bool { return r.Template != "" && r.Authentication != "" }

// Credential is an account on a device and every secret version that may open it.
type Credential struct {
	ID         CredentialID       `cbor:"id"`
	Number     uint64             `cbor:"number"`     // the API's numeric id
	Identifier string             `cbor:"identifier"` // unique, [a-zA-Z0-9-_.], never purely numeric
	Username   string             `cbor:"username"`
	Domain     string             `cbor:"domain,omitempty"`
	Device     DeviceID           `cbor:"device"`
	Type       string             `cbor:"type"` // "Local User", "Domain user" ...
	Additional string             `cbor:"additional,omitempty"`
	OTP        *OTPKey            `cbor:"otp,omitempty"` // second factor of its login; nil: none that we know
	Tags       []string           `cbor:"tags,omitempty"`
	Versions   []SecretVersion    `cbor:"versions"`
	LastN      uint64             `cbor:"last_n"`             // number of the newest version ever
	Busy       OperationID        `cbor:"busy,omitempty"`     // the one operation that may change it now
	Parent     CredentialID       `cbor:"parent,omitempty"`   // takes the parent's password after each change
	Policy     PolicyID           `cbor:"policy,omitempty"`   // given by name; empty: the one whose criteria fit
	Governed   PolicyID           `cbor:"governed,omitempty"` // the policy whose criteria fitted when it was last planned; empty: the default policy
	Settings   *Settings          `cbor:"settings,omitempty"`
	Profile    ExecutionProfileID `cbor:"profile,omitempty"` // that it took when it was registered
	Key        *KeyPair           `cbor:"key,omitempty"`     // nil: the secret is a password
	Execution  Execution          `cbor:"execution"`
	JIT        *JIT               `cbor:"jit,omitempty"` // nil: the account is always open
	Sync       SyncState          `cbor:"sync"`
	RotateAt   Time               `cbor:"rotate_at,omitempty"`   // when the expiry trigger fires; 0: never
	RestUntil  Time               `cbor:"rest_until,omitempty"`  // after a failed change triggers leave it alone until then
	ChangedAt  Time               `cbor:"changed_at,omitempty"`  // last successful change
	ViewedAt   Time               `cbor:"viewed_at,omitempty"`   // secret read that a policy with view expiry counts from: the first one after a change
	ReadAt     Time               `cbor:"read_at,omitempty"`     // last secret read, to the minute
	UsedAt     Time               `cbor:"used_at,omitempty"`     // end of the last session
	LapsedAt   Time               `cbor:"lapsed_at,omitempty"`   // when the last custody ran out, and nobody had given it back
	VerifiedAt Time               `cbor:"verified_at,omitempty"` // last proof of the Current version by login
	VerifyAt   Time               `cbor:"verify_at,omitempty"`   // when the heartbeat logs in; 0: never
	TestedAt   Time               `cbor:"tested_at,omitempty"`   // when a verification ended last
	DriftedAt  Time               `cbor:"drifted_at,omitempty"`  // when the current secret was refused for the first time since VerifiedAt
	BadLogins  []Time             `cbor:"bad_logins,omitempty"`  // failed logins of ours, newest last: the login budget
	Reserved   []LoginReserve     `cbor:"reserved,omitempty"`    // logins that attempts at work may still fail
	Enabled    bool               `cbor:"enabled"`
	CreatedBy  AuthorizationID    `cbor:"created_by,omitempty"`
	CreatedAt  Time               `cbor:"created_at"`
	Manifest   string             `cbor:"manifest,omitempty"`
	Revision   uint64             `cbor:"revision"`
}

// LastRead is when its secret was read last; rows of before ReadAt know the read that counts only.
func (c *Credential) LastRead() Time { return max(c.ReadAt, c.ViewedAt) }

// Settings describe an account to people, and to templates where it is on the server. They decide nothing.
type Settings struct {
	Owner       string `cbor:"owner,omitempty"`       // the person that the account belongs to
	Criticality string `cbor:"criticality,omitempty"` // one of Criticalities; empty: medium
	ServerPath  string `cbor:"server_path,omitempty"`
	Notes       string `cbor:"notes,omitempty"`
}

// Criticalities lists how critical an account may be.
var Criticalities = []string{"low", "medium", "high", "critical"}

// Critical is how critical the account is.
func (c *Credential) Critical() string {
	if c.Settings == nil || c.Settings.Criticality == "" {
		return "medium"
	}
	return c.Settings.Criticality
}

// ByRole finds the newest version with a role; nil if there is none.
func (c *Credential) ByRole(role VersionRole) *SecretVersion {
	for i := len(c.Versions) - 1; i >= 0; i-- {
		if c.Versions[i].Role == role {
			return &c.Versions[i]
		}
	}
	return nil
}

// CarriesSecret tells whether work on the credential sends a secret to its device: its own, that of the credential that
// logs in for it, or its parent's. Where it is sent is then guarded like the secret (RULES 8).
func (c *Credential) CarriesSecret() bool {
	return len(c.Versions) > 0 || c.Execution.Authentication != "" || c.Execution.Reconcile.Authentication != "" || c.Parent != "" || c.JIT != nil
}

// Recheck is how long a credential is left alone by its triggers while an operation on it is open: what is due would
// otherwise be looked at in every round of the scheduler until the operation ends. Its end plans anew; one that somebody
// cancelled does not, so that it does not begin again at once.
const Recheck = time.Hour

// PutOff moves what is due by itself, the change or the verification, to a later moment. It tells whether it was due.
func (c *Credential) PutOff(k OperationKind, now, until Time) bool {
	at := &c.RotateAt
	if k == Verify {
		at = &c.VerifyAt
	}
	if *at == 0 || *at > now {
		return false
	}
	*at = until
	return true
}

// Version finds a version by number; nil if it is gone.
func (c *Credential) Version(n uint64) *SecretVersion {
	for i := range c.Versions {
		if c.Versions[i].N == n {
			return &c.Versions[i]
		}
	}
	return nil
}

// AddVersion appends a value with the next number and returns that number. A new Current retires the old one;
// a new Candidate abandons an older one.
func (c *Credential) AddVersion(row string, s Sealed, role VersionRole, by OperationID, at Time) uint64 {
	switch role {
	case RoleCurrent:
		c.demote(RoleCurrent, RoleRetired, at)
	case RoleCandidate:
		c.demote(RoleCandidate, RoleAbandoned, at)
	}
	c.LastN++
	c.Versions = append(c.Versions, SecretVersion{N: c.LastN, Row: row, Secret: s, Role: role, At: at, By: by, Since: at})
	return c.LastN
}

// Reoffer makes an abandoned version that was provably never sent the Candidate again, so that failing attempts do not
// pile up versions. It returns false when version n is not such a one.
func (c *Credential) Reoffer(n uint64, at Time) bool {
	v := c.Version(n)
	if v == nil || v.Role != RoleAbandoned || !v.Unsent {
		return false
	}
	c.demote(RoleCandidate, RoleAbandoned, at)
	v.Role, v.Unsent, v.Since = RoleCandidate, false, at
	return true
}

func (c *Credential) demote(from, to VersionRole, at Time) {
	for i := range c.Versions {
		if c.Versions[i].Role == from {
			c.Versions[i].Role, c.Versions[i].Since = to, at
		}
	}
}

// Adopt makes version n the Current one because the target proved it: the former Current retires. It returns false
// when there is no such version.
func (c *Credential) Adopt(n uint64, at Time) bool {
	v := c.Version(n)
	if v == nil {
		return false
	}
	if v.Role != RoleCurrent {
		c.demote(RoleCurrent, RoleRetired, at)
		v.Role, v.Since = RoleCurrent, at
	}
	c.Sync = SyncInSync
	return true
}

// Abandon turns the candidate, if any, into an abandoned version; it stays a possible password.
func (c *Credential) Abandon(at Time) { c.demote(RoleCandidate, RoleAbandoned, at) }

// SettleOrder lists the versions to try when it is not known which one is in force: Candidate, Current, then the newest
// Abandoned and Retired; those that provably were never sent come last.
func (c *Credential) SettleOrder() []uint64 {
	var order, unsent []uint64
	for _, role := range []VersionRole{RoleCandidate, RoleCurrent, RoleAbandoned, RoleRetired} {
		for i := len(c.Versions) - 1; i >= 0; i-- {
			switch v := c.Versions[i]; {
			case v.Role == role && v.Unsent:
				unsent = append(unsent, v.N)
			case v.Role == role:
				order = append(order, v.N)
			}
		}
	}
	return append(order, unsent...)
}

// Custody is a checkout that was not released yet.
type Custody struct {
	ID            CustodyID       `cbor:"id"`
	Credential    CredentialID    `cbor:"credential"`
	Authorization AuthorizationID `cbor:"authorization"`
	Version       uint64          `cbor:"version"` // of the last read
	Since         Time            `cbor:"since"`
	Until         Time            `cbor:"until"` // the custody ends by itself then
}

package model

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// Limits of DSM secrets.
const (
	MaxDSMVersions = 50  // kept of one secret; the oldest goes
	MaxDSMFields   = 256 // in one version
	MaxDSMHeld     = 500 // secrets that one authorization may hold
)

// DSMSecretID names a secret of an application.
type DSMSecretID string

// DSMSecret is what an application gets at run time: named values, and accounts by reference. Its identity is unique
// within the authorization that owns it; the versions are rows of their own.
type DSMSecret struct {
	ID          DSMSecretID       `cbor:"id"`
	Number      uint64            `cbor:"number"`   // the API's numeric id
	Identity    string            `cbor:"identity"` // what clients ask for
	Name        string            `cbor:"name"`     // what people read
	Engine      string            `cbor:"engine"`
	Description string            `cbor:"description,omitempty"`
	Tags        []string          `cbor:"tags,omitempty"`
	ExpiresAt   Time              `cbor:"expires_at,omitempty"` // inactive from then on; 0: never
	EndTold     Time              `cbor:"end_told,omitempty"`   // ExpiresAt, once automations were told that it was over
	Owner       AuthorizationID   `cbor:"owner"`
	Readers     []AuthorizationID `cbor:"readers,omitempty"`  // who holds it besides its owner
	Version     uint64            `cbor:"version"`            // in force
	LastN       uint64            `cbor:"last_n"`             // newest version ever
	Profiles    []ProfileID       `cbor:"profiles,omitempty"` // of the dynamic users that the version in force shows
	Enabled     bool              `cbor:"enabled"`

	RenewEphemeral    int64 `cbor:"renew_ephemeral,omitempty"`    // milliseconds between new dynamic users; 0: off
	RenewCredential   int64 `cbor:"renew_credential,omitempty"`   // between changes of the accounts that it refers to; 0: off
	RenewedEphemeral  Time  `cbor:"renewed_ephemeral,omitempty"`  // last time, or when it was switched on
	RenewedCredential Time  `cbor:"renewed_credential,omitempty"` // the same

	CreatedBy AuthorizationID `cbor:"created_by,omitempty"`
	CreatedAt Time            `cbor:"created_at"`
	ChangedAt Time            `cbor:"changed_at"` // of the version in force
	Revision  uint64          `cbor:"revision"`
}

// Active tells whether the secret is handed out at a moment.
func (s *DSMSecret) Active(at Time) bool { return s.Enabled && (s.ExpiresAt == 0 || at < s.ExpiresAt) }

// LeastRenew is the shortest interval of a renewal, and how much longer a dynamic user lives at least: who read the old one
// has that time to read again.
const LeastRenew = 10 * time.Minute

// RenewAt tells when the next renewal of a kind is due; 0: never.
func (s *DSMSecret) RenewAt() (ephemeral, credential Time) {
	if s.RenewEphemeral != 0 {
		ephemeral = s.RenewedEphemeral.Add(Span(s.RenewEphemeral))
	}
	if s.RenewCredential != 0 {
		credential = s.RenewedCredential.Add(Span(s.RenewCredential))
	}
	return ephemeral, credential
}

// HeldBy tells whether an authorization is its owner or a reader.
func (s *DSMSecret) HeldBy(a AuthorizationID) bool {
	return s.Owner == a || slices.Contains(s.Readers, a)
}

// DSMKind says what an entry of a secret is.
type DSMKind string

// The kinds of entries.
const (
	DSMKeyValue   DSMKind = "key_value"  // values that a client sent
	DSMAccessKey  DSMKind = "access_key" // the same, known to be keys of a cloud
	DSMCredential DSMKind = "credential" // an account, read when the secret is read
	DSMEphemeral  DSMKind = "ephemeral"  // a dynamic user of the reader, made when there is none
)

// DSMField is one named value: ciphertext of its own, or, in a reference, a part of the account.
type DSMField struct {
	Name   string `cbor:"name"`           // under which clients get it
	From   string `cbor:"from,omitempty"` // part of the account: username, password, hostname, ip, additional, domain; of a dynamic user also ttl and KeyParts
	Row    string `cbor:"row,omitempty"`  // random id chosen by the proposer: binds the ciphertext to its place
	Secret Sealed `cbor:"secret"`
	Mark   []byte `cbor:"mark,omitempty"` // keyed fingerprint of the value: tells whether it changed, without opening it
}

// Part gives a part of an account that DSMField.From names, but for its secret; d is its device, or nil.
func (c *Credential) Part(from string, d *Device) string {
	switch {
	case from == "username":
		return c.Username
	case from == "additional":
		return c.Additional
	case from == "domain":
		return c.Domain
	case d != nil && from == "hostname":
		return d.Hostname
	case d != nil && from == "ip":
		return d.IP
	}
	return ""
}

// DSMEntry is one object of a secret's data.
type DSMEntry struct {
	Kind       DSMKind      `cbor:"kind"`
	Type       string       `cbor:"type,omitempty"`       // of an access key: aws, azure, gcp
	Credential CredentialID `cbor:"credential,omitempty"` // of a reference
	Device     DeviceID     `cbor:"device,omitempty"`     // of an ephemeral entry: where its users are made ...
	Profile    ProfileID    `cbor:"profile,omitempty"`    // ... and how
	Fields     []DSMField   `cbor:"fields"`
}

// DSMVersion is the data of a secret as it was put once; it never changes, except that its ciphertext follows the key term.
type DSMVersion struct {
	Secret  DSMSecretID     `cbor:"secret"`
	N       uint64          `cbor:"n"`
	Entries []DSMEntry      `cbor:"entries"`
	By      AuthorizationID `cbor:"by"`
	At      Time            `cbor:"at"`
	Of      uint64          `cbor:"of,omitempty"` // the version that was rolled back to
}

// References lists the accounts that a version refers to.
func (v *DSMVersion) References() []CredentialID {
	var ids []CredentialID
	for _, e := range v.Entries {
		if e.Credential != "" && !slices.Contains(ids, e.Credential) {
			ids = append(ids, e.Credential)
		}
	}
	return ids
}

// Pair is where the users of an ephemeral entry are made, and how.
func (e *DSMEntry) Pair() ProvisioningPair { return ProvisioningPair{e.Device, e.Profile} }

// EntryKey names an ephemeral entry within its secret.
func (p ProvisioningPair) EntryKey() string { return string(p.Device) + "+" + string(p.Profile) }

// Ephemerals lists the pairs of a version's ephemeral entries.
func (v *DSMVersion) Ephemerals() []ProvisioningPair {
	var pairs []ProvisioningPair
	for i := range v.Entries {
		if e := &v.Entries[i]; e.Kind == DSMEphemeral && !slices.Contains(pairs, e.Pair()) {
			pairs = append(pairs, e.Pair())
		}
	}
	return pairs
}

// Profiles lists the profiles of a version's ephemeral entries.
func (v *DSMVersion) Profiles() []ProfileID {
	var ids []ProfileID
	for _, pair := range v.Ephemerals() {
		if !slices.Contains(ids, pair.Profile) {
			ids = append(ids, pair.Profile)
		}
	}
	return ids
}

// SameData tells whether two lists of entries hold the same, as far as fingerprints tell.
func SameData(a, b []DSMEntry) bool {
	return slices.EqualFunc(a, b, func(x, y DSMEntry) bool {
		return x.Kind == y.Kind && x.Type == y.Type && x.Credential == y.Credential && x.Pair() == y.Pair() && slices.EqualFunc(x.Fields, y.Fields, sameField)
	})
}

func sameField(x, y DSMField) bool {
	known := x.From != "" || len(x.Mark) > 0
	return known && x.Name == y.Name && x.From == y.From && bytes.Equal(x.Mark, y.Mark)
}

// Delegation names authorizations of other applications that a client may ask keys for. A pattern is a name, or the
// beginning of names before a "*"; an empty list names nothing.
type Delegation struct {
	Applications []string `cbor:"applications"`
	Systems      []string `cbor:"systems"`
	Environments []string `cbor:"environments"`
}

// Names tells whether the delegation names an authorization.
func (d Delegation) Names(application, system, environment string) bool {
	return fits(d.Applications, application) && fits(d.Systems, system) && fits(d.Environments, environment)
}

func fits(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		begin, open := strings.CutSuffix(p, "*")
		return p == name || open && strings.HasPrefix(name, begin)
	})
}

// ClientKey is a client secret that was added to an authorization for a while.
type ClientKey struct {
	Authorization AuthorizationID `cbor:"authorization"`
	Epoch         uint64          `cbor:"epoch"`           // of the authorization: revoking everything ends the key too
	Asked         []Asker         `cbor:"asked,omitempty"` // who asked for it, if that is another, and for the key of that one: it ends with the tokens of each
	Secret        ClientSecret    `cbor:"secret"`
}

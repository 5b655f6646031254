package model

import "slices"

// AccessProfileID names an access profile.
type AccessProfileID string

// AccessProfile is rights on some credentials, under a name: an authorization that refers to it has these rights on them, besides
// its own rights on what its own filter reaches. Who has any profile that fits a credential sees it.
type AccessProfile struct {
	ID          AccessProfileID `cbor:"id"`
	Name        string          `cbor:"name"` // unique
	Enabled     bool            `cbor:"enabled"`
	Rights      []Right         `cbor:"rights,omitempty"`      // of ProfileRights; none: to see them
	Credentials []CredentialID  `cbor:"credentials,omitempty"` // these, and those to which each list fits that is not empty:
	Devices     []DeviceID      `cbor:"devices,omitempty"`
	Tags        []string        `cbor:"tags,omitempty"`
	Types       []string        `cbor:"types,omitempty"` // of credentials
	CreatedBy   AuthorizationID `cbor:"created_by,omitempty"`
	Revision    uint64          `cbor:"revision"`
}

// ProfileRights are the rights that are about a credential.
var ProfileRights = []Right{SecretRead, CredentialWrite, OperationRun}

// Fits tells whether the profile is about a credential. What decides it stands in the credential itself: who may only change a
// device changes nobody's reach.
func (p *AccessProfile) Fits(c *Credential) bool {
	if c.ID != "" && slices.Contains(p.Credentials, c.ID) {
		return true
	}
	if len(p.Devices)+len(p.Tags)+len(p.Types) == 0 {
		return false
	}
	return (len(p.Devices) == 0 || slices.Contains(p.Devices, c.Device)) &&
		(len(p.Types) == 0 || slices.Contains(p.Types, c.Type)) &&
		(len(p.Tags) == 0 || slices.ContainsFunc(p.Tags, func(t string) bool { return slices.Contains(c.Tags, t) }))
}

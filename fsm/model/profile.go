package model

// ExecutionProfileID names an execution profile.
type ExecutionProfileID string

// ExecutionProfile is how new credentials are managed: they take it when they are registered, as far as whoever registers
// them says nothing else. A later change of the profile changes no credential. One that names a device is for the new
// credentials of that device and goes before those that are taken by criteria.
type ExecutionProfile struct {
	ID             ExecutionProfileID `cbor:"id"`
	Name           string             `cbor:"name"` // unique
	Enabled        bool               `cbor:"enabled"`
	Device         DeviceID           `cbor:"device,omitempty"`    // for the new credentials of this device ...
	Priority       int                `cbor:"priority,omitempty"`  // ... or for those whose criteria fit: the highest wins, of equal ones the first name
	Criteria       Criteria           `cbor:"criteria,omitzero"`   // fit an SSH key only if they name its type
	Automatic      bool               `cbor:"automatic,omitempty"` // policy triggers may change it
	Change         TemplateID         `cbor:"change,omitempty"`    // how the secret is changed
	Authentication CredentialID       `cbor:"authentication,omitempty"`
	AuthUser       string             `cbor:"auth_user,omitempty"`   // instead: the user name of the device's own credential that logs in
	Activate       TemplateID         `cbor:"activate,omitempty"`    // opens the account when a session begins ...
	Deactivate     TemplateID         `cbor:"deactivate,omitempty"`  // ... and closes it when the last one ends; who logs in does both
	Immediate      bool               `cbor:"immediate,omitempty"`   // the first change falls due by itself ...
	FirstAfter     int64              `cbor:"first_after,omitempty"` // ... so many milliseconds after the registration
	CreatedBy      AuthorizationID    `cbor:"created_by,omitempty"`
	Revision       uint64             `cbor:"revision"`
}

// Misfit names what keeps a new credential from taking the profile; "": nothing.
func (p *ExecutionProfile) Misfit(c *Credential, d *Device) string {
	switch {
	case p.Device != "" && p.Device != c.Device:
		return "device"
	case p.Device != "":
		return ""
	case c.Key != nil && len(p.Criteria.Types) == 0:
		return "types"
	}
	return p.Criteria.Misfit(c, d)
}

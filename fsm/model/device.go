package model

// Connectivity is a protocol that a device answers, with its port.
type Connectivity struct {
	Protocol string `cbor:"protocol"` // upper case: SSH, POSTGRESQL ...
	Port     uint16 `cbor:"port"`
}

// HostKey is a pinned SSH host key: a public key, or only its fingerprint.
type HostKey struct {
	Fingerprint string          `cbor:"fingerprint"`   // SHA256:... as OpenSSH prints it
	Line        string          `cbor:"key,omitempty"` // "ssh-ed25519 AAAA...", empty when pinned by fingerprint
	At          Time            `cbor:"at"`
	By          AuthorizationID `cbor:"by,omitempty"`
}

// Device is a target system.
type Device struct {
	ID             DeviceID        `cbor:"id"`
	Number         uint64          `cbor:"number"`   // the API's numeric id
	Hostname       string          `cbor:"hostname"` // unique
	IP             string          `cbor:"ip,omitempty"`
	Domain         string          `cbor:"domain,omitempty"`
	Type           string          `cbor:"type,omitempty"`
	Vendor         string          `cbor:"vendor,omitempty"`
	Model          string          `cbor:"model,omitempty"`
	Site           string          `cbor:"site,omitempty"`
	Tags           []string        `cbor:"tags,omitempty"`
	Connectivities []Connectivity  `cbor:"connectivities,omitempty"`
	HostKeys       []HostKey       `cbor:"host_keys,omitempty"`
	CA             string          `cbor:"ca,omitempty"`           // PEM bundle that signs the target's TLS certificate
	InsecureTLS    bool            `cbor:"insecure_tls,omitempty"` // audited opt-out of TLS verification
	Via            DeviceID        `cbor:"via,omitempty"`          // the jump host or proxy that leads there
	ViaLogin       CredentialID    `cbor:"via_login,omitempty"`    // who logs in at that one; "": a proxy that asks nobody
	Lanes          int             `cbor:"lanes,omitempty"`        // operations on it at once; 0: the general limit
	Enabled        bool            `cbor:"enabled"`
	CreatedBy      AuthorizationID `cbor:"created_by,omitempty"`
	CreatedAt      Time            `cbor:"created_at"`
	Manifest       string          `cbor:"manifest,omitempty"`
	Revision       uint64          `cbor:"revision"`
}

// Address is where to connect: the IP if there is one, else the host name.
func (d *Device) Address() string {
	if d.IP != "" {
		return d.IP
	}
	return d.Hostname
}

// Port finds the port of a protocol; 0 if the device does not list it.
func (d *Device) Port(protocol string) uint16 {
	for _, c := range d.Connectivities {
		if c.Protocol == protocol {
			return c.Port
		}
	}
	return 0
}

// Most is how many operations may work on the device at once: so many in general.
func (d *Device) Most(general int) int {
	if d.Lanes > 0 {
		return d.Lanes
	}
	return general
}

// MaxLanes is how many operations may work on one device at once, at most.
const MaxLanes = 64

// MaxHops is how many jump hosts and proxies may stand one behind the other on the way to a device.
const MaxHops = 4

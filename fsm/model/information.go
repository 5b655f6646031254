package model

// Limits of protected information.
const (
	MaxInformation         = 64 << 10 // bytes of one content
	MaxInformationVersions = 8        // kept contents; the oldest goes
)

// InformationID names a piece of protected information.
type InformationID string

// Information is a text that is kept secret and belongs to no device: a note, a licence, a recovery phrase.
type Information struct {
	ID         InformationID        `cbor:"id"`
	Number     uint64               `cbor:"number"`     // the API's numeric id
	Identifier string               `cbor:"identifier"` // unique, as a credential's
	Name       string               `cbor:"name,omitempty"`
	Type       string               `cbor:"type,omitempty"`
	Service    string               `cbor:"service,omitempty"`
	URL        string               `cbor:"url,omitempty"`
	Tags       []string             `cbor:"tags,omitempty"`
	Versions   []InformationVersion `cbor:"versions"` // the last one is in force
	LastN      uint64               `cbor:"last_n"`
	Enabled    bool                 `cbor:"enabled"`
	CreatedBy  AuthorizationID      `cbor:"created_by,omitempty"`
	CreatedAt  Time                 `cbor:"created_at"`
	Revision   uint64               `cbor:"revision"`
}

// InformationVersion is one content.
type InformationVersion struct {
	N      uint64 `cbor:"n"`
	Row    string `cbor:"row"` // random id chosen by the proposer: binds the ciphertext to its place
	Secret Sealed `cbor:"secret"`
	At     Time   `cbor:"at"`
}

// Current is the content in force; nil if there is none.
func (i *Information) Current() *InformationVersion {
	if len(i.Versions) == 0 {
		return nil
	}
	return &i.Versions[len(i.Versions)-1]
}

package model

// RelatedUserID names a related user.
type RelatedUserID string

// RelatedUser ties the name of a person to a user name elsewhere. It decides nothing.
type RelatedUser struct {
	ID       RelatedUserID   `cbor:"id"`
	Number   uint64          `cbor:"number"` // the API's numeric id
	Name     string          `cbor:"name"`
	Username string          `cbor:"username"` // unique
	By       AuthorizationID `cbor:"by,omitempty"`
	At       Time            `cbor:"at"`
	Revision uint64          `cbor:"revision"`
}

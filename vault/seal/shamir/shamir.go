// Package shamir seals the root key under a key that exists only in shares held by people (Shamir's secret sharing
// over GF(256)).
//
// It owns the field arithmetic, the text of shares, their collection, and the seal over the combined key. It guarantees
// that fewer shares than the threshold tell nothing, that its time does not depend on secrets, and that no error shows
// a part of a share. The same shares, of kind Recovery, guard the key of last resort in vault/keyring.
package shamir

import (
	"context"
	"errors"

	"cofre/vault/seal"
	"cofre/vault/secret"
)

// Name is the seal's name.
const Name = "shamir"

const label = "root key under shares"

// Seal wraps root keys under the combined key.
type Seal struct{ key secret.Value }

var _ seal.Seal = (*Seal)(nil)

// New makes a seal over a combined key, for example of Generate. With an empty key the seal only unwraps, by the
// shares of its input.
func New(key secret.Value) *Seal { return &Seal{key} }

// Name is "shamir".
func (s *Seal) Name() string { return Name }

// Wrap seals root under the combined key.
func (s *Seal) Wrap(ctx context.Context, root secret.Value) (seal.Blob, error) {
	if err := ctx.Err(); err != nil {
		return seal.Blob{}, err
	}
	if s.key.Len() == 0 {
		return seal.Blob{}, errors.New("seal the root key: the shares were not combined")
	}
	box, err := seal.Box(s.key, label, root)
	return seal.Blob{Seal: Name, Data: box}, err
}

// Unwrap opens the blob with the shares of in, or with the combined key when in is empty.
func (s *Seal) Unwrap(ctx context.Context, b seal.Blob, in seal.Input) (secret.Value, error) {
	if err := ctx.Err(); err != nil {
		return secret.Value{}, err
	}
	if err := b.Check(s); err != nil {
		return secret.Value{}, err
	}
	if len(in.Shares) == 0 && s.key.Len() > 0 {
		return seal.Unbox(s.key, label, b.Data)
	}
	c := NewCollector(Unseal)
	defer c.Reset()
	for _, text := range in.Shares {
		if _, err := c.Add(text); err != nil {
			return secret.Value{}, err
		}
	}
	key, err := c.Key()
	if err != nil {
		return secret.Value{}, err
	}
	defer key.Wipe()
	return seal.Unbox(key, label, b.Data)
}

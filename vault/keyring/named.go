package keyring

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"

	"cofre/fsm/model"
	"cofre/vault/barrier"
	"cofre/vault/secret"
)

// Key is a named key, opened. The caller wipes Private.
type Key struct {
	ID      uint32
	Public  []byte
	Private secret.Value
}

// AddKey adds the next key of a name to the row; the newest one is in use, older ones stay to verify. The caller keeps
// private, to wipe.
func (r *Ring) AddKey(row *model.Keyring, name string, public []byte, private secret.Value, at model.Time) error {
	var random [16]byte
	_, _ = rand.Read(random[:])
	k := model.NamedKey{Name: name, ID: 1, Public: public, Row: hex.EncodeToString(random[:]), At: at}
	if newest := row.Key(name); newest != nil {
		k.ID = newest.ID + 1
	}
	var err error
	if k.Secret, err = r.barrier.Encrypt(place(k), private); err != nil {
		return fmt.Errorf("add key %s: %w", name, err)
	}
	row.Keys = append(slices.Clone(row.Keys), k)
	return nil
}

// Key opens the newest key of a name; an error of kind NotFound when there is none.
func (r *Ring) Key(row model.Keyring, name string) (Key, error) {
	k := row.Key(name)
	if k == nil {
		return Key{}, model.Errorf(model.NotFound, "the keyring has no key %s", name)
	}
	return r.open(*k)
}

// KeyByID opens one key of a name, for example the pepper that a stored secret was made under.
func (r *Ring) KeyByID(row model.Keyring, name string, id uint32) (Key, error) {
	for _, k := range row.Keys {
		if k.Name == name && k.ID == id {
			return r.open(k)
		}
	}
	return Key{}, model.Errorf(model.NotFound, "the keyring has no key %s %d", name, id)
}

// RewrapKeys moves all named keys of the row to the active term; RotateTerm does it with the term.
func (r *Ring) RewrapKeys(row *model.Keyring) error {
	keys := slices.Clone(row.Keys)
	for i := range keys {
		if keys[i].Secret.IsZero() {
			continue // retired
		}
		var err error
		if keys[i].Secret, err = r.barrier.Rewrap(place(keys[i]), keys[i].Secret); err != nil {
			return fmt.Errorf("rewrap key %s %d: %w", keys[i].Name, keys[i].ID, err)
		}
	}
	row.Keys = keys
	return nil
}

// Retire destroys the private halves of all keys of a name but the newest. With verify their public halves stay, so that
// what they signed can be checked; without, what they signed is void.
func Retire(row *model.Keyring, name string, verify bool) {
	newest := row.Key(name)
	if newest == nil {
		return
	}
	last := newest.ID
	row.Keys = slices.Clone(row.Keys)
	if !verify {
		row.Keys = slices.DeleteFunc(row.Keys, func(k model.NamedKey) bool { return k.Name == name && k.ID != last })
	}
	for i := range row.Keys {
		if k := &row.Keys[i]; k.Name == name && k.ID != last {
			k.Secret = model.Sealed{}
		}
	}
}

func (r *Ring) open(k model.NamedKey) (Key, error) {
	if k.Secret.IsZero() {
		return Key{}, model.Errorf(model.NotFound, "the key %s %d is retired", k.Name, k.ID)
	}
	private, err := r.barrier.Decrypt(place(k), k.Secret)
	if err != nil {
		return Key{}, fmt.Errorf("open key %s %d: %w", k.Name, k.ID, err)
	}
	return Key{ID: k.ID, Public: slices.Clone(k.Public), Private: private}, nil
}

// place binds the private half to its name and to its public half, so that neither can be exchanged in the row.
func place(k model.NamedKey) barrier.AAD {
	return barrier.AAD{Table: "keyring", Row: k.Row, Field: "private", Version: fmt.Sprintf("%s %d %x", k.Name, k.ID, k.Public)}
}

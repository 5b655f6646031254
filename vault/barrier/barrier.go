// Package barrier turns secrets into ciphertext that is bound to its place, and back.
//
// It owns the format of model.Sealed: AES-256-GCM with a random nonce, under a key that HKDF derives from a term key
// for one row, with the place (AAD) authenticated. A value moved to another table, row, field or version does not
// open. While the vault is sealed every call answers ErrSealed.
//
// vault/keyring installs the keys; vault/access, executors/runner and the edges that store secrets encrypt and decrypt
// through it. Nothing below fsm may import it.
package barrier

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// KeySize is the length of a term key.
const KeySize = 32

const format = 1 // first byte of a box: what follows is nonce | ciphertext | tag

// The errors of the barrier. Compare with errors.Is; they carry a model.Kind for the edge.
var (
	// ErrSealed says that the keys are not in memory.
	ErrSealed error = model.Errorf(model.VaultSealed, "the vault is sealed on this node")
	// ErrTampered says that the ciphertext was changed or stands in another place than it was made for.
	ErrTampered error = model.Errorf(model.Internal, "a sealed value was changed or moved")
	// ErrUnknownTerm says that the value's key term is not in the ring: the ring must catch up with the state, or the
	// term was destroyed.
	ErrUnknownTerm error = model.Errorf(model.Unavailable, "the key term of a sealed value is not in the ring")
)

// AAD is the place of a value. Row and Version are random identifiers that the proposer chose, never sequence numbers,
// which are not known yet when the value is encrypted. Table, Row and Field must not be empty.
type AAD struct{ Table, Row, Field, Version string }

// Barrier encrypts and decrypts under the term keys. It may be used by many goroutines, while terms come and go.
type Barrier struct {
	mu     sync.RWMutex // guards the fields; held for reading while a key works, so that nobody wipes it meanwhile
	active uint32
	keys   map[uint32]secret.Value // nil: sealed
}

// New makes a sealed barrier.
func New() *Barrier { return &Barrier{} }

// Install replaces the key set: new values go under term active. The keys are lent: they must stay as they are until
// Seal, or an Install without them, has returned.
func (b *Barrier) Install(active uint32, keys map[uint32]secret.Value) error {
	for term, key := range keys {
		if key.Len() != KeySize {
			return fmt.Errorf("install key term %d: %d bytes, want %d", term, key.Len(), KeySize)
		}
	}
	if _, ok := keys[active]; !ok {
		return fmt.Errorf("install key terms: the active term %d is not among them", active)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.active, b.keys = active, keys
	return nil
}

// Seal forgets the keys. When it returns no call uses them any more.
func (b *Barrier) Seal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.active, b.keys = 0, nil
}

// Active is the term of new values; 0 when sealed.
func (b *Barrier) Active() uint32 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.active
}

// Encrypt seals v for one place under the active term.
func (b *Barrier) Encrypt(aad AAD, v secret.Value) (model.Sealed, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	aead, err := b.aead(aad, b.active)
	if err != nil {
		return model.Sealed{}, fmt.Errorf("encrypt %s.%s: %w", aad.Table, aad.Field, err)
	}
	s := model.Sealed{Term: b.active}
	err = v.Reveal(func(plain []byte) error {
		box := make([]byte, 1, 1+len(plain)+aead.Overhead())
		box[0] = format
		s.Box = aead.Seal(box, nil, plain, aad.bytes(s.Term))
		return nil
	})
	return s, err
}

// Decrypt opens a value in the place that it was made for. The caller wipes what it gets.
func (b *Barrier) Decrypt(aad AAD, s model.Sealed) (secret.Value, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	v, err := b.decrypt(aad, s)
	if err != nil {
		return secret.Value{}, fmt.Errorf("decrypt %s.%s of term %d: %w", aad.Table, aad.Field, s.Term, err)
	}
	return v, nil
}

func (b *Barrier) decrypt(aad AAD, s model.Sealed) (secret.Value, error) {
	aead, err := b.aead(aad, s.Term)
	if err != nil {
		return secret.Value{}, err
	}
	if len(s.Box) == 0 || s.Box[0] != format {
		return secret.Value{}, ErrTampered
	}
	plain, err := aead.Open(nil, nil, s.Box[1:], aad.bytes(s.Term))
	if err != nil {
		return secret.Value{}, ErrTampered
	}
	return secret.New(plain), nil
}

// Rewrap moves a value to the active term; it returns s as it is when it is there already.
func (b *Barrier) Rewrap(aad AAD, s model.Sealed) (model.Sealed, error) {
	if s.Term == b.Active() {
		return s, nil
	}
	v, err := b.Decrypt(aad, s)
	if err != nil {
		return model.Sealed{}, err
	}
	defer v.Wipe()
	return b.Encrypt(aad, v)
}

// aead makes the cipher of one row. Nothing is cached: deriving costs about a microsecond and leaves no row keys behind.
func (b *Barrier) aead(aad AAD, term uint32) (aead cipher.AEAD, err error) {
	if b.keys == nil {
		return nil, ErrSealed
	}
	if aad.Table == "" || aad.Row == "" || aad.Field == "" {
		return nil, fmt.Errorf("the place of a value needs table, row and field")
	}
	key, ok := b.keys[term]
	if !ok {
		return nil, ErrUnknownTerm
	}
	err = key.Reveal(func(k []byte) error {
		// The term key is uniformly random, so it serves as HKDF's pseudorandom key without Extract (RFC 5869, 3.3).
		info := lengthPrefixed("cofre/barrier/1", aad.Table, aad.Row)
		row, err := hkdf.Expand(sha256.New, k, string(info), KeySize)
		if err != nil {
			return err
		}
		defer clear(row)
		block, err := aes.NewCipher(row)
		if err != nil {
			return err
		}
		aead, err = newAEAD(block)
		return err
	})
	return aead, err
}

func (a AAD) bytes(term uint32) []byte {
	return binary.BigEndian.AppendUint32(lengthPrefixed(a.Table, a.Row, a.Field, a.Version), term)
}

// lengthPrefixed joins parts so that no two lists of parts give the same bytes.
func lengthPrefixed(parts ...string) []byte {
	b := make([]byte, 0, 128)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// Package keyfile seals the root key under a 32-byte key file that lies outside the data directory.
//
// It opens unattended, so a copy of the machine's whole disk opens the vault; status says so. The rules of key files
// (mode, place) are those of vault/disk; the two keys are independent of each other.
package keyfile

import (
	"context"
	"fmt"

	"cofre/vault/disk"
	"cofre/vault/seal"
	"cofre/vault/secret"
)

// Name is the seal's name.
const Name = "keyfile"

const label = "root key under a key file"

// Seal reads its key file anew each time, so that the key is in memory only while it works.
type Seal struct{ path, dataDir string }

var _ seal.Seal = (*Seal)(nil)

// New makes a seal over an existing key file. A file inside dataDir or readable by others is refused at use.
func New(path, dataDir string) *Seal { return &Seal{path, dataDir} }

// Create writes a new key file; it never replaces one.
func Create(path, dataDir string) error { return disk.CreateKeyFile(path, dataDir) }

// Name is "keyfile".
func (s *Seal) Name() string { return Name }

// Wrap seals root under the key file.
func (s *Seal) Wrap(ctx context.Context, root secret.Value) (seal.Blob, error) {
	key, err := s.key(ctx)
	if err != nil {
		return seal.Blob{}, err
	}
	defer key.Wipe()
	box, err := seal.Box(key, label, root)
	return seal.Blob{Seal: Name, Data: box}, err
}

// Unwrap opens the blob with the key file; it takes no input.
func (s *Seal) Unwrap(ctx context.Context, b seal.Blob, _ seal.Input) (secret.Value, error) {
	if err := b.Check(s); err != nil {
		return secret.Value{}, err
	}
	key, err := s.key(ctx)
	if err != nil {
		return secret.Value{}, err
	}
	defer key.Wipe()
	root, err := seal.Unbox(key, label, b.Data)
	if err != nil {
		return secret.Value{}, fmt.Errorf("unseal with key file %s: %w", s.path, err)
	}
	return root, nil
}

func (s *Seal) key(ctx context.Context) (secret.Value, error) {
	if err := ctx.Err(); err != nil {
		return secret.Value{}, err
	}
	return disk.ReadKeyFile(s.path, s.dataDir)
}

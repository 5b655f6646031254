// Package systemdcred seals the root key under a key that systemd hands to the service as a credential.
//
// The credential (LoadCredentialEncrypted=seal.key:...) lies encrypted on disk, bound to the machine's TPM where it has
// one, and exists in clear only in memory while the service runs: a copy of the disk then opens nothing. Where there is
// no TPM systemd encrypts it under a key file of the machine, and a copy of the whole disk does open the vault. Bound
// tells which. The package guarantees that a credential which others than the service can read is refused.
package systemdcred

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"cofre/vault/disk"
	"cofre/vault/seal"
	"cofre/vault/secret"
)

// Name is the seal's name.
const Name = "systemd-credential"

// Credential is the name of the credential that holds the key: 64 hex digits, as in a key file.
const Credential = "seal.key"

const label = "root key under a systemd credential"

// Seal reads the credential anew each time, so that the key is in the process only while it works.
type Seal struct{ dir, dataDir string }

var _ seal.Seal = (*Seal)(nil)

// New makes a seal over the service's folder of credentials, which systemd names in CREDENTIALS_DIRECTORY.
func New(dir, dataDir string) *Seal { return &Seal{dir, dataDir} }

// Name is "systemd-credential".
func (s *Seal) Name() string { return Name }

// Wrap seals root under the credential.
func (s *Seal) Wrap(ctx context.Context, root secret.Value) (seal.Blob, error) {
	key, err := s.key(ctx)
	if err != nil {
		return seal.Blob{}, err
	}
	defer key.Wipe()
	box, err := seal.Box(key, label, root)
	return seal.Blob{Seal: Name, Data: box}, err
}

// Unwrap opens the blob with the credential; it takes no input.
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
		return secret.Value{}, fmt.Errorf("unseal with the systemd credential %s: %w", Credential, err)
	}
	return root, nil
}

func (s *Seal) key(ctx context.Context) (secret.Value, error) {
	if err := ctx.Err(); err != nil {
		return secret.Value{}, err
	}
	return ReadKey(s.dir, s.dataDir)
}

// ReadKey reads the key out of a service's folder of credentials. fs.ErrNotExist: systemd handed none.
func ReadKey(dir, dataDir string) (secret.Value, error) {
	if dir == "" {
		return secret.Value{}, fmt.Errorf("systemd handed no credentials to this process (see cofre-credentials.conf): %w", fs.ErrNotExist)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return secret.Value{}, fmt.Errorf("read the systemd credential %s: %w", Credential, err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return secret.Value{}, errors.New("the folder of credentials is open to others: systemd makes it for the service alone")
	}
	return disk.ReadKeyFile(filepath.Join(dir, Credential), dataDir)
}

package keyring

import (
	"crypto/hpke"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"cofre/fsm/model"
	"cofre/vault/seal"
	"cofre/vault/secret"
)

// The recovery key is the private half of an HPKE key pair, cut in shares on paper. The row keeps the public half, so
// the root key rotates without the shares, and nobody who ever had a root key learns the recovery key from it. The
// key pair is hybrid (ML-KEM-768 and X25519): the box lies in every backup for years.
//
// Recovery is the public key, a proof that holders of the root key put it there (else whoever can write to the state
// would get the next root key), both of fixed length, then the HPKE box of the root key.
const (
	recoveryPublicSize = 1216
	recoveryProofSize  = 12 + sha256.Size + 16
	recoveryBoxAt      = recoveryPublicSize + recoveryProofSize
)

func recoveryKEM() hpke.KEM { return hpke.MLKEM768X25519() }

// SetRecovery returns the row whose root key can be recovered with key (shamir.Generate of kind Recovery). It also
// replaces an older recovery key.
func (r *Ring) SetRecovery(row model.Keyring, key secret.Value) (model.Keyring, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	err := r.matches(row)
	if err == nil {
		err = key.Reveal(func(b []byte) error {
			private, err := recoveryKEM().NewPrivateKey(b)
			if err != nil {
				return errors.New("not a recovery key")
			}
			row.Recovery, err = wrapRecovery(row, private.PublicKey(), r.root)
			return err
		})
	}
	if err != nil {
		return model.Keyring{}, fmt.Errorf("set recovery key: %w", err)
	}
	return row, nil
}

// OpenRecovery gives the root key for a combined key of recovery shares. The caller wipes it.
func OpenRecovery(row model.Keyring, key secret.Value) (secret.Value, error) {
	if len(row.Recovery) < recoveryBoxAt {
		return secret.Value{}, errors.New("recover the root key: this cluster has no recovery key")
	}
	root, err := openHPKE(recoveryKEM(), key, row.Recovery[recoveryBoxAt:], recoveryInfo(row))
	if err == nil {
		err = Check(row, root)
	}
	if err != nil {
		root.Wipe()
		return secret.Value{}, fmt.Errorf("recover the root key: %w", err)
	}
	return root, nil
}

func (r *Ring) rewrapRecovery(old, row model.Keyring, root secret.Value) ([]byte, error) {
	if len(old.Recovery) < recoveryBoxAt {
		return nil, errors.New("the recovery key is damaged")
	}
	public, proof := old.Recovery[:recoveryPublicSize], old.Recovery[recoveryPublicSize:recoveryBoxAt]
	sum := sha256.Sum256(public)
	known, err := seal.Unbox(r.root, recoveryLabel(old), proof)
	if err != nil || !known.Equal(secret.New(sum[:])) {
		return nil, errors.New("the recovery key was exchanged")
	}
	key, err := recoveryKEM().NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("read the recovery key: %w", err)
	}
	return wrapRecovery(row, key, root)
}

func wrapRecovery(row model.Keyring, public hpke.PublicKey, root secret.Value) ([]byte, error) {
	sum := sha256.Sum256(public.Bytes())
	proof, err := seal.Box(root, recoveryLabel(row), secret.New(sum[:]))
	if err != nil {
		return nil, err
	}
	box, err := sealHPKE(public, root, recoveryInfo(row))
	return slices.Concat(public.Bytes(), proof, box), err
}

func recoveryLabel(row model.Keyring) string {
	return fmt.Sprintf("recovery key, cluster %q, root %d", row.Cluster, row.Root)
}

func recoveryInfo(row model.Keyring) []byte {
	return fmt.Appendf(nil, "cofre root key for recovery, cluster %q, root %d", row.Cluster, row.Root)
}

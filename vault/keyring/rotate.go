package keyring

import (
	"context"
	"fmt"
	"slices"

	"cofre/fsm/model"
	"cofre/vault/seal"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

// RotateTerm returns the row with a new key term for new values, the named keys encrypted under it. Old terms stay until
// nothing is encrypted under them any more.
func (r *Ring) RotateTerm(row model.Keyring, at model.Time) (model.Keyring, error) {
	row, err := r.rotateTerm(row, at)
	if err != nil {
		return model.Keyring{}, fmt.Errorf("rotate key term: %w", err)
	}
	return row, nil
}

func (r *Ring) rotateTerm(row model.Keyring, at model.Time) (model.Keyring, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if err := r.matches(row); err != nil {
		return row, err
	}
	var n uint32
	for _, t := range row.Terms {
		n = max(n, t.N)
	}
	n++
	key := newKey()
	defer key.Wipe()
	box, err := seal.Box(r.root, termLabel(row, n), key)
	if err != nil {
		return row, err
	}
	row.Terms = append(slices.Clone(row.Terms), model.KeyTerm{N: n, Root: row.Root, Box: box, At: at})
	row.Active = n
	next, err := Open(row, r.root) // this ring must not use a term that is not committed
	if err != nil {
		return row, err
	}
	defer next.Close()
	return row, next.RewrapKeys(&row)
}

// RotateRoot returns the row under a new root key, and that key: terms, check, recovery and shares are sealed again,
// the shares that people hold stay good, and every member finds the new key in the row (TakeRoot). A term that the old
// root key opened is known to whoever had that key: after an eject, rotate the term too.
func (r *Ring) RotateRoot(row model.Keyring, members []Member) (model.Keyring, secret.Value, error) {
	row, root, err := r.rotateRoot(row, members)
	if err != nil {
		return model.Keyring{}, secret.Value{}, fmt.Errorf("rotate root key: %w", err)
	}
	return row, root, nil
}

func (r *Ring) rotateRoot(row model.Keyring, members []Member) (model.Keyring, secret.Value, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if err := r.matches(row); err != nil {
		return row, secret.Value{}, err
	}
	root := newKey()
	old := row
	row.Root++
	err := reseal(&row, root, r.terms)
	if err == nil && len(old.Recovery) > 0 {
		row.Recovery, err = r.rewrapRecovery(old, row, root)
	}
	if err == nil && old.Shamir != nil {
		row.Shamir, err = r.rewrapShamir(old, row, root)
	}
	if err == nil {
		row.Handover, err = handOver(old, r.root, root, members)
	}
	if err != nil {
		root.Wipe()
		return row, secret.Value{}, err
	}
	return row, root, nil
}

// SetShamir returns the row of a cluster that is opened by shares of key (shamir.Generate). It also replaces older
// shares.
func (r *Ring) SetShamir(row model.Keyring, key secret.Value, shares, threshold int) (model.Keyring, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	err := r.matches(row)
	if err == nil {
		row.Shamir, err = newShamir(row, r.root, key, shares, threshold)
	}
	if err != nil {
		return model.Keyring{}, fmt.Errorf("seal keyring by shares: %w", err)
	}
	return row, nil
}

// OpenShamir gives the root key for a combined key of unseal shares. The caller wipes it.
func OpenShamir(row model.Keyring, key secret.Value) (secret.Value, error) {
	if row.Shamir == nil {
		return secret.Value{}, fmt.Errorf("open keyring by shares: this cluster is not sealed by shares")
	}
	root, err := shamir.New(key).Unwrap(context.Background(), seal.Blob{Seal: shamir.Name, Data: row.Shamir.Root}, seal.Input{})
	if err == nil {
		err = Check(row, root)
	}
	if err != nil {
		root.Wipe()
		return secret.Value{}, fmt.Errorf("open keyring by shares: %w", err)
	}
	return root, nil
}

func (r *Ring) rewrapShamir(old, row model.Keyring, root secret.Value) (*model.ShamirConfig, error) {
	key, err := seal.Unbox(r.root, shamirLabel(old), old.Shamir.Key)
	if err != nil {
		return nil, fmt.Errorf("read the key of the shares: %w", err)
	}
	defer key.Wipe()
	return newShamir(row, root, key, old.Shamir.Shares, old.Shamir.Threshold)
}

func newShamir(row model.Keyring, root, key secret.Value, shares, threshold int) (*model.ShamirConfig, error) {
	blob, err := shamir.New(key).Wrap(context.Background(), root)
	if err != nil {
		return nil, err
	}
	box, err := seal.Box(root, shamirLabel(row), key)
	return &model.ShamirConfig{Shares: shares, Threshold: threshold, Root: blob.Data, Key: box}, err
}

func shamirLabel(row model.Keyring) string {
	return fmt.Sprintf("key of unseal shares, cluster %q, root %d", row.Cluster, row.Root)
}

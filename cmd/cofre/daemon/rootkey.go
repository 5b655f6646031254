package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"cofre/cmd/cofre/config"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	fsmkeyring "cofre/fsm/keyring"
	"cofre/fsm/model"
	"cofre/vault/disk"
	"cofre/vault/keyring"
	"cofre/vault/seal"
	"cofre/vault/seal/keyfile"
	"cofre/vault/seal/shamir"
	"cofre/vault/seal/systemdcred"
	"cofre/vault/secret"
)

// sealOf makes the seal with a name; nil for shamir, which keeps nothing on a node.
func sealOf(name string, c config.Config) seal.Seal {
	switch name {
	case keyfile.Name:
		return keyfile.New(filepath.Join(c.KeyDir, "seal.key"), c.DataDir)
	case systemdcred.Name:
		return systemdcred.New(os.Getenv("CREDENTIALS_DIRECTORY"), c.DataDir)
	}
	return nil
}

// unwrapRoot opens the root key that this node's own seal keeps, by the seal that made it: after a change of the
// configuration that is still the former one. os.ErrNotExist when nothing is kept.
func unwrapRoot(ctx context.Context, c config.Config) (secret.Value, error) {
	path := filepath.Join(c.DataDir, rootFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return secret.Value{}, fmt.Errorf("read the sealed root key %s: %w", path, err)
	}
	var blob seal.Blob
	if err := codec.Decode(b, &blob); err != nil {
		return secret.Value{}, fmt.Errorf("read the sealed root key %s: it was changed or cut short (open this node with cofre recover unseal): %w", path, err)
	}
	s := sealOf(blob.Seal, c)
	if s == nil {
		return secret.Value{}, fmt.Errorf("the root key was sealed by %q, which this version does not know", blob.Seal)
	}
	root, err := s.Unwrap(ctx, blob, seal.Input{})
	if errors.Is(err, os.ErrNotExist) { // the seal's own key is lost, which is something else than a node without a root key
		return secret.Value{}, fmt.Errorf("the key of the seal is lost (open this node with cofre recover unseal): %s", err.Error())
	}
	if err != nil {
		return secret.Value{}, fmt.Errorf("open %s (if the seal's own key is not to be had, open this node with cofre recover unseal): %w", path, err)
	}
	return root, nil
}

// keepRoot stores the root key under this node's own seal, so that it opens by itself after a restart.
func keepRoot(ctx context.Context, c config.Config, root secret.Value) error {
	s := sealOf(c.Seal, c)
	if s == nil {
		return nil
	}
	if c.Seal == keyfile.Name {
		if err := renewSealKey(c); err != nil {
			return err
		}
	}
	blob, err := s.Wrap(ctx, root)
	if err != nil {
		return err
	}
	b, err := codec.Encode(blob)
	if err != nil {
		return err
	}
	return disk.WriteFile(filepath.Join(c.DataDir, rootFile), b)
}

// renewSealKey makes a new key file where it was lost: whoever has the root key in hand needs the old one no more.
func renewSealKey(c config.Config) error {
	path := filepath.Join(c.KeyDir, "seal.key")
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(c.KeyDir, 0o700); err != nil {
		return fmt.Errorf("create the key folder: %w", err)
	}
	return keyfile.Create(path, c.DataDir)
}

// goOn keeps an open ring in step with the row: new terms, and new root keys without a moment sealed. The caller holds mu.
func (o *opener) goOn(ctx context.Context, row model.Keyring, ring *keyring.Ring) error {
	switch err := ring.Update(row); {
	case errors.Is(err, keyring.ErrRootChanged):
		var old secret.Value
		if err := ring.WithRoot(func(r secret.Value) error { old = r.Clone(); return nil }); err != nil {
			return err
		}
		defer old.Wipe()
		if err := o.take(ctx, row, old); err != nil {
			o.m.keys.Seal() // its keys are of the past
			return err
		}
		return nil
	case err != nil:
		return err
	case o.kept == row.Root:
		return nil
	}
	return ring.WithRoot(func(root secret.Value) error { return o.keep(ctx, row, root) })
}

// take opens the ring with a root key that this node held: the present one, or an older one from which the row leads on.
// The caller holds mu.
func (o *opener) take(ctx context.Context, row model.Keyring, held secret.Value) error {
	self, _ := o.m.row(o.m.id())
	me, private := o.m.me(self)
	defer private.Wipe()
	root, err := keyring.TakeRoot(row, held, me, private)
	if err != nil {
		return err
	}
	defer root.Wipe()
	if err := o.install(row, root); err != nil {
		return err
	}
	return o.keep(ctx, row, root)
}

func (o *opener) keep(ctx context.Context, row model.Keyring, root secret.Value) error {
	if err := keepRoot(ctx, o.m.config, root); err != nil {
		return fmt.Errorf("keep the root key under this node's seal (the vault is open; after a restart it needs cofre recover unseal): %w", err)
	}
	if row.Shamir != nil && !opensItself(o.m.config) {
		if err := o.dropKept(); err != nil {
			return err
		}
	}
	o.kept = row.Root
	return nil
}

// dropKept removes what a former seal of this node kept: with it a copy of the machine's disk would open what people open now.
func (o *opener) dropKept() error {
	err := os.Remove(o.path(rootFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove the root key that this node's former seal keeps: %w", err)
	}
	o.m.part("vault").Info("the root key that this node's former seal kept is removed: shares open it from now on")
	return nil
}

// me is this node as keys are wrapped to it, with its private key, which the caller wipes.
func (m *member) me(self model.Node) (keyring.Member, secret.Value) {
	return keyring.Member{ID: m.id(), Key: model.Fingerprint(self.PublicKey)}, secret.New(slices.Clone(m.self.Get().HPKE))
}

// hold reports the root key that this node keeps, so that older ones need not be kept for it any more.
func (o *opener) hold(ctx context.Context) {
	o.mu.Lock()
	kept := o.kept
	o.mu.Unlock()
	row, ok := o.m.ring()
	if !ok || o.m.keys.Sealed() || kept != row.Root {
		return
	}
	waits := slices.ContainsFunc(row.Handover, func(b model.RootBox) bool { return b.Node == o.m.id() && b.To <= kept })
	if !waits {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := command.Propose(ctx, o.m.proposer, fsmkeyring.Hold, nodeActor, fsmkeyring.HoldArgs{Root: kept}); err != nil && ctx.Err() == nil {
		o.m.part("vault").WithError(err).Debug("report the root key that this node holds")
	}
}

// members lists who gets a new root key: every approved node but one.
func (m *member) members(but model.NodeID) (out []keyring.Member) {
	for _, n := range m.rows() {
		if n.State == model.NodeApproved && n.ID != but {
			out = append(out, keyring.Member{ID: n.ID, Key: model.Fingerprint(n.PublicKey), HPKE: n.HPKE})
		}
	}
	return out
}

// opensItself tells whether the configured seal needs nobody.
func opensItself(c config.Config) bool { return c.Seal != shamir.Name }

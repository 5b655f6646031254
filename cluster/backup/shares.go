package backup

import (
	"cofre/fsm/model"
	"cofre/vault/keyring"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

// Ask takes recovery shares, as people type them, until there are enough, and finds the root key with them. next is told how many there are
// and why the share before was refused, which is wiped then. The caller wipes the key and the shares.
func (h *Header) Ask(next func(p shamir.Progress, refused error) (secret.Value, error)) (root secret.Value, shares []secret.Value, err error) {
	c := shamir.NewCollector(shamir.Recovery)
	defer c.Reset()
	var p shamir.Progress
	var refused error
	for !p.Complete() {
		s, err := next(p, refused)
		if err != nil {
			return secret.Value{}, shares, err
		}
		if p, refused = c.Add(s); refused != nil {
			s.Wipe()
			continue
		}
		shares = append(shares, s)
	}
	key, err := c.Key()
	if err != nil {
		return secret.Value{}, shares, model.Errorf(model.Invalid, "%s", err)
	}
	defer key.Wipe()
	if root, err = keyring.OpenRecovery(h.Ring, key); err != nil {
		return secret.Value{}, shares, model.Errorf(model.Invalid, "the shares do not open this backup of cluster %s (it needs those that were in force there when it was made, at %s): %s", h.Cluster, h.At, err)
	}
	return root, shares, nil
}

// Root finds the root key by recovery shares that are all there.
func (h *Header) Root(shares []secret.Value) (secret.Value, error) {
	used := 0
	root, taken, err := h.Ask(func(p shamir.Progress, refused error) (secret.Value, error) {
		switch {
		case refused != nil:
			return secret.Value{}, model.Errorf(model.Invalid, "%s", refused)
		case used == len(shares):
			return secret.Value{}, model.Errorf(model.Invalid, "%d of %d recovery shares are there", p.Have, p.Need)
		}
		used++
		return shares[used-1].Clone(), nil
	})
	for _, s := range taken {
		s.Wipe()
	}
	return root, err
}

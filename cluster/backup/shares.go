package backup

import (
	"cofre/fsm/model"
	"cofre/vault/keyring"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

// Ask takes recovery shares, as people type them, until there are enough, and finds the root key with them. The caller wipes
// the key and the shares.
func (h *Header) Ask(next func(have, need int) (secret.Value, error)) (root secret.Value, shares []secret.Value, err error) {
	c := shamir.NewCollector(shamir.Recovery)
	defer c.Reset()
	var p shamir.Progress
	for !p.Complete() {
		s, err := next(p.Have, p.Need)
		if err != nil {
			return secret.Value{}, shares, err
		}
		shares = append(shares, s)
		if p, err = c.Add(s); err != nil {
			return secret.Value{}, shares, model.Errorf(model.Invalid, "%s", err)
		}
	}
	key, err := c.Key()
	if err != nil {
		return secret.Value{}, shares, model.Errorf(model.Invalid, "%s", err)
	}
	defer key.Wipe()
	if root, err = keyring.OpenRecovery(h.Ring, key); err != nil {
		return secret.Value{}, shares, model.Errorf(model.Invalid, "the shares do not open this backup (it needs those that were in force when it was made, at %s): %s", h.At, err)
	}
	return root, shares, nil
}

// Root finds the root key by recovery shares that are all there.
func (h *Header) Root(shares []secret.Value) (secret.Value, error) {
	root, _, err := h.Ask(func(have, need int) (secret.Value, error) {
		if have >= len(shares) {
			return secret.Value{}, model.Errorf(model.Invalid, "%d of %d recovery shares are there", have, need)
		}
		return shares[have], nil
	})
	return root, err
}

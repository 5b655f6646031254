package daemon

import (
	"context"
	"errors"
	"time"

	"cofre/fsm/command"
	fsmkeyring "cofre/fsm/keyring"
	"cofre/fsm/model"
	"cofre/vault/keyring"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

// changeRing builds the next ring from the newest one and commits it. Somebody else's change in between makes it start
// again; a node that is just taking over a new root key waits for it.
func (m *member) changeRing(ctx context.Context, build func(*keyring.Ring, model.Keyring) (model.Keyring, error), commit func(model.Keyring) error) error {
	var last error
	for range 20 {
		if err := m.fresh(ctx); err != nil {
			return err
		}
		row, ok := m.ring()
		if !ok {
			return errNoRing
		}
		ring, err := m.keys.Current()
		if err != nil {
			return err
		}
		if last = ring.Update(row); last == nil {
			var next model.Keyring
			if next, last = build(ring, row); last == nil {
				last = commit(next)
			}
		}
		if last == nil || !errors.Is(last, keyring.ErrRootChanged) && !model.Is(last, model.Conflict) {
			return last
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return last
}

func (m *member) updateRing(ctx context.Context, who model.Actor, build func(*keyring.Ring, model.Keyring) (model.Keyring, error)) error {
	return m.changeRing(ctx, build, func(next model.Keyring) error {
		_, err := command.Propose(ctx, m.proposer, fsmkeyring.Update, who, fsmkeyring.UpdateArgs{Keyring: next})
		return err
	})
}

// operateRotateTerm makes a new key term; the leader then encrypts everything again and destroys the old one.
func operateRotateTerm(ctx context.Context, m *member, who model.Actor, _ none) (any, error) {
	var term uint32
	err := m.updateRing(ctx, who, func(r *keyring.Ring, row model.Keyring) (next model.Keyring, err error) {
		next, err = r.RotateTerm(row, model.TimeOf(time.Now()))
		term = next.Active
		return next, err
	})
	return map[string]uint32{"term": term}, err
}

// operateRotateRoot makes a new root key; every node takes it over from the state.
func operateRotateRoot(ctx context.Context, m *member, who model.Actor, _ none) (any, error) {
	var root uint32
	err := m.updateRing(ctx, who, func(r *keyring.Ring, row model.Keyring) (model.Keyring, error) {
		next, key, err := r.RotateRoot(row, m.members(""))
		key.Wipe() // like every other node this one takes it from the state
		root = next.Root
		return next, err
	})
	return map[string]uint32{"root": root}, err
}

// operateRotateShares replaces the shares that open a node; the new ones were made by /shares.
func operateRotateShares(ctx context.Context, m *member, who model.Actor, a textArgs) (any, error) {
	return none{}, m.opener.drafts.use(shamir.Unseal, secret.New([]byte(a.Text)), func(d draft) error {
		return m.updateRing(ctx, who, func(r *keyring.Ring, row model.Keyring) (model.Keyring, error) {
			return r.SetShamir(row, d.key, d.shares, d.threshold)
		})
	})
}

// operateRekey replaces the recovery shares; the new ones were made by /shares.
func operateRekey(ctx context.Context, m *member, who model.Actor, a textArgs) (any, error) {
	return none{}, m.opener.drafts.use(shamir.Recovery, secret.New([]byte(a.Text)), func(d draft) error {
		return m.updateRing(ctx, who, func(r *keyring.Ring, row model.Keyring) (model.Keyring, error) {
			return r.SetRecovery(row, d.key)
		})
	})
}

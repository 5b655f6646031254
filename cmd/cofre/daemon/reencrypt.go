package daemon

import (
	"context"
	"fmt"
	"time"

	"cofre/fsm/command"
	fsmkeyring "cofre/fsm/keyring"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/vault/access"
)

// reencrypt brings every value under the active key term while this node leads and is open, and then has the older terms
// destroyed. It holds nothing in memory: what is left to do stands in the state, so the next leader goes on.
func (m *member) reencrypt(ctx context.Context, term uint64) {
	p := m.proposer.TermBound(term)
	log := m.part("keys")
	for {
		done, err := m.reencryptSome(ctx, p)
		if err != nil && ctx.Err() == nil {
			log.WithError(err).Warn("encrypt again under the new key term")
		}
		wait := 2 * time.Second
		if done > 0 {
			wait = time.Duration(done) * time.Second / time.Duration(m.config.ReencryptRate)
		}
		if pause(ctx, wait) != nil {
			return
		}
	}
}

// reencryptSome does one batch and counts its rows; 0 when there is nothing to do now.
func (m *member) reencryptSome(ctx context.Context, p command.Proposer) (int, error) {
	row, ok := m.ring()
	if !ok || len(row.Terms) < 2 || m.keys.Sealed() {
		return 0, nil
	}
	if ring, err := m.keys.Current(); err != nil || ring.Barrier().Active() != row.Active {
		return 0, err // this node follows the row in a moment
	}
	args, err := m.olderValues(row.Active)
	if len(args.Rows) > 0 {
		if _, err := command.Propose(ctx, p, fsmkeyring.Rewrap, nodeActor, args); err != nil {
			return 0, err
		}
		return len(args.Rows), nil
	}
	if err != nil {
		return 0, err // a value that does not open keeps its term
	}
	return 0, m.destroyTerms(ctx, p, row)
}

// olderValues encrypts the values of some rows again. A value that does not open is passed over and reported.
func (m *member) olderValues(active uint32) (args fsmkeyring.RewrapArgs, failed error) {
	batch, size := min(50, max(1, m.config.ReencryptRate/4)), 0
	v := m.fsm.View()
	defer v.Close()
	for _, t := range state.SealedTables {
		for r := range t.Older(v, active) {
			next := fsmkeyring.Rewrapped{Table: t.Name(), Key: r.Key}
			for _, one := range r.Values {
				if one.Secret.IsZero() || one.Secret.Term >= active || size > command.MaxCommand/2 {
					continue
				}
				fresh, err := m.again(one)
				if err != nil {
					failed = fmt.Errorf("row %s of table %s (its key term stays): %w", r.Key, t.Name(), err)
					continue
				}
				size += len(fresh.Secret.Box)
				next.Values = append(next.Values, fresh)
			}
			if len(next.Values) > 0 {
				args.Rows = append(args.Rows, next)
			}
			if len(args.Rows) == batch || size > command.MaxCommand/2 {
				return args, failed
			}
		}
	}
	return args, failed
}

func (m *member) again(v state.Value) (fsmkeyring.Exchanged, error) {
	plain, err := m.keys.Decrypt(access.Place(v.Row), *v.Secret)
	if err != nil {
		return fsmkeyring.Exchanged{}, err
	}
	defer plain.Wipe()
	fresh, err := m.keys.Encrypt(access.Place(v.Row), plain)
	return fsmkeyring.Exchanged{Row: v.Row, From: v.Secret.Term, Secret: fresh}, err
}

// destroyTerms ends the older terms when nothing was encrypted under them for a while: longer than a command lives on
// its way, so that hardly one comes late and has to be made again.
func (m *member) destroyTerms(ctx context.Context, p command.Proposer, row model.Keyring) error {
	v := m.fsm.View()
	grace := 2 * time.Duration(state.SystemRow(v).Leases.TTL) * time.Millisecond
	v.Close()
	if model.TimeOf(time.Now()) < row.Term(row.Active).At.Add(grace) {
		return nil
	}
	_, err := command.Propose(ctx, p, fsmkeyring.Destroy, nodeActor, fsmkeyring.DestroyArgs{Below: row.Active})
	return err
}

package application

import (
	"time"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// nonceWindow is how far a timestamp may be from state time; forgotten is how many old rows go with each new one.
const nonceWindow, forgottenNonces = 300 * time.Second, 8

var errNonce = model.Errorf(model.Unauthenticated, "Client authentication failed: the nonce was used, or the timestamp is more than 300 s off")

// spend admits a signature of at by consumer once, on every node, also when two get it at the same moment; and only if the
// caller's authorization may call from where it calls.
func spend(tx *table.Tx, m command.Meta, p *command.Principal, consumer string, at model.Time, mark []byte) error {
	if err := authz.Decide(p.Application, p.Authorization, authz.Action{}, nil, m.Actor.Origin(), m.At); err != nil {
		return err
	}
	if at.Add(nonceWindow) < m.At || m.At.Add(nonceWindow) < at || len(mark) != 32 {
		return errNonce
	}
	row := model.UsedNonce{Consumer: consumer, Mark: mark, At: m.At}
	if state.UsedNonces.Has(tx, state.NonceKey(&row)) {
		return errNonce
	}
	// Whatever was used two windows ago is refused by its timestamp.
	var gone []string
	for n := range state.UsedNonces.Range(tx, "at", table.TimeKey(0), table.TimeKey(m.At.Add(-2*nonceWindow))) {
		if gone = append(gone, state.NonceKey(n)); len(gone) == forgottenNonces {
			break
		}
	}
	for _, key := range gone {
		state.UsedNonces.Delete(tx, key)
	}
	state.UsedNonces.Put(tx, &row)
	return nil
}

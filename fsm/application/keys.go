package application

import (
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// keysOf finds an authorization whose keys the caller changes: whoever could have granted all that it gives.
func keysOf(tx *table.Tx, m command.Meta, id model.AuthorizationID) (*model.Authorization, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, manage, nil)
	if err != nil {
		return nil, err
	}
	auth, ok := state.Authorizations.Get(tx, string(id))
	if !ok {
		return nil, model.Errorf(model.NotFound, "there is no such authorization")
	}
	if err := command.Covers(tx, p.Authorization, auth); err != nil {
		return nil, err
	}
	if err := state.Staying(tx, id); err != nil {
		return nil, err
	}
	return auth, nil
}

// dropKeys ends the keys that pipelines got, those of OAuth 1.0 and pairs of AWS: new keys are often asked for because the old ones are
// known.
func dropKeys(tx *table.Tx, id model.AuthorizationID) {
	var gone []string
	for k := range state.ClientKeys.Range(tx, "until", state.LiveKey(id, 0), state.LiveKey(id, 1<<62)) {
		gone = append(gone, state.ClientKeyOf(id, k.Secret.MAC))
	}
	for _, key := range gone {
		state.ClientKeys.Delete(tx, key)
	}
	if k, ok := state.OAuth1Keys.First(tx, "authorization", string(id)); ok {
		state.OAuth1Keys.Delete(tx, k.Consumer)
	}
	dropAWSKey(tx, id)
}

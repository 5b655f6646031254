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

// endTokens ends for good what the clients of an application hold: the tokens of all its authorizations and the keys that pipelines
// got. Enabling it again brings none of them back, as with one authorization: it may have been disabled because one was stolen. It
// changes no revision, so that nobody's change is refused for it.
func endTokens(tx *table.Tx, id model.ApplicationID) {
	var all []*model.Authorization
	for auth := range state.Authorizations.By(tx, "application", string(id)) {
		all = append(all, auth)
	}
	for _, auth := range all {
		auth.Epoch++
		state.Authorizations.Put(tx, auth)
	}
}

// endsTokens tells whether tokens and pipelines' keys of an authorization end by a change of it: it is disabled, its date was over,
// or it is another system's or environment's now, which those who got a key for the former one were not given.
func endsTokens(old, now *model.Authorization, at model.Time) bool {
	return old.Enabled && !now.Enabled || old.ExpiresAt != 0 && old.ExpiresAt <= at || old.System != now.System || old.Environment != now.Environment
}

package application

import (
	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// OAuth1Args are new keys of an authorization, drawn and sealed at the edge; without a consumer key the old ones go.
type OAuth1Args struct {
	Authorization model.AuthorizationID `cbor:"authorization"`
	Keys          model.OAuth1Keys      `cbor:"keys"`
}

// PutOAuth1 gives an authorization keys of OAuth 1.0 in place of the ones that it had, or takes them away.
var PutOAuth1 = command.Define("oauth.put", 1, func(tx *table.Tx, m command.Meta, a OAuth1Args) (Done, error) {
	auth, err := keysOf(tx, m, a.Authorization)
	if err != nil {
		return Done{}, err
	}
	change := "removed"
	if old, ok := state.OAuth1Keys.First(tx, "authorization", string(auth.ID)); ok {
		state.OAuth1Keys.Delete(tx, old.Consumer)
	}
	if k := a.Keys; k.Consumer != "" {
		for _, s := range []model.Sealed{k.ConsumerSecret, k.TokenSecret} {
			if s.IsZero() {
				return Done{}, model.Errorf(model.Invalid, "keys come with their secrets")
			}
			if err := state.CheckTerm(tx, s); err != nil {
				return Done{}, err
			}
		}
		if state.OAuth1Keys.Has(tx, k.Consumer) {
			return Done{}, model.Errorf(model.Conflict, "the consumer key is taken")
		}
		k.Authorization, k.At, change = auth.ID, m.At, "made"
		state.OAuth1Keys.Put(tx, &k)
	}
	tx.Emit(audit.OAuth1Put.With("authorization", string(auth.ID), "application", string(auth.Application), "change", change))
	operation.AuthorizationChanged(tx, m, auth, model.AuthorizationUpdated)
	return Done{}, nil
}).AuditDenials()

// NonceArgs are the use of a signature that the edge has verified.
type NonceArgs struct {
	Consumer string     `cbor:"consumer"`
	Token    string     `cbor:"token"`
	At       model.Time `cbor:"at"`   // the timestamp that was signed
	Mark     []byte     `cbor:"mark"` // SHA-256 over token, timestamp, nonce and signature
}

// UseNonce admits a request of OAuth 1.0 once (RULES 7): on every node, also when two get it at the same moment.
var UseNonce = command.Define("nonce.use", 1, func(tx *table.Tx, m command.Meta, a NonceArgs) (Done, error) {
	p, err := command.Authenticate(tx, m.Actor)
	if err != nil {
		return Done{}, err
	}
	k, ok := state.OAuth1Keys.Get(tx, a.Consumer)
	if !ok || k.Authorization != p.Authorization.ID || k.Token != a.Token {
		return Done{}, model.Errorf(model.Unauthenticated, "Client authentication failed: the keys are not valid any more")
	}
	return Done{}, spend(tx, m, p, a.Consumer, a.At, a.Mark)
})

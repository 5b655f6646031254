package state

import (
	"encoding/hex"

	"cofre/fsm/model"
	"cofre/fsm/table"
)

// The tables of OAuth 1.0.
var (
	OAuth1Keys = table.Define(26, "oauth1_key", func(k *model.OAuth1Keys) string { return k.Consumer },
		table.Index[model.OAuth1Keys]{Name: "authorization", Unique: true, Keys: func(k *model.OAuth1Keys) []string { return []string{string(k.Authorization)} }},
		sealedIndex(oauth1Values))
	UsedNonces = table.Define(27, "used_nonce", NonceKey,
		table.Index[model.UsedNonce]{Name: "at", Keys: func(n *model.UsedNonce) []string { return []string{table.TimeKey(n.At)} }})
)

// NonceKey identifies the use of a nonce.
func NonceKey(n *model.UsedNonce) string { return n.Consumer + "/" + hex.EncodeToString(n.Mark) }

func oauth1Values(k *model.OAuth1Keys) []Value {
	return []Value{{k.ConsumerRow, &k.ConsumerSecret}, {k.TokenRow, &k.TokenSecret}}
}

package state

import (
	"encoding/hex"
	"iter"
	"math"

	"cofre/fsm/model"
	"cofre/fsm/table"
)

// The tables of application secrets.
var (
	DSMSecrets = table.Define(22, "dsm_secret", func(s *model.DSMSecret) string { return string(s.ID) },
		table.Index[model.DSMSecret]{Name: "number", Unique: true, Drawn: true, Keys: func(s *model.DSMSecret) []string { return []string{table.NumberKey(s.Number)} }},
		table.Index[model.DSMSecret]{Name: "identity", Unique: true, Keys: func(s *model.DSMSecret) []string { return []string{IdentityKey(s.Owner, s.Identity)} }},
		table.Index[model.DSMSecret]{Name: "holder", Keys: holders},
		table.Index[model.DSMSecret]{Name: "renew", Keys: renewKey},
		table.Index[model.DSMSecret]{Name: "ending", Keys: func(s *model.DSMSecret) []string { return endingKey(s.Enabled, s.ExpiresAt, s.EndTold) }},
		table.Index[model.DSMSecret]{Name: "called", Keys: func(s *model.DSMSecret) []string { return []string{s.Identity} }},
		table.Index[model.DSMSecret]{Name: "renewing", Keys: renewingKeys})
	DSMVersions = table.Define(23, "dsm_version", func(v *model.DSMVersion) string { return DSMVersionKey(v.Secret, v.N) },
		sealedIndex(dsmValues))
	ClientKeys = table.Define(24, "client_key", func(k *model.ClientKey) string { return ClientKeyOf(k.Authorization, k.Secret.MAC) },
		table.Index[model.ClientKey]{Name: "until", Keys: func(k *model.ClientKey) []string { return []string{LiveKey(k.Authorization, k.Secret.Until)} }})
)

// IdentityKey identifies a secret: owner and identity.
func IdentityKey(owner model.AuthorizationID, identity string) string {
	return string(owner) + "/" + identity
}

// DSMVersionKey orders versions by secret and number.
func DSMVersionKey(id model.DSMSecretID, n uint64) string {
	return string(id) + "/" + table.NumberKey(n)
}

// ClientKeyOf finds an added client secret by what is stored of it.
func ClientKeyOf(a model.AuthorizationID, mac []byte) string {
	return string(a) + "/" + hex.EncodeToString(mac)
}

// LiveKey orders the added client secrets of an authorization by their end.
func LiveKey(a model.AuthorizationID, until model.Time) string {
	return string(a) + "/" + table.TimeKey(until)
}

// DSMVersionsOf lists the kept versions of a secret, oldest first.
func DSMVersionsOf(r table.Reader, id model.DSMSecretID) iter.Seq[*model.DSMVersion] {
	return func(yield func(*model.DSMVersion) bool) {
		for v := range DSMVersions.All(r, DSMVersionKey(id, 0)) {
			if v.Secret != id || !yield(v) {
				return
			}
		}
	}
}

// ForgetSecret drops a secret with its versions and what failed for it, and tells how many rows that was.
func ForgetSecret(tx *table.Tx, s *model.DSMSecret) int {
	rows := 1
	var versions []uint64
	for v := range DSMVersionsOf(tx, s.ID) {
		versions = append(versions, v.N)
	}
	for _, n := range versions {
		DSMVersions.Delete(tx, DSMVersionKey(s.ID, n))
		rows++
	}
	for _, e := range DSMErrorsOf(tx, s.ID) {
		DSMErrors.Delete(tx, DSMErrorKey(s.ID, e.N))
		rows++
	}
	DSMPulses.Delete(tx, "secret/"+string(s.ID))
	DSMSecrets.Delete(tx, string(s.ID))
	return rows
}

func holders(s *model.DSMSecret) []string {
	keys := []string{string(s.Owner)}
	for _, r := range s.Readers {
		keys = append(keys, string(r))
	}
	return keys
}

// endingKey orders what ends by its date, until automations were told.
func endingKey(enabled bool, expires, told model.Time) []string {
	if !enabled || expires == 0 || expires == told {
		return nil
	}
	return []string{table.TimeKey(expires)}
}

// renewingKeys orders secrets by how rarely they renew the users of each profile. Disabled ones are there too: who enables one again is
// promised the same.
func renewingKeys(s *model.DSMSecret) []string {
	if s.RenewEphemeral == 0 {
		return nil
	}
	var keys []string
	for _, p := range s.Profiles {
		keys = append(keys, renewingKey(p, uint64(s.RenewEphemeral)))
	}
	return keys
}

func renewingKey(p model.ProfileID, every uint64) string {
	return string(p) + "/" + table.NumberKey(every)
}

// SlowestRenewal finds the secret that renews the users of a profile least often. It looks at one row, however many there are.
func SlowestRenewal(r table.Reader, p model.ProfileID) (*model.DSMSecret, bool) {
	for s := range DSMSecrets.Reverse(r, "renewing", renewingKey(p, 0), renewingKey(p, math.MaxUint64)) {
		return s, true
	}
	return nil, false
}

// renewKey orders secrets by their next renewal.
func renewKey(s *model.DSMSecret) []string {
	a, b := s.RenewAt()
	if !s.Enabled || a == 0 && b == 0 {
		return nil
	}
	if a == 0 || b != 0 && b < a {
		a = b
	}
	return []string{table.TimeKey(a)}
}

func dsmValues(v *model.DSMVersion) []Value {
	var values []Value
	for i := range v.Entries {
		for j := range v.Entries[i].Fields {
			if f := &v.Entries[i].Fields[j]; !f.Secret.IsZero() {
				values = append(values, Value{f.Row, &f.Secret})
			}
		}
	}
	return values
}

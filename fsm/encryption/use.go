package encryption

import (
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// UseArgs ask to do something with a key; version 0 is the newest.
type UseArgs struct {
	ID      model.EncryptionKeyID `cbor:"id"`
	Version uint64                `cbor:"version,omitempty"`
	Use     model.KeyUse          `cbor:"use"`
}

// UseResult is the sealed material, whose use is now committed.
type UseResult struct {
	Algorithm model.KeyAlgorithm `cbor:"algorithm"`
	Version   model.KeyVersion   `cbor:"version"`
}

// Use records one use of a key. What is encrypted or signed does not go through here.
var Use = command.Define("encryption.use", 1, func(tx *table.Tx, m command.Meta, a UseArgs) (UseResult, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, use, nil)
	if err != nil {
		return UseResult{}, err
	}
	k, ok := state.EncryptionKeys.Get(tx, string(a.ID))
	switch {
	case !ok:
		return UseResult{}, ErrUnknown
	case !MayUse(p.Authorization, k):
		return UseResult{}, errForeign
	case !k.Active(m.At):
		return UseResult{}, model.Errorf(model.Invalid, "Encryption key inactive: it is disabled or has expired").WithCode(1017)
	}
	v, err := version(k, a)
	if err != nil {
		return UseResult{}, err
	}
	tx.Emit(audit.EncryptionUsed.With("key", string(k.ID), "number", fmt.Sprint(k.Number), "name", k.Name, "version", fmt.Sprint(v.N), "use", string(a.Use)))
	return UseResult{k.Algorithm, *v}, nil
}).AuditDenials()

func version(k *model.EncryptionKey, a UseArgs) (*model.KeyVersion, error) {
	does := "encrypts and decrypts"
	if k.Algorithm.Signs() {
		does = "signs and verifies"
	}
	switch a.Use {
	case model.UseEncrypt, model.UseDecrypt:
		if k.Algorithm.Signs() {
			return nil, model.Errorf(model.Invalid, "a key of the algorithm %s %s only", k.Algorithm, does).WithField("key")
		}
	case model.UseSign, model.UseVerify:
		if !k.Algorithm.Signs() {
			return nil, model.Errorf(model.Invalid, "a key of the algorithm %s %s only", k.Algorithm, does).WithField("key")
		}
	default:
		return nil, model.Errorf(model.Invalid, "there is no use %q of a key", a.Use)
	}
	v := k.Version(a.Version)
	switch {
	case v == nil:
		return nil, model.Errorf(model.Invalid, "the key has no version %d; the newest is %d", a.Version, k.LastN).WithField("version")
	case a.Use.Makes() && v.N != k.LastN:
		return nil, model.Errorf(model.Invalid, "version %d only decrypts and verifies: leave the version out to use the newest, %d", v.N, k.LastN).WithField("version")
	case v.N < k.Least:
		return nil, model.Errorf(model.Invalid, "version %d is below the least one that the key still uses, %d", v.N, k.Least).WithField("version")
	}
	return v, nil
}

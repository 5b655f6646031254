// Package encryption is the feature of encryption keys: applications encrypt, decrypt, sign and verify with keys that never
// leave the vault. It guarantees that every use is committed before its result is shown, that only the newest version of a
// key makes something new, and that a key is used by nobody but those that reach it or that it is shared with.
package encryption

import (
	"fmt"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "encryption", Commands: []command.Erased{Put, Rotate, SetStatus, Use}}

// Change is what managing keys asks for, use what using them does.
var (
	Change = authz.Action{Module: model.ModuleSecrets, Write: true, Right: model.CredentialWrite}
	use    = authz.Action{Module: model.ModuleSecrets, Right: model.SecretRead}
)

// ErrUnknown says that there is no such key.
var ErrUnknown = model.Errorf(model.NotFound, "Encryption key not found")

var errForeign = model.Errorf(model.Denied, "No access to encryption key").WithCode(1009)

// Reaches tells whether an authorization may manage a key: by its filter, or because it made the key.
func Reaches(a *model.Authorization, k *model.EncryptionKey) bool {
	return authz.Reaches(a, &authz.Object{CreatedBy: k.CreatedBy, Tags: k.Tags})
}

// MayUse tells whether an authorization may use a key, or see that it is there.
func MayUse(a *model.Authorization, k *model.EncryptionKey) bool {
	return Reaches(a, k) || slices.Contains(k.Users, a.ID)
}

// managed finds a key that the caller may manage.
func managed(tx *table.Tx, m command.Meta, id model.EncryptionKeyID) (*model.EncryptionKey, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, Change, nil)
	if err != nil {
		return nil, err
	}
	k, ok := state.EncryptionKeys.Get(tx, string(id))
	switch {
	case !ok:
		return nil, ErrUnknown
	case !Reaches(p.Authorization, k):
		return nil, errForeign
	}
	return k, nil
}

// store keeps a key and gives it without its versions' secrets.
func store(tx *table.Tx, k *model.EncryptionKey) model.EncryptionKey {
	k.Revision++
	state.EncryptionKeys.Put(tx, k)
	return Shown(k)
}

// Shown is a copy of a key whose versions have their public halves only.
func Shown(k *model.EncryptionKey) model.EncryptionKey {
	shown := *k
	shown.Versions = slices.Clone(k.Versions)
	for i := range shown.Versions {
		shown.Versions[i].Row, shown.Versions[i].Secret = "", model.Sealed{}
	}
	return shown
}

// StatusArgs enable or disable a key.
type StatusArgs struct {
	ID      model.EncryptionKeyID `cbor:"id"`
	Enabled bool                  `cbor:"enabled"`
}

// SetStatus enables or disables a key. A disabled one does nothing; its versions are kept, because data hang on them.
var SetStatus = command.Define("encryption.status", 1, func(tx *table.Tx, m command.Meta, a StatusArgs) (model.EncryptionKey, error) {
	k, err := managed(tx, m, a.ID)
	if err != nil {
		return model.EncryptionKey{}, err
	}
	turn(tx, k, a.Enabled)
	return store(tx, k), nil
}).AuditDenials()

// turn enables or disables a key, and tells it.
func turn(tx *table.Tx, k *model.EncryptionKey, on bool) {
	word := "no"
	if k.Enabled = on; on {
		word = "yes"
	}
	tx.Emit(audit.EncryptionStatus.With("key", string(k.ID), "number", fmt.Sprint(k.Number), "name", k.Name, "enabled", word))
}

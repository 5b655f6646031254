package encryption

import (
	"fmt"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Material is new key material, made and sealed at the edge.
type Material struct {
	Row    string       `cbor:"row"`
	Secret model.Sealed `cbor:"secret"`
	Public []byte       `cbor:"public,omitempty"`
}

// PutArgs create a key (no ID), which needs its algorithm and material, or change one; nil leaves a field as it is.
type PutArgs struct {
	ID          model.EncryptionKeyID    `cbor:"id,omitempty"`
	Name        *string                  `cbor:"name,omitempty"`
	Description *string                  `cbor:"description,omitempty"`
	Algorithm   model.KeyAlgorithm       `cbor:"algorithm,omitempty"`
	Tags        *[]string                `cbor:"tags,omitempty"`
	Users       *[]model.AuthorizationID `cbor:"users,omitempty"`
	Least       *uint64                  `cbor:"least,omitempty"`
	ExpiresAt   *model.Time              `cbor:"expires_at,omitempty"`
	Enabled     *bool                    `cbor:"enabled,omitempty"`
	Revision    uint64                   `cbor:"revision,omitempty"` // refuse if it is not the current one; 0: do not look
	Material    *Material                `cbor:"material,omitempty"`
}

// Put creates or changes a key.
var Put = command.Define("encryption.put", 1, func(tx *table.Tx, m command.Meta, a PutArgs) (model.EncryptionKey, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, Change, nil)
	if err != nil {
		return model.EncryptionKey{}, err
	}
	k := &model.EncryptionKey{ID: model.EncryptionKeyID(m.NewID(0)), Algorithm: a.Algorithm, Least: 1, Enabled: true, CreatedBy: p.Authorization.ID, CreatedAt: m.At}
	change := "created"
	switch {
	case a.ID != "":
		old, err := managed(tx, m, a.ID)
		if err != nil {
			return model.EncryptionKey{}, err
		}
		if a.Revision != 0 && a.Revision != old.Revision {
			return model.EncryptionKey{}, model.Errorf(model.Conflict, "the key was changed meanwhile: it has revision %d", old.Revision).WithField("revision")
		}
		copied := *old
		k, change = &copied, "changed"
	case !slices.Contains(model.Algorithms, a.Algorithm):
		return model.EncryptionKey{}, model.Errorf(model.Invalid, "there is no algorithm %q: it is one of %v", a.Algorithm, model.Algorithms).WithField("algorithm")
	case a.Name == nil:
		return model.EncryptionKey{}, model.Errorf(model.Invalid, "The name was not informed").WithCode(1004).WithField("name")
	default:
		k.Number = state.Next(tx, "encryption_key")
		if err := addVersion(tx, m, k, a.Material); err != nil {
			return model.EncryptionKey{}, err
		}
	}
	wasUsers, wasTags := k.Users, k.Tags
	if err := patch(tx, p, k, a); err != nil {
		return model.EncryptionKey{}, err
	}
	if !Reaches(p.Authorization, k) {
		return model.EncryptionKey{}, errForeign // it would take the key out of its own reach
	}
	if wider(wasUsers, k.Users) || change == "changed" && wider(wasTags, k.Tags) {
		if _, err := command.Authorize(tx, m.Actor, m.At, use, nil); err != nil {
			return model.EncryptionKey{}, err // whoever lets others use a key may use it
		}
	}
	tx.Emit(audit.EncryptionPut.With("key", string(k.ID), "number", fmt.Sprint(k.Number), "name", k.Name, "algorithm", string(k.Algorithm), "least", fmt.Sprint(k.Least), "users", fmt.Sprint(len(k.Users)), "change", change))
	if a.Enabled != nil && *a.Enabled != k.Enabled {
		turn(tx, k, *a.Enabled)
	}
	return store(tx, k), nil
}).AuditDenials()

// wider tells whether the new list has what the old one had not.
func wider[T comparable](old, now []T) bool {
	return slices.ContainsFunc(now, func(x T) bool { return !slices.Contains(old, x) })
}

func patch(tx *table.Tx, p *command.Principal, k *model.EncryptionKey, a PutArgs) error {
	if a.Name != nil {
		if err := checkName(tx, k.ID, *a.Name); err != nil {
			return err
		}
		k.Name = *a.Name
	}
	if a.Description != nil {
		if err := model.CheckText("description", *a.Description, model.MaxText); err != nil {
			return err
		}
		k.Description = *a.Description
	}
	if a.Tags != nil {
		if err := model.CheckTags("tags", *a.Tags); err != nil {
			return err
		}
		k.Tags = *a.Tags
	}
	if a.Least != nil {
		if *a.Least < 1 || *a.Least > k.LastN {
			return model.Errorf(model.Invalid, "the least version is between 1 and the newest, %d", k.LastN).WithField("least")
		}
		if k.Version(*a.Least) == nil {
			return model.Errorf(model.Invalid, "version %d is not kept any more", *a.Least).WithField("least")
		}
		k.Least = *a.Least
	}
	if a.ExpiresAt != nil {
		if *a.ExpiresAt < 0 {
			return model.Errorf(model.Invalid, "it cannot expire before 1970").WithField("expires_at")
		}
		k.ExpiresAt = *a.ExpiresAt
	}
	if a.Users == nil {
		return nil
	}
	return share(tx, p, k, *a.Users)
}

func checkName(tx *table.Tx, id model.EncryptionKeyID, name string) error {
	if err := model.CheckFreeName("name", "encryption key", name); err != nil {
		return err
	}
	if digits(name) {
		return model.Errorf(model.Invalid, "a name must not be purely numeric: it would be mistaken for an id").WithField("name")
	}
	if other, ok := state.EncryptionKeys.First(tx, "name", name); ok && other.ID != id {
		return model.Errorf(model.Conflict, "there is an encryption key with this name already").WithField("name")
	}
	return nil
}

func digits(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// share sets who else may use the key: authorizations that the caller made, or any with the right to manage them.
func share(tx *table.Tx, p *command.Principal, k *model.EncryptionKey, to []model.AuthorizationID) error {
	if len(to) > model.MaxKeyUsers {
		return model.Errorf(model.Invalid, "a key is shared with at most %d authorizations", model.MaxKeyUsers).WithField("users")
	}
	for _, id := range to {
		if id == p.Authorization.ID || slices.Contains(k.Users, id) {
			continue
		}
		other, ok := state.Authorizations.Get(tx, string(id))
		if !ok || other.CreatedBy != p.Authorization.ID && !slices.Contains(p.Authorization.Rights, model.AuthorizationWrite) {
			return model.Errorf(model.Denied, "No access to the authorization").WithCode(1009).WithField("users")
		}
	}
	k.Users = slices.Compact(slices.Sorted(slices.Values(to)))
	return nil
}

// addVersion appends material. At the limit a version that the least one rules out makes room; otherwise nothing is lost.
func addVersion(tx *table.Tx, m command.Meta, k *model.EncryptionKey, mat *Material) error {
	if mat == nil || mat.Row == "" || mat.Secret.IsZero() {
		return model.Errorf(model.Internal, "a key without material")
	}
	if err := state.CheckTerm(tx, mat.Secret); err != nil {
		return err
	}
	versions := slices.Clone(k.Versions)
	if len(versions) >= model.MaxKeyVersions {
		if versions[0].N >= k.Least {
			return model.Errorf(model.Conflict, "the key has %d versions: encrypt again what the oldest encrypted, then raise the least version", len(versions)).WithField("least")
		}
		versions = versions[1:]
	}
	k.LastN++
	k.Versions = append(versions, model.KeyVersion{N: k.LastN, Row: mat.Row, Secret: mat.Secret, Public: mat.Public, At: m.At})
	return nil
}

// RotateArgs make a new version of a key; Algorithm is the one that the material was made for.
type RotateArgs struct {
	ID        model.EncryptionKeyID `cbor:"id"`
	Algorithm model.KeyAlgorithm    `cbor:"algorithm"`
	Material  Material              `cbor:"material"`
}

// Rotate makes a new version the one that encrypts and signs; older ones still decrypt and verify.
var Rotate = command.Define("encryption.rotate", 1, func(tx *table.Tx, m command.Meta, a RotateArgs) (model.EncryptionKey, error) {
	k, err := managed(tx, m, a.ID)
	if err != nil {
		return model.EncryptionKey{}, err
	}
	if a.Algorithm != k.Algorithm {
		return model.EncryptionKey{}, model.Errorf(model.Invalid, "the key is of another algorithm").WithField("algorithm")
	}
	if err := addVersion(tx, m, k, &a.Material); err != nil {
		return model.EncryptionKey{}, err
	}
	tx.Emit(audit.EncryptionRotated.With("key", string(k.ID), "number", fmt.Sprint(k.Number), "name", k.Name, "version", fmt.Sprint(k.LastN)))
	return store(tx, k), nil
}).AuditDenials()

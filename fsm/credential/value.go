package credential

import (
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// NewSecret is a secret that a client put: ciphertext bound to the random id Row.
type NewSecret struct {
	Row    string       `cbor:"row"`
	Secret model.Sealed `cbor:"secret"`
	Public string       `cbor:"public,omitempty"` // of an SSH key: its public half
}

// holds tells whether the current secret is the one that is put. Only who may read it learns that by putting it: to others a value that
// fits is as good as any.
func holds(tx *table.Tx, m command.Meta, old *model.Credential, row string) bool {
	if old == nil || row == "" {
		return false
	}
	if _, err := command.Authorize(tx, m.Actor, m.At, see, authz.ObjectOf(old)); err != nil {
		return false
	}
	v := old.ByRole(model.RoleCurrent)
	return v != nil && v.Row == row
}

// putSecret makes a client's value the current one, unless Cofre manages the secret: then only an operation changes it. Where
// no more fit, older values of clients go, whose numbers it returns; not while the cluster's time is in doubt.
func putSecret(old, c *model.Credential, s NewSecret, held bool, at model.Time, frozen bool) (gone []uint64, err error) {
	if old != nil {
		gone = old.Outlived(at)
		switch {
		case old.Execution.Automatic || old.Execution.Started:
			return nil, model.Errorf(model.Invalid, "the secret of a managed credential is changed by an operation, not by a value").WithField("content")
		case old.Busy != "":
			return nil, model.Errorf(model.Conflict, "an operation works on the credential: try again when it ended")
		case held:
			return nil, nil
		case len(old.Versions) >= model.MaxVersions && (frozen || len(gone) == 0):
			return nil, model.Errorf(model.Conflict, "the credential holds %d secret versions that cannot be removed yet", len(old.Versions))
		}
		c.Versions = append([]model.SecretVersion(nil), old.Versions...)
		c.Forget(gone)
	}
	c.Version(c.AddVersion(s.Row, s.Secret, model.RoleCurrent, "", at)).Public = s.Public
	c.Sync = model.SyncUnknown
	return gone, nil
}

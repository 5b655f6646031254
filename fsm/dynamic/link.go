package dynamic

import (
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

const maxPairs = 100

// LinkArgs say how an application gets dynamic users. Revision, when given, must be the present one.
type LinkArgs struct {
	Provisioning model.Provisioning `cbor:"provisioning"`
}

// Link sets how an application gets dynamic users. Whoever names a pair may read the credential that logs in for it: all
// authorizations of the application may then ask for its users.
var Link = command.Define("dynamic.link", 1, func(tx *table.Tx, m command.Meta, a LinkArgs) (model.Provisioning, error) {
	act := configure
	act.Right = model.AuthorizationWrite
	if _, err := command.Authorize(tx, m.Actor, m.At, act, nil); err != nil {
		return model.Provisioning{}, err
	}
	p := a.Provisioning
	if err := state.Standing(tx, p.Application); err != nil {
		return p, err.WithField("application")
	}
	old := state.ProvisioningOf(tx, p.Application)
	switch {
	case p.Revision != 0 && p.Revision != old.Revision:
		return p, model.Errorf(model.Conflict, "it changed meanwhile: it is at revision %d", old.Revision).WithField("revision")
	case p.Quota < 0 || p.Quota > maxQuota:
		return p, model.Errorf(model.Invalid, "a quota is between 0 and %d", maxQuota).WithField("quota")
	case len(p.Pairs) > maxPairs:
		return p, model.Errorf(model.Invalid, "an application has at most %d pairs of device and profile", maxPairs).WithField("pairs")
	case p.Automatic && len(p.Pairs) > state.QuotaOf(p): // every read of every authorization would be refused, for ever
		return p, model.Errorf(model.Invalid, "each read gives its authorization a user of every pair, which are %d, and the quota is %d: raise it, name fewer pairs, or let secrets show them instead of automatic", len(p.Pairs), state.QuotaOf(p)).WithField("quota")
	}
	seen := map[model.ProvisioningPair]bool{}
	for i, pair := range p.Pairs {
		at := fmt.Sprintf("pairs[%d]", i)
		if seen[pair] {
			return p, model.Errorf(model.Invalid, "a pair of device and profile stands there twice").WithField(at)
		}
		seen[pair] = true
		profile, err := operation.Usable(tx, pair.Profile, pair.Device)
		if err != nil {
			return p, inside(err, at)
		}
		door, _ := state.ProfileDoor(tx, profile, pair.Device)
		if _, err := command.MayReference(tx, m.Actor, m.At, door.ID, at); err != nil {
			return p, err
		}
	}
	p.Revision = old.Revision + 1
	state.Provisionings.Put(tx, &p)
	tx.Emit(audit.DynamicLinked.With("application", string(p.Application), "automatic", yesNo(p.Automatic), "pairs", fmt.Sprint(len(p.Pairs)), "quota", fmt.Sprint(p.Quota)))
	return p, nil
}).AuditDenials()

// inside tells which of several the field of an error belongs to.
func inside(err error, at string) error {
	if e, ok := err.(*model.Error); ok && e.Field != "" { //nolint:errorlint // reducers make it themselves
		named := *e
		named.Field = at + "." + e.Field
		return &named
	}
	return err
}

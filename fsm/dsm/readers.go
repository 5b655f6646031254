package dsm

import (
	"slices"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// mayGrant decides whether the caller may put a secret into another's hands: of authorizations that it made, or with the
// right to manage them.
func mayGrant(tx *table.Tx, p *command.Principal, to model.AuthorizationID, field string) error {
	if to == p.Authorization.ID {
		return nil
	}
	other, ok := state.Authorizations.Get(tx, string(to))
	if ok && (other.CreatedBy == p.Authorization.ID || slices.Contains(p.Authorization.Rights, model.AuthorizationWrite)) {
		return nil
	}
	return model.Errorf(model.Denied, "No access to the authorization").WithCode(1009).WithField(field)
}

// readers sets who holds the secret, within the number that one authorization may hold.
func readers(tx *table.Tx, p *command.Principal, s *model.DSMSecret, to *[]model.AuthorizationID) error {
	fresh := []model.AuthorizationID{}
	if s.Revision == 0 {
		fresh = append(fresh, s.Owner)
	}
	if to != nil {
		for _, r := range *to {
			if s.HeldBy(r) {
				continue
			}
			if err := mayGrant(tx, p, r, "readers"); err != nil {
				return err
			}
			if err := state.Staying(tx, r); err != nil {
				return err.WithField("readers")
			}
			fresh = append(fresh, r)
		}
		s.Readers = slices.Compact(slices.Sorted(slices.Values(*to)))
		s.Readers = slices.DeleteFunc(s.Readers, func(r model.AuthorizationID) bool { return r == s.Owner })
	}
	for _, r := range fresh {
		held := 0
		for range state.DSMSecrets.By(tx, "holder", string(r)) {
			held++
		}
		if held >= model.MaxDSMHeld {
			return model.Errorf(model.Limited, "an authorization holds at most %d secrets", model.MaxDSMHeld)
		}
	}
	return nil
}

package access

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cofre/fsm/dsm"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// An identity is unique among the secrets of one owner only, so that a name may lead to several.

// FindDSM finds a secret by number, by id or by identity: the caller's own first, then those that are shared with it, then those
// that it reaches. Where several answer to an identity none is taken. Whether the caller may have it is decided by the verb that follows.
func (s *Service) FindDSM(ctx context.Context, actor model.Actor, name string) (*model.DSMSecret, error) {
	return s.findDSM(ctx, actor, name, false)
}

// FindDSMToRead is FindDSM for who wants values: of several only those count that are handed out, so that a secret which took the
// place of another is read by its identity once the other is disabled.
func (s *Service) FindDSMToRead(ctx context.Context, actor model.Actor, name string) (*model.DSMSecret, error) {
	return s.findDSM(ctx, actor, name, true)
}

func (s *Service) findDSM(ctx context.Context, actor model.Actor, name string, read bool) (*model.DSMSecret, error) {
	found, err := ref(ctx, s, func(r table.Reader) (*[]*model.DSMSecret, bool) {
		all := calledDSM(r, actor.Authorization, name)
		return &all, len(all) > 0
	}, model.Errorf(model.NotFound, "Secret not found"))
	if err != nil {
		return nil, err
	}
	all := *found
	if read && len(all) > 1 {
		now := model.TimeOf(time.Now())
		if active := slices.DeleteFunc(slices.Clone(all), func(one *model.DSMSecret) bool { return !one.Active(now) }); len(active) == 1 {
			all = active
		}
	}
	if len(all) > 1 {
		return nil, s.severalDSM(name, all)
	}
	return all[0], nil
}

// calledDSM lists the secrets that a name may mean for a caller.
func calledDSM(r table.Reader, caller model.AuthorizationID, name string) []*model.DSMSecret {
	if n, err := strconv.ParseUint(name, 10, 64); err == nil {
		if row, ok := state.DSMSecrets.First(r, "number", table.NumberKey(n)); ok {
			return []*model.DSMSecret{row}
		}
		return nil // no identity is purely numeric
	}
	if row, ok := state.DSMSecrets.Get(r, name); ok {
		return []*model.DSMSecret{row}
	}
	if row, ok := state.DSMSecrets.First(r, "identity", state.IdentityKey(caller, name)); ok {
		return []*model.DSMSecret{row}
	}
	var all []*model.DSMSecret
	for row := range state.DSMSecrets.By(r, "holder", string(caller)) { // they are limited, those of one name are not
		if row.Identity == name {
			all = append(all, row)
		}
	}
	auth, ok := state.Authorizations.Get(r, string(caller))
	if len(all) > 0 || !ok {
		return all
	}
	for row := range state.DSMSecrets.By(r, "called", name) {
		if dsm.Reaches(auth, row) {
			all = append(all, row)
		}
	}
	return all
}

// severalShown is how many candidates an error names.
const severalShown = 10

// severalDSM refuses an identity that several secrets have which the caller may see, and says how to name one.
func (s *Service) severalDSM(name string, all []*model.DSMSecret) error {
	slices.SortFunc(all, func(a, b *model.DSMSecret) int { return int(a.Number) - int(b.Number) })
	var shown []string
	for _, one := range all[:min(len(all), severalShown)] {
		owner := cmp.Or(s.AuthorizationNames(one.Owner)[one.Owner], "an owner that is gone")
		shown = append(shown, fmt.Sprintf("%d of %s", one.Number, owner))
	}
	if more := len(all) - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("%d more", more))
	}
	return model.Errorf(model.Conflict, "%d secrets are called %s: %s. Name one by its number", len(all), name, strings.Join(shown, ", "))
}

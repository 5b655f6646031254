package access

import (
	"context"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// HeldCustody is a checkout that was not released yet.
type HeldCustody struct {
	Custody    model.Custody
	Credential model.Credential
	Device     model.Device
	Holder     string // "application/authorization"
	Mine       bool
}

// Custodies lists who holds the credentials that the caller reaches, or one of them, in the order of the credentials'
// numbers.
func (s *Service) Custodies(ctx context.Context, actor model.Actor, at model.Time, name string) ([]HeldCustody, error) {
	var only model.CredentialID
	if name != "" {
		c, err := s.FindCredential(ctx, name)
		if err != nil {
			return nil, err
		}
		only = c.ID
	}
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, readPAM, nil)
	if err != nil {
		return nil, err
	}
	out := []HeldCustody{}
	for c := range state.Credentials.Range(v, "number", table.NumberKey(0), table.NumberKey(^uint64(0))) {
		if only != "" && c.ID != only || !p.Reaches(authz.ObjectOf(c)) {
			continue
		}
		for h := range state.Custodies.By(v, "credential", string(c.ID)) {
			if h.Until <= at {
				continue
			}
			one := HeldCustody{Custody: *h, Credential: *c, Mine: h.Authorization == p.Authorization.ID}
			one.Credential.Versions = nil
			if d, ok := state.Devices.Get(v, string(c.Device)); ok {
				one.Device = *d
			}
			if a, ok := state.Authorizations.Get(v, string(h.Authorization)); ok {
				if app, ok := state.Applications.Get(v, string(a.Application)); ok {
					one.Holder = app.Name + "/" + a.Name
				}
			}
			out = append(out, one)
		}
	}
	return out, nil
}

// CredentialUse counts, of the credentials that the caller reaches, those whose change is overdue and those in custody.
func (s *Service) CredentialUse(actor model.Actor, at model.Time) (expired, using int, err error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, authz.Action{Module: model.ModuleDashboards}, nil)
	if err != nil {
		return 0, 0, err
	}
	for c := range state.Credentials.All(v, "") {
		if !c.Enabled || !p.Reaches(authz.ObjectOf(c)) {
			continue
		}
		if state.Overdue(v, c, at) {
			expired++
		}
		for h := range state.Custodies.By(v, "credential", string(c.ID)) {
			if h.Until > at {
				using++
				break
			}
		}
	}
	return expired, using, nil
}

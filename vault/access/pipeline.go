package access

import (
	"context"

	"cofre/fsm/command"
	"cofre/fsm/dsm"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/secret"
)

// FindAuthorization finds an authorization by application, system and environment, as pipelines name it, or by application
// and its own name; ok is false if there is none, or several.
func (s *Service) FindAuthorization(ctx context.Context, application, system, environment, name string) (*model.Authorization, error) {
	return ref(ctx, s, func(r table.Reader) (*model.Authorization, bool) {
		app, ok := state.Applications.First(r, "name", application)
		if !ok {
			return nil, false
		}
		var found *model.Authorization
		for a := range state.Authorizations.By(r, "application", string(app.ID)) {
			if name != "" && a.Name != name || system != "" && a.System != system || environment != "" && a.Environment != environment {
				continue
			}
			if found != nil {
				return nil, false
			}
			found = a
		}
		return found, found != nil
	}, model.Errorf(model.NotFound, "there is no such application and authorization, or several: name system and environment").WithField("application"))
}

// RegisterDSM finds or makes an authorization for a pipeline; its secret is shown once.
func (s *Service) RegisterDSM(ctx context.Context, actor model.Actor, args dsm.RegisterArgs, at model.Time) (ClientKeys, dsm.RegisterResult, error) {
	keys, stored, err := NewClientKeys(func(m []byte) (uint32, []byte, error) { return s.named.MAC(KeyPepper, 0, m) }, at)
	if err != nil {
		return ClientKeys{}, dsm.RegisterResult{}, err
	}
	args.ClientID, args.Secret = keys.ClientID, stored
	r, err := command.Propose(ctx, s.proposer, dsm.Register, actor, args)
	if err != nil {
		keys.Secret.Wipe()
		return ClientKeys{}, dsm.RegisterResult{}, err
	}
	keys.ClientID = r.ClientID
	return keys, r, nil
}

// addedKey finds the key that was added to an authorization, by its secret, if it still lives.
func (s *Service) addedKey(v table.Reader, auth *model.Authorization, given secret.Value, at model.Time) (key *model.ClientKey, err error) {
	err = given.Reveal(func(b []byte) error {
		_, mac, err := s.named.MAC(KeyPepper, 0, b)
		if err != nil {
			return err
		}
		if k, ok := state.ClientKeys.Get(v, state.ClientKeyOf(auth.ID, mac)); ok && k.Epoch == auth.Epoch && at < k.Secret.Until && command.Asked(v, k.Asked, at) {
			key = k
		}
		return nil
	})
	return key, err
}

// FindApplication finds an application by id or name.
func (s *Service) FindApplication(ctx context.Context, name string) (model.ApplicationID, error) {
	a, err := ref(ctx, s, func(r table.Reader) (*model.Application, bool) {
		if a, ok := state.Applications.Get(r, name); ok {
			return a, true
		}
		return state.Applications.First(r, "name", name)
	},
		model.Errorf(model.NotFound, "there is no such application").WithField("application"))
	if err != nil {
		return "", err
	}
	return a.ID, nil
}

// AuthorizationNames gives "application/authorization" of authorizations that are still there.
func (s *Service) AuthorizationNames(ids ...model.AuthorizationID) map[model.AuthorizationID]string {
	v := s.views.View()
	defer v.Close()
	out := map[model.AuthorizationID]string{}
	for _, id := range ids {
		if a, ok := state.Authorizations.Get(v, string(id)); ok {
			if app, ok := state.Applications.Get(v, string(a.Application)); ok {
				out[id] = app.Name + "/" + a.Name
			}
		}
	}
	return out
}

package access

import (
	"context"
	"strings"

	"cofre/fsm/application"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/secret"
)

// AWSKey is a pair for AWS Signature Version 4; the secret is shown once.
type AWSKey struct {
	AccessKey string
	Secret    secret.Value
}

// ARNs lists the identities of AWS that get tokens for an application.
func (s *Service) ARNs(actor model.Actor, at model.Time, id model.ApplicationID) ([]string, error) {
	v := s.views.View()
	defer v.Close()
	if _, err := command.Authorize(v, actor, at, authz.Action{Right: model.AuthorizationWrite}, nil); err != nil {
		return nil, err
	}
	if !state.Applications.Has(v, string(id)) {
		return nil, model.Errorf(model.NotFound, "there is no such application")
	}
	if r, ok := state.AWSRoles.Get(v, string(id)); ok {
		return r.ARNs, nil
	}
	return nil, nil
}

// PutARNs replaces the list.
func (s *Service) PutARNs(ctx context.Context, actor model.Actor, id model.ApplicationID, arns []string) ([]string, error) {
	out, err := command.Propose(ctx, s.proposer, application.PutARNs, actor, application.ARNsArgs{Application: id, ARNs: arns})
	return out.ARNs, err
}

// FindARNs finds the authorization with a unique key, if its application lists identities of AWS and it may call from
// there. Nothing is authenticated yet.
func (s *Service) FindARNs(ctx context.Context, unique string, from model.Origin, at model.Time) (*model.Authorization, error) {
	type held struct {
		auth model.Authorization
		app  model.Application
	}
	h, err := ref(ctx, s, func(r table.Reader) (*held, bool) {
		a, ok := state.Authorizations.Get(r, unique)
		if !ok || !state.AWSRoles.Has(r, string(a.Application)) {
			return nil, false
		}
		app, ok := state.Applications.Get(r, string(a.Application))
		if !ok {
			return nil, false
		}
		return &held{*a, *app}, true
	}, model.Errorf(model.Unauthenticated, "Client authentication failed"))
	if err != nil {
		return nil, err
	}
	if err := authz.Decide(&h.app, &h.auth, authz.Action{}, nil, from, at); err != nil {
		return nil, err
	}
	return &h.auth, nil
}

// ProveARN admits a client by what AWS told about it, once; it returns after a majority has it, with the listing that its token
// carries.
func (s *Service) ProveARN(ctx context.Context, actor model.Actor, a application.ARNArgs) (string, error) {
	proof, err := command.Propose(ctx, s.proposer, application.ProveARN, actor, a)
	return proof.Listing, err
}

// NewAWSKey draws a pair for an authorization, in place of the one that it has.
func (s *Service) NewAWSKey(ctx context.Context, actor model.Actor, id model.AuthorizationID) (*AWSKey, error) {
	k := &AWSKey{AccessKey: "COFRE" + strings.ToUpper(drawn(8))[:15], Secret: drawnSecret()}
	args := application.AWSKeyArgs{Authorization: id, Key: model.AWSKey{AccessKey: k.AccessKey, Row: newRow()}}
	var err error
	if args.Key.Secret, err = s.keys.Encrypt(Place(args.Key.Row), k.Secret); err != nil {
		return nil, err
	}
	if _, err := command.Propose(ctx, s.proposer, application.PutAWSKey, actor, args); err != nil {
		return nil, err
	}
	return k, nil
}

// DropAWSKey takes the pair from an authorization.
func (s *Service) DropAWSKey(ctx context.Context, actor model.Actor, id model.AuthorizationID) error {
	_, err := command.Propose(ctx, s.proposer, application.PutAWSKey, actor, application.AWSKeyArgs{Authorization: id})
	return err
}

// FindAWSKey finds the holder of an access key on this replica, and once more after catching up, with the secret that
// verifies its signatures, to wipe. Nothing is authenticated yet.
func (s *Service) FindAWSKey(ctx context.Context, accessKey string) (*model.Authorization, secret.Value, error) {
	type held struct {
		key  model.AWSKey
		auth model.Authorization
	}
	h, err := ref(ctx, s, func(r table.Reader) (*held, bool) {
		k, ok := state.AWSKeys.Get(r, accessKey)
		if !ok {
			return nil, false
		}
		a, ok := state.Authorizations.Get(r, string(k.Authorization))
		if !ok {
			return nil, false
		}
		return &held{*k, *a}, true
	}, model.Errorf(model.Unauthenticated, "Client authentication failed"))
	if err != nil {
		return nil, secret.Value{}, err
	}
	plain, err := s.keys.Decrypt(Place(h.key.Row), h.key.Secret)
	if err != nil {
		return nil, secret.Value{}, err
	}
	return &h.auth, plain, nil
}

// UseAWSKey admits a verified signature once; it returns after a majority has it.
func (s *Service) UseAWSKey(ctx context.Context, actor model.Actor, a application.AWSUseArgs) error {
	_, err := command.Propose(ctx, s.proposer, application.UseAWSKey, actor, a)
	return err
}

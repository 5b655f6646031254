package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"slices"

	"cofre/fsm/application"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/vault/secret"
)

// Authenticated is the authorization whose secret a client gave, and who asked for that secret and when it ends, if it was added.
type Authenticated struct {
	Authorization *model.Authorization
	Asked         []model.Asker
	KeyUntil      model.Time
}

// ClientKeys are what a client authenticates with; the secret is shown once.
type ClientKeys struct {
	ClientID string
	Secret   secret.Value
}

// NewClientKeys draws a client id and a secret of 256 bits, and its stored form under a pepper.
func NewClientKeys(mac func(message []byte) (uint32, []byte, error), at model.Time) (ClientKeys, model.ClientSecret, error) {
	var id [20]byte
	var s [32]byte
	_, _ = rand.Read(id[:])
	_, _ = rand.Read(s[:])
	text := []byte(base64.RawURLEncoding.EncodeToString(s[:]))
	pepper, sum, err := mac(text)
	if err != nil {
		return ClientKeys{}, model.ClientSecret{}, err
	}
	return ClientKeys{hex.EncodeToString(id[:]), secret.New(text)}, model.ClientSecret{Pepper: pepper, MAC: sum, At: at}, nil
}

// Authenticate checks a client id and secret on a consistent reading: a token outlives it by hours, so a secret that was
// replaced, or an epoch that was raised, a moment ago on another node counts. Unknown ids cost the same; the error tells
// nothing.
func (s *Service) Authenticate(ctx context.Context, clientID string, given secret.Value, from model.Origin, at model.Time) (*Authenticated, error) {
	refused := model.Errorf(model.Unauthenticated, "Client authentication failed")
	if err := s.fresh(ctx); err != nil {
		return nil, err
	}
	v := s.views.View()
	defer v.Close()
	var err error
	auth, ok := state.Authorizations.First(v, "client", clientID)
	if !ok {
		auth = &model.Authorization{Secrets: []model.ClientSecret{{}}}
	}
	match := false
	for _, c := range auth.Secrets {
		if c.Until != 0 && at >= c.Until {
			continue
		}
		var sum []byte
		err := given.Reveal(func(b []byte) error {
			var err error
			_, sum, err = s.named.MAC(KeyPepper, c.Pepper, b)
			return err
		})
		if err != nil {
			return nil, err
		}
		match = hmac.Equal(sum, c.MAC) || match
	}
	var added *model.ClientKey
	if !match { // of an unknown id there is none
		if added, err = s.addedKey(v, auth, given, at); err != nil {
			return nil, err
		}
		match = added != nil
	}
	if !match {
		return nil, refused
	}
	app, ok := state.Applications.Get(v, string(auth.Application))
	if !ok {
		return nil, refused
	}
	if err := authz.Decide(app, auth, authz.Action{}, nil, from, at); err != nil {
		return nil, err
	}
	out := &Authenticated{Authorization: auth}
	if added != nil {
		out.Asked, out.KeyUntil = added.Asked, added.Secret.Until
	}
	return out, nil
}

// WhoAmI finds the caller's own application and authorization.
func (s *Service) WhoAmI(actor model.Actor) (*command.Principal, error) {
	v := s.views.View()
	defer v.Close()
	return command.Authenticate(v, actor)
}

// PublicKey is the key that the caller's answers are encrypted to, in PKIX form; empty: they are not.
func (s *Service) PublicKey(actor model.Actor) ([]byte, error) {
	v := s.views.View()
	defer v.Close()
	auth, ok := state.Authorizations.Look(v, string(actor.Authorization))
	if !ok {
		return nil, model.Errorf(model.Unauthenticated, "Client authentication failed: no such authorization")
	}
	return auth.PublicKey, nil
}

// Applications lists applications by name; the caller needs the right to manage authorizations.
func (s *Service) Applications(actor model.Actor, at model.Time) ([]model.Application, error) {
	return list(s, actor, at, authz.Action{Right: model.AuthorizationWrite}, state.Applications.All)
}

// Authorizations lists the authorizations of an application, or all with "", without their secrets.
func (s *Service) Authorizations(actor model.Actor, at model.Time, app model.ApplicationID) ([]model.Authorization, error) {
	all, err := list(s, actor, at, authz.Action{Right: model.AuthorizationWrite}, state.Authorizations.All)
	all = slices.DeleteFunc(all, func(a model.Authorization) bool { return app != "" && a.Application != app })
	for i := range all {
		all[i].Secrets = nil
	}
	return all, err
}

// PutApplication creates or changes an application.
func (s *Service) PutApplication(ctx context.Context, actor model.Actor, a model.Application) (model.Application, error) {
	return command.Propose(ctx, s.proposer, application.Put, actor, application.PutArgs{Application: a})
}

// DeleteApplication deletes an application with all that is its own, when the dynamic users that were made for it are gone.
func (s *Service) DeleteApplication(ctx context.Context, actor model.Actor, id model.ApplicationID) (application.DeleteResult, error) {
	return command.Propose(ctx, s.proposer, application.Delete, actor, application.DeleteArgs{ID: id})
}

// DeleteAuthorization does the same for one authorization.
func (s *Service) DeleteAuthorization(ctx context.Context, actor model.Actor, id model.AuthorizationID) (application.DeleteResult, error) {
	return command.Propose(ctx, s.proposer, application.DeleteAuthorization, actor, application.DeleteAuthorizationArgs{ID: id})
}

// PutAuthorization creates or changes an authorization. A new one, or rekey, gets fresh keys, which are shown once.
func (s *Service) PutAuthorization(ctx context.Context, actor model.Actor, a model.Authorization, rekey bool, at model.Time) (model.Authorization, *ClientKeys, error) {
	args := application.AuthorizationArgs{Authorization: a, Rekey: rekey}
	var keys *ClientKeys
	if rekey || a.Revision == 0 {
		k, stored, err := NewClientKeys(func(m []byte) (uint32, []byte, error) { return s.named.MAC(KeyPepper, 0, m) }, at)
		if err != nil {
			return model.Authorization{}, nil, err
		}
		if a.Revision != 0 {
			k.ClientID = a.ClientID
		}
		args.Authorization.ClientID, args.Authorization.Secrets = k.ClientID, []model.ClientSecret{stored}
		keys = &k
	}
	out, err := command.Propose(ctx, s.proposer, application.PutAuthorization, actor, args)
	if err != nil {
		return model.Authorization{}, nil, err
	}
	out.Secrets = nil
	return out, keys, nil
}

// TakeSecretRead gives the calling administrator the right to read secrets, with an alert.
func (s *Service) TakeSecretRead(ctx context.Context, actor model.Actor) error {
	_, err := command.Propose(ctx, s.proposer, application.TakeSecretRead, actor, application.Done{})
	return err
}

// RevokeAll makes every token of an authorization invalid.
func (s *Service) RevokeAll(ctx context.Context, actor model.Actor, id model.AuthorizationID) error {
	_, err := command.Propose(ctx, s.proposer, application.RevokeAll, actor, application.RevokeArgs{ID: id})
	return err
}

// Leave disables the caller's own authorization.
func (s *Service) Leave(ctx context.Context, actor model.Actor) error {
	_, err := command.Propose(ctx, s.proposer, application.Leave, actor, application.Done{})
	return err
}

// RevokeToken makes the caller's token invalid.
func (s *Service) RevokeToken(ctx context.Context, actor model.Actor, token string, until model.Time) error {
	_, err := command.Propose(ctx, s.proposer, application.RevokeToken, actor, application.RevokeTokenArgs{Token: token, Until: until})
	return err
}

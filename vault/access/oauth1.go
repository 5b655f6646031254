package access

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"

	"cofre/fsm/application"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/secret"
)

// OAuth1Keys are what a client of OAuth 1.0 signs with; the secrets are shown once.
type OAuth1Keys struct {
	Consumer, Token             string
	ConsumerSecret, TokenSecret secret.Value
}

// NewOAuth1 draws keys for an authorization, in place of the ones that it has.
func (s *Service) NewOAuth1(ctx context.Context, actor model.Actor, id model.AuthorizationID) (*OAuth1Keys, error) {
	k := &OAuth1Keys{Consumer: drawn(20), Token: drawn(20), ConsumerSecret: drawnSecret(), TokenSecret: drawnSecret()}
	args := application.OAuth1Args{Authorization: id, Keys: model.OAuth1Keys{Consumer: k.Consumer, Token: k.Token, ConsumerRow: newRow(), TokenRow: newRow()}}
	var err error
	if args.Keys.ConsumerSecret, err = s.keys.Encrypt(Place(args.Keys.ConsumerRow), k.ConsumerSecret); err != nil {
		return nil, err
	}
	if args.Keys.TokenSecret, err = s.keys.Encrypt(Place(args.Keys.TokenRow), k.TokenSecret); err != nil {
		return nil, err
	}
	if _, err := command.Propose(ctx, s.proposer, application.PutOAuth1, actor, args); err != nil {
		return nil, err
	}
	return k, nil
}

// DropOAuth1 takes the keys of OAuth 1.0 from an authorization.
func (s *Service) DropOAuth1(ctx context.Context, actor model.Actor, id model.AuthorizationID) error {
	_, err := command.Propose(ctx, s.proposer, application.PutOAuth1, actor, application.OAuth1Args{Authorization: id})
	return err
}

// OAuth1Client is who holds a consumer key, with the secrets that verify its signatures, to wipe.
type OAuth1Client struct {
	Authorization               model.Authorization
	ConsumerSecret, TokenSecret secret.Value
}

// FindOAuth1 finds the holder of a consumer and a token key on this replica, and once more after catching up. Nothing is
// authenticated yet.
func (s *Service) FindOAuth1(ctx context.Context, consumer, token string) (*OAuth1Client, error) {
	type held struct {
		keys model.OAuth1Keys
		auth model.Authorization
	}
	h, err := ref(ctx, s, func(r table.Reader) (*held, bool) {
		k, ok := state.OAuth1Keys.Get(r, consumer)
		if !ok || k.Token != token {
			return nil, false
		}
		a, ok := state.Authorizations.Get(r, string(k.Authorization))
		if !ok {
			return nil, false
		}
		return &held{*k, *a}, true
	}, model.Errorf(model.Unauthenticated, "Client authentication failed"))
	if err != nil {
		return nil, err
	}
	c := &OAuth1Client{Authorization: h.auth}
	if c.ConsumerSecret, err = s.keys.Decrypt(Place(h.keys.ConsumerRow), h.keys.ConsumerSecret); err != nil {
		return nil, err
	}
	if c.TokenSecret, err = s.keys.Decrypt(Place(h.keys.TokenRow), h.keys.TokenSecret); err != nil {
		c.ConsumerSecret.Wipe()
		return nil, err
	}
	return c, nil
}

// UseNonce admits a verified signature once; it returns after a majority has it.
func (s *Service) UseNonce(ctx context.Context, actor model.Actor, a application.NonceArgs) error {
	_, err := command.Propose(ctx, s.proposer, application.UseNonce, actor, a)
	return err
}

func drawn(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// drawnSecret is 256 bits as text.
func drawnSecret() secret.Value {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return secret.New([]byte(base64.RawURLEncoding.EncodeToString(b[:])))
}

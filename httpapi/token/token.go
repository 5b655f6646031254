// Package token is the resource of access tokens: OAuth 2.0 client credentials (RFC 6749 section 4.4) and revocation
// (RFC 7009). It reads client keys in every way that clients send them, and guarantees that neither keys nor tokens stand
// in an error. httpapi/edge wires it to authn and vault/access.
package token

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// Granted is a new access token, to wipe.
type Granted struct {
	Token   secret.Value
	Seconds int64 // until it expires
}

// Service authenticates clients and makes and revokes tokens.
type Service interface {
	// Grant makes a token that lives as long as the authorization says, or for ttl if that is less; 0: the client names none.
	Grant(ctx context.Context, clientID string, s secret.Value, from model.Origin, at model.Time, ttl time.Duration) (Granted, error)
	// GrantAWS authenticates a client by what AWS says about it.
	GrantAWS(ctx context.Context, p AWSProof, from model.Origin, at model.Time, ttl time.Duration) (Granted, error)
	// Revoke makes a token invalid; a token that is not valid anyway is no error.
	Revoke(ctx context.Context, token string, from model.Origin, at model.Time) error
}

var returned = []route.Field{{Name: "token_type", Text: "Bearer"}, {Name: "expires_in", Type: "integer", Text: "seconds"}, {Name: "access_token"}}

// Routes offers the resource.
func Routes(s Service) []route.Route {
	grant := func(method string) route.Route {
		return route.Route{
			Method: method, Path: "/iso/oauth2/token", Auth: route.Public, Dialect: compat.OAuth, Event: "token.issued", MaxBody: 16 << 10,
			Doc: route.Doc{
				Tag: "token", Summary: "Get an access token",
				Text: "Client keys stand in the form or JSON body or in HTTP Basic; a Bearer header is ignored. A new token leaves older ones valid.",
				Fields: []route.Field{
					{Name: "grant_type", In: "body", Required: true, Text: "client_credentials"},
					{Name: "client_id", In: "body", Text: "unless sent by HTTP Basic"},
					{Name: "client_secret", In: "body", Text: "unless sent by HTTP Basic"},
					{Name: "ttl", In: "body", Type: "integer", Text: "life in minutes, 1 to 1440, and at most what the authorization says, which is the default; else 60"},
				},
				Returns: returned,
			},
			Handle: func(ctx context.Context, r *route.Request) (compat.Reply, error) { return issue(ctx, s, r) },
		}
	}
	return []route.Route{grant(http.MethodPost), grant(http.MethodGet), awsRoute(s), {
		Method: http.MethodPost, Path: "/iso/oauth2/revoke", Auth: route.Public, Dialect: compat.OAuth, Event: "token.revoked", MaxBody: 16 << 10,
		Doc: route.Doc{
			Tag: "token", Summary: "Revoke an access token", Text: "Whoever holds a token may revoke it: as the field token, or as the Bearer of the request. Answers 200 also for a token that is not valid any more.",
			Fields: []route.Field{{Name: "token", In: "body", Text: "the token; the Bearer of the request if absent"}},
		},
		Handle: func(ctx context.Context, r *route.Request) (compat.Reply, error) { return revoke(ctx, s, r) },
	}}
}

func issue(ctx context.Context, s Service, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	switch in.Text("grant_type") {
	case "client_credentials":
	case "":
		return compat.Reply{}, model.Errorf(model.Invalid, "grant_type is missing: client_credentials")
	default:
		return compat.Reply{}, model.Errorf(model.Invalid, "this grant_type is not offered: use client_credentials").WithField("grant_type")
	}
	ttl, err := life(in)
	if err != nil {
		return compat.Reply{}, err
	}
	id, key, ok := compat.Basic(r.HTTP)
	if !ok {
		id = in.Text("client_id")
		if s := in.Secret("client_secret"); s != nil {
			key = *s
		}
	}
	defer key.Wipe()
	g, err := s.Grant(ctx, id, key, r.Origin, r.At, ttl)
	if err != nil {
		return compat.Reply{}, err
	}
	return granted(g), nil
}

// life reads how long a token shall live; 0: nothing is said.
func life(in *compat.Input) (time.Duration, error) {
	text := in.Text("ttl")
	if text == "" {
		return 0, nil
	}
	minutes, err := strconv.Atoi(text)
	if err != nil || minutes < 1 || minutes > 1440 {
		return 0, model.Errorf(model.Invalid, "ttl is between 1 and 1440 minutes").WithField("ttl")
	}
	return time.Duration(minutes) * time.Minute, nil
}

func granted(g Granted) compat.Reply {
	return compat.Reply{Payload: compat.Object{{Name: "token_type", Value: "Bearer"}, {Name: "expires_in", Value: g.Seconds}, {Name: "access_token", Value: compat.Secret{Value: g.Token}}}}
}

func revoke(ctx context.Context, s Service, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	token := in.Text("token")
	if token == "" {
		token = compat.Bearer(r.HTTP)
	}
	if token == "" {
		return compat.Reply{}, model.Errorf(model.Invalid, "token is missing").WithField("token")
	}
	if err := s.Revoke(ctx, token, r.Origin, r.At); err != nil {
		return compat.Reply{}, err
	}
	return compat.Reply{Payload: compat.Object{}}, nil
}

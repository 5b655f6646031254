package edge

import (
	"cmp"
	"context"
	"time"

	"cofre/fsm/model"
	"cofre/httpapi/authn"
	"cofre/httpapi/health"
	"cofre/httpapi/sts"
	"cofre/httpapi/token"
	"cofre/vault/access"
	"cofre/vault/secret"
)

// tokens adapts access and authn to the token resource.
type tokens struct {
	access    *access.Service
	tokens    *authn.Tokens
	status    func() health.Status
	cluster   func() model.ClusterID
	sts       *sts.Client
	count     func(model.AuthorizationID, string)
	perSource *authn.Limiter
	perClient *authn.Limiter
}

func newTokens(d Deps) *tokens {
	return &tokens{
		access: d.Access, tokens: authn.NewTokens(d.Tokens, d.Cluster), status: d.Status, cluster: d.Cluster, sts: d.STS, count: d.CountToken,
		perSource: authn.NewLimiter(d.Limits.TokenSource, d.Limits.Remembered),
		perClient: authn.NewLimiter(d.Limits.TokenClient, d.Limits.Remembered),
	}
}

// Grant authenticates a client; limits come before any cryptography and before the state is looked at.
func (t *tokens) Grant(ctx context.Context, clientID string, s secret.Value, from model.Origin, at model.Time, ttl time.Duration) (token.Granted, error) {
	if s.Len() > 1024 {
		return token.Granted{}, model.Errorf(model.Unauthenticated, "Client authentication failed")
	}
	if err := t.limit(clientID, from, at); err != nil {
		return token.Granted{}, err
	}
	p, err := t.access.Authenticate(ctx, clientID, s, from, at)
	if err != nil {
		return token.Granted{}, err
	}
	return t.issue(p.Authorization, authn.Claims{Asked: p.Asked, KeyUntil: p.KeyUntil}, from, at, ttl)
}

// limit refuses a node that serves nobody, and requests that come too often from a source, or for a client from there: nobody
// delays the holder from elsewhere by asking in his name.
func (t *tokens) limit(client string, from model.Origin, at model.Time) error {
	if err := t.status().Err(); err != nil {
		return err
	}
	source := authn.Network(authn.Peer(from.Source))
	if err := t.perSource.Allow(source, at.Std()); err != nil {
		return err
	}
	if len(client) > model.MaxName {
		return model.Errorf(model.Unauthenticated, "Client authentication failed")
	}
	return t.perClient.Allow(source+" "+client, at.Std())
}

// defaultTTL is how long a token lives where neither the authorization nor the request says so.
const defaultTTL = time.Hour

// issue makes a token for a client that proved who it is; the claims say on what it hangs: the identity of AWS that it has, or who asked for
// its key.
func (t *tokens) issue(a *model.Authorization, c authn.Claims, from model.Origin, at model.Time, ttl time.Duration) (token.Granted, error) {
	own := time.Duration(a.TokenTTL) * time.Millisecond
	if ttl == 0 {
		ttl = cmp.Or(own, defaultTTL)
	}
	if own != 0 {
		ttl = min(ttl, own)
	}
	if a.ExpiresAt != 0 {
		ttl = min(ttl, a.ExpiresAt.Sub(at))
	}
	c.Subject, c.Epoch = a.ID, a.Epoch
	value, claims, err := t.tokens.Issue(c, ttl, at.Std())
	if err != nil {
		return token.Granted{}, err
	}
	if t.count != nil {
		t.count(a.ID, from.Source)
	}
	return token.Granted{Token: value, Seconds: claims.Expires - claims.Issued}, nil
}

// Revoke ends one token in the name of its own client.
func (t *tokens) Revoke(ctx context.Context, raw string, from model.Origin, at model.Time) error {
	if err := t.status().Err(); err != nil {
		return err
	}
	if err := t.perSource.Allow(authn.Network(authn.Peer(from.Source)), at.Std()); err != nil {
		return err
	}
	claims, err := t.tokens.Identify(raw)
	if err != nil { // the key that signed it may be younger than this replica
		if err := t.access.Fresh(ctx); err != nil {
			return err
		}
		claims, err = t.tokens.Identify(raw)
	}
	if err == nil {
		err = t.access.RevokeToken(ctx, claims.Actor(from), claims.ID, claims.Until())
	}
	if model.Is(err, model.Unauthenticated) {
		return nil // it is not valid any more, which is what was asked for
	}
	return err
}

package edge

import (
	"bytes"
	"context"
	"mime"
	"net/http"
	"time"

	"cofre/fsm/application"
	"cofre/fsm/model"
	"cofre/httpapi/authn"
	"cofre/httpapi/compat"
	"cofre/vault/access"
)

// clients tells who sent a request: by an access token, or by a signature of OAuth 1.0 or AWS.
type clients struct {
	access    *access.Service
	tokens    *authn.Tokens
	failures  *authn.Limiter // signatures that are not good, per source
	guesses   *authn.Limiter // and per source and consumer key, so that nobody delays the holder from elsewhere
	plaintext bool           // OAuth 1.0 PLAINTEXT is taken
	inURL     bool           // secrets may stand in a URL
}

// authenticate finds the client; maxBody is the greatest body of the route, which is read if it is part of what was signed.
func (c *clients) authenticate(r *http.Request, from model.Origin, at time.Time, maxBody int64) (model.Actor, error) {
	if raw := compat.Bearer(r); raw != "" {
		claims, err := c.tokens.Verify(raw, at)
		if err != nil {
			return model.Actor{}, err
		}
		actor := claims.Actor(from)
		if _, err := c.access.WhoAmI(actor); err != nil { // a token of a moment ago may be ahead of this replica
			return actor, c.access.Fresh(r.Context())
		}
		return actor, nil
	}
	if authn.IsAWS4(r) {
		return c.aws4(r, from, at, maxBody)
	}
	form, err := signedForm(r, maxBody)
	if err != nil {
		return model.Actor{}, err
	}
	o, signed, err := authn.ParseOAuth1(r, form)
	if err != nil {
		return model.Actor{}, err
	}
	if !signed {
		return model.Actor{}, model.Errorf(model.Unauthenticated, "Client authentication failed: send an access token as Bearer, or sign the request with OAuth 1.0")
	}
	if o.InURL && !c.inURL {
		return model.Actor{}, compat.ErrSecretInURL("oauth_signature")
	}
	return c.oauth1(r.Context(), &o, from, at)
}

// sealer encrypts the secrets of an answer if the caller's authorization asks for it; never silently not.
func (c *clients) sealer(actor model.Actor) (*compat.Sealer, error) {
	key, err := c.access.PublicKey(actor)
	if err != nil || len(key) == 0 {
		return nil, err
	}
	return compat.NewSealer(key)
}

// guess refuses a source that has sent too many signatures that were not good; failed counts one more: the next request
// asks whether any is left.
func (c *clients) guess(from model.Origin, key string, at time.Time) (failed func(error) (model.Actor, error), err error) {
	source := authn.Network(authn.Peer(from.Source))
	pair := source + " " + key
	for _, err := range []error{c.failures.Check(source, at), c.guesses.Check(pair, at)} {
		if err != nil {
			return nil, err
		}
	}
	return func(err error) (model.Actor, error) {
		_, _ = c.failures.Allow(source, at), c.guesses.Allow(pair, at)
		return model.Actor{}, err
	}, nil
}

// oauth1 verifies a signature, and commits its use before the request is looked at: it is good once, on every node.
func (c *clients) oauth1(ctx context.Context, o *authn.OAuth1, from model.Origin, at time.Time) (model.Actor, error) {
	failed, err := c.guess(from, o.Consumer, at)
	if err != nil {
		return model.Actor{}, err
	}
	if d := at.Sub(o.At.Std()).Abs(); d > authn.NonceWindow {
		return failed(model.Errorf(model.Unauthenticated, "Client authentication failed: the timestamp is more than 300 s off"))
	}
	holder, err := c.access.FindOAuth1(ctx, o.Consumer, o.Token)
	if model.Is(err, model.Unauthenticated) {
		return failed(err)
	}
	if err != nil {
		return model.Actor{}, err
	}
	defer holder.ConsumerSecret.Wipe()
	defer holder.TokenSecret.Wipe()
	if !o.Verify(holder.ConsumerSecret, holder.TokenSecret, c.plaintext) {
		return failed(model.Errorf(model.Unauthenticated, "Client authentication failed: the signature is not good"))
	}
	a := holder.Authorization
	actor := model.Actor{Kind: model.ActorClient, Authorization: a.ID, Epoch: a.Epoch}.From(from)
	return actor, c.access.UseNonce(ctx, actor, application.NonceArgs{Consumer: o.Consumer, Token: o.Token, At: o.At, Mark: o.Mark()})
}

// signedForm reads a form, whose fields are part of what is signed, and puts it back for the handler.
func signedForm(r *http.Request, limit int64) (string, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return "", nil
	}
	body, err := signedBody(r, limit)
	return string(body), err
}

// signedBody reads a body, and puts it back for the handler.
func signedBody(r *http.Request, limit int64) ([]byte, error) {
	body, err := compat.ReadBody(r, limit)
	if err != nil {
		return nil, err
	}
	r.Body = &again{Reader: bytes.NewReader(body), body: body}
	return body, nil
}

// again is a body that was read before; it is wiped when it was read again.
type again struct {
	*bytes.Reader
	body []byte
}

func (a *again) Close() error {
	clear(a.body)
	return nil
}

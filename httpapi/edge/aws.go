package edge

import (
	"context"
	"net/http"
	"time"

	"cofre/fsm/application"
	"cofre/fsm/model"
	"cofre/httpapi/authn"
	"cofre/httpapi/sts"
	"cofre/httpapi/token"
)

// aws4 verifies a signature of AWS Signature Version 4, and commits its use before the request is looked at.
func (c *clients) aws4(r *http.Request, from model.Origin, at time.Time, maxBody int64) (model.Actor, error) {
	h, _, err := authn.ParseSignedHeader(r.Header.Get("Authorization"))
	if err != nil {
		return model.Actor{}, err
	}
	failed, err := c.guess(from, h.AccessKey, at)
	if err != nil {
		return model.Actor{}, err
	}
	body, err := signedBody(r, maxBody)
	if err != nil {
		return model.Actor{}, err
	}
	a, err := authn.ParseAWS4(r, body)
	if err != nil {
		return failed(err)
	}
	if d := at.Sub(a.At.Std()).Abs(); d > authn.NonceWindow {
		return failed(model.Errorf(model.Unauthenticated, "Client authentication failed: X-Amz-Date is more than 300 s off"))
	}
	auth, key, err := c.access.FindAWSKey(r.Context(), a.AccessKey)
	if model.Is(err, model.Unauthenticated) {
		return failed(err)
	}
	if err != nil {
		return model.Actor{}, err
	}
	defer key.Wipe()
	if !a.Verify(key) {
		return failed(model.Errorf(model.Unauthenticated, "Client authentication failed: the signature is not good"))
	}
	actor := model.Actor{Kind: model.ActorClient, Authorization: auth.ID, Epoch: auth.Epoch}.From(from)
	return actor, c.access.UseAWSKey(r.Context(), actor, application.AWSUseArgs{AccessKey: a.AccessKey, At: a.At, Mark: a.Mark()})
}

// GrantAWS gives a token to a client whose identity AWS confirms; limits come before any cryptography, and AWS is not
// asked for who has no place here.
func (t *tokens) GrantAWS(ctx context.Context, proof token.AWSProof, from model.Origin, at model.Time, ttl time.Duration) (token.Granted, error) {
	if err := t.limit(proof.UniqueKey, from, at); err != nil {
		return token.Granted{}, err
	}
	p := sts.Proof{Host: proof.Host, Authorization: proof.Authorization, Date: proof.Date, SessionToken: proof.SessionToken}
	if _, _, err := p.Check(t.cluster(), at.Std()); err != nil {
		return token.Granted{}, err
	}
	auth, err := t.access.FindARNs(ctx, proof.UniqueKey, from, at)
	if err != nil {
		return token.Granted{}, err
	}
	who, err := t.sts.Identify(ctx, p, t.cluster(), at.Std())
	if err != nil {
		return token.Granted{}, err
	}
	actor := model.Actor{Kind: model.ActorClient, Authorization: auth.ID, Epoch: auth.Epoch}.From(from)
	listing, err := t.access.ProveARN(ctx, actor, application.ARNArgs{ARN: who.ARN, At: who.At, Mark: who.Mark})
	if err != nil {
		return token.Granted{}, err
	}
	return t.issue(auth, authn.Claims{Listing: listing}, from, at, ttl)
}

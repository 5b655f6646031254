package application

import (
	"context"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// AWSKey is a new pair for AWS Signature Version 4; the secret is wiped after the answer.
type AWSKey struct {
	AccessKey string
	Secret    secret.Value
}

// ARNs are identities of AWS, and what a proof of one must be signed for.
type ARNs struct {
	ARNs   []string        `json:"arns"`
	Server model.ClusterID `json:"server" doc:"value of the signed header x-cofre-server"`
}

// ARNsBody is the list as it shall be.
type ARNsBody struct {
	ARNs *[]string `json:"arns" doc:"such as arn:aws:iam::123456789012:role/web (without the role's path) or arn:aws:iam::123456789012:user/ci; empty: none"`
}

func (m *management) newAWSKey(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.findAuthorization(r)
	if err != nil {
		return compat.Reply{}, err
	}
	k, err := m.s.NewAWSKey(ctx, r.Actor, a.ID)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(compat.Object{{Name: "access_key_id", Value: k.AccessKey}, {Name: "secret_access_key", Value: compat.Secret{Value: k.Secret, Issued: true}}}), nil
}

func (m *management) dropAWSKey(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.findAuthorization(r)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(nil), m.s.DropAWSKey(ctx, r.Actor, a.ID)
}

func (m *management) arns(_ context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	list, err := m.s.ARNs(r.Actor, r.At, a.ID)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(ARNs{append([]string{}, list...), m.s.Cluster()}), nil
}

func (m *management) putARNs(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	var b ARNsBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if b.ARNs == nil {
		return compat.Reply{}, model.Errorf(model.Invalid, "arns is missing: a list, which may be empty").WithField("arns")
	}
	list, err := m.s.PutARNs(ctx, r.Actor, a.ID, *b.ARNs)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(ARNs{append([]string{}, list...), m.s.Cluster()}), nil
}

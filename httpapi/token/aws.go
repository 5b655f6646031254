package token

import (
	"context"
	"net/http"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// AWSProof is a request to AWS STS that the client signed for this cluster; no secret of AWS is part of it.
type AWSProof struct {
	UniqueKey     string // the authorization's id
	Host          string // of STS; empty: the global one
	Authorization string // the header of AWS Signature Version 4
	Date          string // X-Amz-Date
	SessionToken  string // X-Amz-Security-Token
}

func awsRoute(s Service) route.Route {
	field := func(name, text string) route.Field { return route.Field{Name: name, In: "body", Text: text} }
	required := func(name, text string) route.Field {
		return route.Field{Name: name, In: "body", Required: true, Text: text}
	}
	return route.Route{
		Method: http.MethodPost, Path: "/iso/oauth2/aws", Auth: route.Public, Dialect: compat.OAuth, Event: "arn.proven", MaxBody: 16 << 10,
		Doc: route.Doc{
			Tag: "token", Summary: "Get an access token by an identity of AWS",
			Text: "The client signs a GetCallerIdentity of AWS STS (POST /, with x-cofre-server among the signed headers) and sends the signature; Cofre asks AWS whose it is, and compares the role or user with the application's list. A signature is good once.",
			Fields: []route.Field{
				required("unique_key", "id of the authorization"), field("host", "host of STS that was signed for; sts.amazonaws.com by default"),
				required("authorization", "the Authorization header of AWS Signature Version 4"), required("date", "the X-Amz-Date that was signed"),
				field("session_token", "X-Amz-Security-Token, of temporary keys"), {Name: "ttl", In: "body", Type: "integer", Text: "life in minutes, as for client keys"},
			},
			Returns: returned,
		},
		Handle: func(ctx context.Context, r *route.Request) (compat.Reply, error) { return proveAWS(ctx, s, r) },
	}
}

func proveAWS(ctx context.Context, s Service, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	for _, name := range []string{"secret_access_key", "aws_secret_access_key", "secret_key"} {
		if in.Text(name) != "" {
			return compat.Reply{}, model.Errorf(model.Invalid, "secret keys of AWS are not accepted: sign GetCallerIdentity and send the signature; the key that was sent should be replaced").WithField(name)
		}
	}
	p := AWSProof{UniqueKey: in.Text("unique_key"), Host: in.Text("host"), Authorization: in.Text("authorization"), Date: in.Text("date"), SessionToken: in.Text("session_token")}
	for _, f := range []struct{ name, value string }{{"unique_key", p.UniqueKey}, {"authorization", p.Authorization}, {"date", p.Date}} {
		if f.value == "" {
			return compat.Reply{}, model.Errorf(model.Invalid, "%s is missing", f.name).WithField(f.name)
		}
	}
	ttl, err := life(in)
	if err != nil {
		return compat.Reply{}, err
	}
	g, err := s.GrantAWS(ctx, p, r.Origin, r.At, ttl)
	if err != nil {
		return compat.Reply{}, err
	}
	return granted(g), nil
}

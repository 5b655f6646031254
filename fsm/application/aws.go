package application

import (
	"cmp"
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// ARNsArgs are the identities of AWS that an application shall list; none takes the list away.
type ARNsArgs struct {
	Application model.ApplicationID `cbor:"application"`
	ARNs        []string            `cbor:"arns"`
}

// PutARNs says which identities of AWS get tokens for an application. Each of them may use every authorization of it whose
// unique key it knows, so whoever lists them could have granted them all.
var PutARNs = command.Define("arn.put", 1, func(tx *table.Tx, m command.Meta, a ARNsArgs) (model.AWSRoles, error) {
	out := model.AWSRoles{Application: a.Application, At: m.At}
	p, err := command.Authorize(tx, m.Actor, m.At, manage, nil)
	if err != nil {
		return out, err
	}
	if err := state.Standing(tx, a.Application); err != nil {
		return out, err
	}
	for auth := range state.Authorizations.By(tx, "application", string(a.Application)) {
		if err := command.Covers(tx, p.Authorization, auth); err != nil {
			return out, err
		}
	}
	list, bad := model.CheckARNs(a.ARNs)
	if bad != nil {
		return out, bad
	}
	old, ok := state.AWSRoles.Get(tx, string(a.Application))
	if !ok {
		old = &model.AWSRoles{}
	}
	for i, arn := range list { // who stays keeps his tokens; those of who goes end, for good
		out.Listings = append(out.Listings, cmp.Or(old.Listing(arn), m.NewID(i)))
	}
	if out.ARNs = list; len(list) == 0 {
		state.AWSRoles.Delete(tx, string(a.Application))
	} else {
		state.AWSRoles.Put(tx, &out)
	}
	tx.Emit(audit.ARNsPut.With("application", string(a.Application), "count", fmt.Sprint(len(list))))
	return out, nil
}).AuditDenials()

// ARNArgs are a proof that AWS has answered for: the caller's authorization is the one whose unique key it named.
type ARNArgs struct {
	ARN  string     `cbor:"arn"`  // as STS told it
	At   model.Time `cbor:"at"`   // the timestamp that was signed
	Mark []byte     `cbor:"mark"` // SHA-256 over what was signed
}

// ARNProof is what a token for a proven identity carries.
type ARNProof struct {
	Listing string `cbor:"listing"`
}

// ProveARN admits a client with an identity of AWS, if the application lists it. A proof does not name the authorization, so it is
// good once for all of them.
var ProveARN = command.Define("arn.prove", 1, func(tx *table.Tx, m command.Meta, a ARNArgs) (ARNProof, error) {
	p, err := command.Authenticate(tx, m.Actor)
	if err != nil {
		return ARNProof{}, err
	}
	identity := model.ReducedARN(a.ARN)
	roles, ok := state.AWSRoles.Get(tx, string(p.Application.ID))
	if !ok || roles.Listing(identity) == "" {
		return ARNProof{}, model.Errorf(model.Unauthenticated, "Client authentication failed: the application does not list this identity of AWS")
	}
	if err := spend(tx, m, p, "sts", a.At, a.Mark); err != nil {
		return ARNProof{}, err
	}
	tx.Emit(audit.ARNProven.With("authorization", string(p.Authorization.ID), "application", string(p.Application.ID), "arn", identity))
	return ARNProof{roles.Listing(identity)}, nil
}).AuditDenials()

// AWSKeyArgs are a new pair of an authorization, drawn and sealed at the edge; without an access key the old one goes.
type AWSKeyArgs struct {
	Authorization model.AuthorizationID `cbor:"authorization"`
	Key           model.AWSKey          `cbor:"key"`
}

// PutAWSKey gives an authorization a pair for AWS Signature Version 4 in place of the one that it had, or takes it away.
var PutAWSKey = command.Define("awskey.put", 1, func(tx *table.Tx, m command.Meta, a AWSKeyArgs) (Done, error) {
	auth, err := keysOf(tx, m, a.Authorization)
	if err != nil {
		return Done{}, err
	}
	change := "removed"
	dropAWSKey(tx, auth.ID)
	if k := a.Key; k.AccessKey != "" {
		if k.Secret.IsZero() {
			return Done{}, model.Errorf(model.Invalid, "keys come with their secrets")
		}
		if err := state.CheckTerm(tx, k.Secret); err != nil {
			return Done{}, err
		}
		if state.AWSKeys.Has(tx, k.AccessKey) {
			return Done{}, model.Errorf(model.Conflict, "the access key is taken")
		}
		k.Authorization, k.At, change = auth.ID, m.At, "made"
		state.AWSKeys.Put(tx, &k)
	}
	tx.Emit(audit.AWSKeyPut.With("authorization", string(auth.ID), "application", string(auth.Application), "change", change))
	return Done{}, nil
}).AuditDenials()

func dropAWSKey(tx *table.Tx, id model.AuthorizationID) {
	if k, ok := state.AWSKeys.First(tx, "authorization", string(id)); ok {
		state.AWSKeys.Delete(tx, k.AccessKey)
	}
}

// AWSUseArgs are the use of a signature that the edge has verified.
type AWSUseArgs struct {
	AccessKey string     `cbor:"access_key"`
	At        model.Time `cbor:"at"`   // the timestamp that was signed
	Mark      []byte     `cbor:"mark"` // SHA-256 over what was signed
}

// UseAWSKey admits a request that was signed by AWS Signature Version 4 once.
var UseAWSKey = command.Define("awskey.use", 1, func(tx *table.Tx, m command.Meta, a AWSUseArgs) (Done, error) {
	p, err := command.Authenticate(tx, m.Actor)
	if err != nil {
		return Done{}, err
	}
	k, ok := state.AWSKeys.Get(tx, a.AccessKey)
	if !ok || k.Authorization != p.Authorization.ID {
		return Done{}, model.Errorf(model.Unauthenticated, "Client authentication failed: the keys are not valid any more")
	}
	return Done{}, spend(tx, m, p, "aws "+a.AccessKey, a.At, a.Mark)
})

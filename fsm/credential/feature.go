// Package credential is the feature of privileged accounts: registration, secret reads with custody, release, status and
// the pruning of old secret versions. Changing a secret on its target is fsm/operation's.
package credential

import (
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "credential", Commands: []command.Erased{
	Put, SetStatus, Checkout, Release, EndCustody, Prune, Plan, Defer,
}}

var (
	read  = authz.Action{Module: model.ModulePAM}
	write = authz.Action{Module: model.ModulePAM, Write: true, Right: model.CredentialWrite}
	route = authz.Action{Module: model.ModulePAM, Write: true, Right: model.RouteWrite}
	see   = authz.Action{Module: model.ModulePAM, Right: model.SecretRead}
)

// Done is the result of verbs that have nothing to tell.
type Done struct{}

func find(tx *table.Tx, id model.CredentialID) (*model.Credential, error) {
	c, ok := state.Credentials.Get(tx, string(id))
	if !ok {
		return nil, model.Errorf(model.Invalid, "Credential not found").WithCode(1007)
	}
	return c, nil
}

func put(tx *table.Tx, c *model.Credential) {
	c.Revision++
	state.Credentials.Put(tx, c)
}

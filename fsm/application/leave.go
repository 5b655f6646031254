package application

import (
	"slices"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Leave disables the calling authorization itself: its tokens end, and the users that were made for it are removed. A
// pipeline that is over does so; nobody else may do it through this verb.
var Leave = command.Define("authorization.leave", 1, func(tx *table.Tx, m command.Meta, _ Done) (Done, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Module: model.ModuleApplication}, nil)
	if err != nil {
		return Done{}, err
	}
	a := *p.Authorization
	if slices.Contains(a.Rights, model.AuthorizationWrite) || slices.Contains(a.Rights, model.ClusterAdmin) {
		return Done{}, model.Errorf(model.Denied, "an administrator's authorization is disabled by another administrator: nobody locks himself out here")
	}
	a.Enabled = false
	a.Epoch++
	a.Revision++
	dropKeys(tx, a.ID)
	state.Authorizations.Put(tx, &a)
	state.Revoke(tx, model.RevokedAuthorization+string(a.ID), "authorization disabled", m.At)
	tellAuthorization(tx, &a, "left")
	operation.AuthorizationChanged(tx, m, &a, model.AuthorizationInactivated)
	return Done{}, nil
}).AuditDenials()

// Package relateduser is the feature of related users: which person a user name elsewhere belongs to. They describe, and
// decide nothing.
package relateduser

import (
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "relateduser", Commands: []command.Erased{Put, Remove}}

var write = authz.Action{Module: model.ModuleUsers, Write: true}

// ErrUnknown says that there is no such user.
var ErrUnknown = model.Errorf(model.Invalid, "Related user not found").WithCode(1005)

// PutArgs create a related user, or change the one with the number; nil leaves a field as it is.
type PutArgs struct {
	Number   uint64  `cbor:"number,omitempty"`
	Name     *string `cbor:"name,omitempty"`
	Username *string `cbor:"username,omitempty"`
}

// Put creates or changes a related user.
var Put = command.Define("relateduser.put", 1, func(tx *table.Tx, m command.Meta, a PutArgs) (model.RelatedUser, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, write, nil)
	if err != nil {
		return model.RelatedUser{}, err
	}
	u := &model.RelatedUser{ID: model.RelatedUserID(m.NewID(0)), By: p.Authorization.ID, At: m.At}
	change := "created"
	if a.Number != 0 {
		found, ok := state.RelatedUsers.First(tx, "number", table.NumberKey(a.Number))
		if !ok {
			return model.RelatedUser{}, ErrUnknown
		}
		copied := *found
		u, change = &copied, "changed"
	}
	for _, f := range []struct {
		field    string
		from, to *string
	}{{"name", a.Name, &u.Name}, {"username", a.Username, &u.Username}} {
		if f.from != nil {
			*f.to = *f.from
		}
		if *f.to == "" {
			return model.RelatedUser{}, model.Errorf(model.Invalid, "Parameter '%s' was not informed!", f.field).WithCode(1001).WithField(f.field)
		}
		if err := model.CheckText(f.field, *f.to, model.MaxName); err != nil {
			return model.RelatedUser{}, err
		}
	}
	if other, taken := state.RelatedUsers.First(tx, "username", u.Username); taken && other.ID != u.ID {
		return model.RelatedUser{}, model.Errorf(model.Conflict, "there is a related user with this user name already").WithField("username")
	}
	if u.Number == 0 {
		u.Number = state.Next(tx, "related_user")
	}
	u.Revision++
	state.RelatedUsers.Put(tx, u)
	tx.Emit(audit.RelatedUserPut.With("number", fmt.Sprint(u.Number), "change", change))
	return *u, nil
}).AuditDenials()

// RemoveArgs name a related user.
type RemoveArgs struct {
	Number uint64 `cbor:"number"`
}

// Remove removes a related user.
var Remove = command.Define("relateduser.remove", 1, func(tx *table.Tx, m command.Meta, a RemoveArgs) (model.RelatedUser, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, write, nil); err != nil {
		return model.RelatedUser{}, err
	}
	u, ok := state.RelatedUsers.First(tx, "number", table.NumberKey(a.Number))
	if !ok {
		return model.RelatedUser{}, ErrUnknown
	}
	gone := *u
	state.RelatedUsers.Delete(tx, string(gone.ID))
	tx.Emit(audit.RelatedUserPut.With("number", fmt.Sprint(gone.Number), "change", "removed"))
	return gone, nil
}).AuditDenials()

package credential

import (
	"fmt"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// CheckoutArgs ask for the secret of a credential.
type CheckoutArgs struct {
	Credential model.CredentialID `cbor:"credential"`
}

// CheckoutResult is the sealed secret in force, whose read is now committed.
type CheckoutResult struct {
	Version uint64          `cbor:"version"`
	Row     string          `cbor:"row"`
	Secret  model.Sealed    `cbor:"secret"`
	Custody model.CustodyID `cbor:"custody"`
	Until   model.Time      `cbor:"until"`            // end of custody
	Change  model.Time      `cbor:"change,omitempty"` // when the secret will be changed, 0: not planned

	// What stood where the secret was read: who describes it must not describe something older.
	Credential uint64 `cbor:"credential"` // revision
	Device     uint64 `cbor:"device"`     // revision
}

// Checkout reads a secret: it opens or keeps the caller's custody and records the read in the same transaction.
var Checkout = command.Define("credential.checkout", 1, func(tx *table.Tx, m command.Meta, a CheckoutArgs) (CheckoutResult, error) {
	c, err := find(tx, a.Credential)
	if err != nil {
		return CheckoutResult{}, err
	}
	p, err := command.Authorize(tx, m.Actor, m.At, see, authz.ObjectOf(c))
	if err != nil {
		return CheckoutResult{}, err
	}
	if !c.Enabled {
		return CheckoutResult{}, model.Errorf(model.Invalid, "Credential inactive").WithCode(1008)
	}
	v := c.ByRole(model.RoleCurrent)
	if v == nil {
		return CheckoutResult{}, model.Errorf(model.Invalid, "the credential holds no secret yet: put one or request a change").WithCode(1007)
	}
	pol := state.PolicyOf(tx, c)
	id := custodyID(c.ID, p.Authorization.ID)
	if pol.Exclusive {
		for h := range state.Custodies.By(tx, "credential", string(c.ID)) {
			if h.ID != id && h.Until > m.At {
				e := model.Errorf(model.Invalid, "No access to credential: another holder has custody").WithCode(1009)
				e.RetryAfter = int64(h.Until.Sub(m.At)/time.Second) + 1
				return CheckoutResult{}, e
			}
		}
	}
	held, ok := state.Custodies.Get(tx, string(id))
	if !ok {
		held = &model.Custody{ID: id, Credential: c.ID, Authorization: p.Authorization.ID, Since: m.At}
	}
	// An application that reads again and again extends its custody by seconds, not with every read: reads are many.
	until := m.At.Add(model.Span(pol.CustodyTTL))
	if d := until.Sub(held.Until); held.Version != v.N || d < 0 || d >= time.Second {
		held.Version, held.Until = v.N, until
		state.Custodies.Put(tx, held)
	}
	// The row is written only when the read plans a change or the shown time is stale by a minute: reads are many.
	starts := pol.ViewExpiry > 0 && c.ViewedAt <= c.ChangedAt // the first view after a change starts the view timer
	if starts || m.At.Sub(c.ReadAt) > time.Minute {
		c.ReadAt = m.At
		if starts || pol.ViewExpiry == 0 {
			c.ViewedAt = m.At
			c.RotateAt = pol.NextRotation(c)
		}
		put(tx, c)
	}
	tx.Emit(audit.CredentialRead.With("credential", string(c.ID), "number", fmt.Sprint(c.Number), "version", fmt.Sprint(v.N), "identifier", c.Identifier, "custody", string(id)))
	res := CheckoutResult{Version: v.N, Row: v.Row, Secret: v.Secret, Custody: id, Until: held.Until, Change: c.RotateAt, Credential: c.Revision}
	if d, ok := state.Devices.Look(tx, string(c.Device)); ok {
		res.Device = d.Revision
	}
	return res, nil
}).AuditDenials().Suffices()

// custodyID is one per credential and authorization: reading again keeps one holder.
func custodyID(c model.CredentialID, a model.AuthorizationID) model.CustodyID {
	return model.CustodyID(model.DeriveID("custody", string(c), string(a)))
}

// ReleaseArgs name the credential whose custody the caller gives back.
type ReleaseArgs struct {
	Credential model.CredentialID `cbor:"credential"`
}

// ReleaseResult tells which change the release started, if any.
type ReleaseResult struct {
	Custody   model.CustodyID   `cbor:"custody"`
	Operation model.OperationID `cbor:"operation,omitempty"`
	Number    uint64            `cbor:"number,omitempty"`
}

// Release gives custody back; the last holder's release starts the change that the policy asks for.
var Release = command.Define("credential.release", 1, func(tx *table.Tx, m command.Meta, a ReleaseArgs) (ReleaseResult, error) {
	c, err := find(tx, a.Credential)
	if err != nil {
		return ReleaseResult{}, err
	}
	p, err := command.Authorize(tx, m.Actor, m.At, read, authz.ObjectOf(c))
	if err != nil {
		return ReleaseResult{}, err
	}
	h, ok := state.Custodies.Get(tx, string(custodyID(c.ID, p.Authorization.ID)))
	if !ok {
		return ReleaseResult{}, model.Errorf(model.Invalid, "The credential is not in the user custody").WithCode(1018)
	}
	pol := state.PolicyOf(tx, c)
	return end(tx, m, c, h, "released", pol.Enabled && pol.ChangeOnRelease, p.Authorization.ID)
}).AuditDenials()

// EndArgs name a custody whose time is over.
type EndArgs struct {
	Custody model.CustodyID `cbor:"custody"`
}

// EndCustody ends a custody that timed out; the scheduler proposes it. The change that the policy may ask for falls due. It may have looked just before state time jumped, so
// the wait for an operator's word is decided here.
var EndCustody = command.Define("credential.end_custody", 1, func(tx *table.Tx, m command.Meta, a EndArgs) (ReleaseResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return ReleaseResult{}, err
	}
	h, ok := state.Custodies.Get(tx, string(a.Custody))
	if !ok || h.Until > m.At || state.SystemRow(tx).Frozen {
		return ReleaseResult{}, nil
	}
	c, err := find(tx, h.Credential)
	if err != nil {
		return ReleaseResult{}, err
	}
	pol := state.PolicyOf(tx, c)
	return end(tx, m, c, h, "timeout", pol.Enabled && pol.ChangeOnTimeout, "")
})

func end(tx *table.Tx, m command.Meta, c *model.Credential, h *model.Custody, reason string, change bool, by model.AuthorizationID) (ReleaseResult, error) {
	state.Custodies.Delete(tx, string(h.ID))
	tx.Emit(audit.CredentialReleased.With("credential", string(c.ID), "number", fmt.Sprint(c.Number), "custody", string(h.ID), "reason", reason))
	r := ReleaseResult{Custody: h.ID}
	for other := range state.Custodies.By(tx, "credential", string(c.ID)) {
		if other.Until > m.At { // one whose time is over holds nothing, although nobody took note of it yet
			return r, nil
		}
	}
	cur := c.ByRole(model.RoleCurrent)
	once := cur != nil && cur.N == h.Version // a version that was changed meanwhile needs no change
	if !change || !once || !c.Execution.Automatic || !c.Execution.Started || operation.Changeable(c) != nil {
		return r, nil
	}
	if by == "" { // nobody asks: it falls due like everything else that does, within windows and bounds, however many run out together
		c.LapsedAt = m.At
		state.Plan(tx, c)
		put(tx, c)
		return r, nil
	}
	o, _, err := operation.Create(tx, m, 0, c, operation.Spec{Kind: model.PasswordChange, Trigger: "release", Requester: by})
	if err != nil {
		return ReleaseResult{}, err
	}
	r.Operation, r.Number = o.ID, o.Number
	return r, nil
}

package dsm

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

const (
	mostRenew = 365 * 24 * time.Hour
	renewSome = 256 // users that one command requests
)

// renewal sets when what the secret shows is renewed. A dynamic user outlives its renewal by ten minutes at least, so that
// its readers have read the new one before it ends (RULES 9); changing an account asks for the right to run operations on it.
func renewal(tx *table.Tx, m command.Meta, s *model.DSMSecret, a PutArgs) error {
	for _, k := range []struct {
		field string
		want  *int64
		every *int64
		last  *model.Time
	}{{"renew_ephemeral", a.RenewEphemeral, &s.RenewEphemeral, &s.RenewedEphemeral}, {"renew_credential", a.RenewCredential, &s.RenewCredential, &s.RenewedCredential}} {
		if k.want == nil || *k.want == *k.every {
			continue
		}
		if *k.want != 0 && (*k.want < model.LeastRenew.Milliseconds() || *k.want > mostRenew.Milliseconds()) {
			return model.Errorf(model.Invalid, "a renewal comes every %s at the most often, and once a year at least", model.LeastRenew).WithField(k.field)
		}
		if *k.every = *k.want; *k.every == 0 {
			*k.last = 0
		} else {
			*k.last = m.At
		}
	}
	if a.Data == nil && a.RenewEphemeral == nil && a.RenewCredential == nil {
		return nil
	}
	v := inForce(tx, s)
	if s.RenewEphemeral != 0 {
		for _, pair := range v.Ephemerals() {
			if p, ok := state.Profiles.Get(tx, string(pair.Profile)); ok && p.TTL <= s.RenewEphemeral+model.LeastRenew.Milliseconds() {
				return model.Errorf(model.Invalid, "the users of profile %s live for %s: that is not longer than the renewal interval and %s", p.Identifier, model.Span(p.TTL), model.LeastRenew).WithField("renew_ephemeral")
			}
		}
	}
	if s.RenewCredential != 0 {
		for _, id := range v.References() {
			c, ok := state.Credentials.Get(tx, string(id))
			if !ok {
				continue
			}
			if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Module: model.ModulePAM, Write: true, Right: model.OperationRun}, authz.ObjectOf(c)); err != nil {
				return model.Errorf(model.Denied, "renewing an account needs the right to run operations on it").WithCode(1009).WithField("renew_credential")
			}
		}
	}
	return nil
}

// RenewArgs name a secret whose renewal is due.
type RenewArgs struct {
	ID model.DSMSecretID `cbor:"id"`
}

// RenewResult counts what was ordered; Failed is what could not be, which waits for the next time. More says that the
// renewal goes on with another command.
type RenewResult struct {
	Users       int  `cbor:"users"`
	Credentials int  `cbor:"credentials"`
	Failed      int  `cbor:"failed"`
	More        bool `cbor:"more,omitempty"`
}

// Renew renews what a secret shows: each holder of a dynamic user gets a new one and the old one is left to its time; the
// accounts that the secret refers to are changed on their targets.
var Renew = command.Define("dsm.renew", 1, func(tx *table.Tx, m command.Meta, a RenewArgs) (RenewResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return RenewResult{}, err
	}
	s, err := find(tx, a.ID)
	if err != nil {
		return RenewResult{}, err
	}
	users, accounts := s.RenewAt()
	users, accounts = due(users, m.At), due(accounts, m.At)
	if !s.Enabled || users == 0 && accounts == 0 || state.SystemRow(tx).Frozen {
		return RenewResult{}, model.Errorf(model.Conflict, "no renewal of the secret is due")
	}
	var r RenewResult
	if users != 0 {
		renewUsers(tx, m, s, users, &r)
		if !r.More {
			s.RenewedEphemeral = m.At
		}
	}
	if accounts != 0 {
		for i, id := range inForce(tx, s).References() {
			if err := renewAccount(tx, m, i, s, id); err != nil {
				failed(tx, m, s, err, &r)
				continue
			}
			r.Credentials++
		}
		s.RenewedCredential = m.At
	}
	store(tx, s)
	tx.Emit(audit.DSMRenewed.With("secret", string(s.ID), "number", number(s.Number), "users", fmt.Sprint(r.Users), "credentials", fmt.Sprint(r.Credentials), "failed", fmt.Sprint(r.Failed)))
	return r, nil
})

// renewAccount orders the change of an account that a secret refers to; it is the i-th.
func renewAccount(tx *table.Tx, m command.Meta, i int, s *model.DSMSecret, id model.CredentialID) error {
	c, ok := state.Credentials.Get(tx, string(id))
	if !ok {
		return model.Errorf(model.Invalid, "Credential not found").WithCode(1007)
	}
	if err := operation.Changeable(c); err != nil {
		return model.Errorf(model.Conflict, "credential %d: %s", c.Number, message(err))
	}
	_, _, err := operation.Create(tx, m, i, c, operation.Spec{Kind: model.PasswordChange, Trigger: "autorenew", Occasion: &model.Occasion{Event: model.SecretRenewed, Secret: s.ID, Authorization: s.Owner}})
	return err
}

// failed counts and keeps that something could not be renewed.
func failed(tx *table.Tx, m command.Meta, s *model.DSMSecret, why error, r *RenewResult) {
	r.Failed++
	state.NoteDSMError(tx, model.DSMError{Secret: s.ID, At: m.At, Task: model.TaskRenewal, Message: message(why)})
}

func message(err error) string {
	if e, ok := err.(*model.Error); ok { //nolint:errorlint // reducers make it themselves
		return e.Msg
	}
	return err.Error()
}

func due(t, now model.Time) model.Time {
	if t > now {
		return 0
	}
	return t
}

// active tells whether an authorization may have new users now: what it had is removed otherwise, and a new one would outlive that.
func active(tx *table.Tx, a *model.Authorization, at model.Time) bool {
	app, ok := state.Applications.Look(tx, string(a.Application))
	return ok && app.Enabled && a.Enabled && (a.ExpiresAt == 0 || at < a.ExpiresAt)
}

// renewUsers requests a new user for everyone whose newest one is older than the renewal, and who may still have one.
func renewUsers(tx *table.Tx, m command.Meta, s *model.DSMSecret, at model.Time, r *RenewResult) {
	shown := map[string]model.ProvisioningPair{}
	for _, pair := range inForce(tx, s).Ephemerals() {
		shown[pair.EntryKey()] = pair
	}
	newest, order := map[string]*model.DynamicUser{}, []string{}
	prefix := string(s.ID) + "/"
	for u := range state.DynamicUsers.Range(tx, "use", prefix, prefix+"\xff") {
		if newest[u.Use()] == nil {
			order = append(order, u.Use())
		}
		newest[u.Use()] = u // of one use, the newest comes last
	}
	for _, use := range order {
		u := newest[use]
		pair, ok := shown[u.Entry]
		auth, known := state.Authorizations.Get(tx, string(u.Owner))
		if !ok || !known || u.State != model.DynamicActive || u.CreatedAt >= at || state.Revoked(tx, u) != "" || !active(tx, auth, m.At) {
			continue
		}
		if r.Users+r.Failed == renewSome {
			r.More = r.Users > 0 // what fails now fails again at once
			return
		}
		if _, _, err := operation.Issue(tx, m, leaseIDs, r.Users, operation.IssueSpec{Profile: pair.Profile, Device: pair.Device, Owner: auth, Held: s.ID, Entry: u.Entry, Pod: u.Pod, Trigger: "autorenew"}); err != nil {
			failed(tx, m, s, err, r)
			continue
		}
		r.Users++
	}
}

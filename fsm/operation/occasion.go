package operation

import (
	"fmt"
	"slices"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// SecretChanged orders the runs of the automations that wait for something that happened to a secret, or to the secrets of
// the application that owns it.
func SecretChanged(tx *table.Tx, m command.Meta, s *model.DSMSecret, e model.DSMEvent) {
	keys := []string{"secret/" + string(s.ID)}
	if owner, ok := state.Authorizations.Get(tx, string(s.Owner)); ok {
		keys = append(keys, "application/"+string(owner.Application))
	}
	occur(tx, m, model.Occasion{Event: e, Secret: s.ID, Authorization: s.Owner}, keys...)
}

// AuthorizationChanged orders the runs of the automations that wait for something that happened to an authorization of its
// application.
func AuthorizationChanged(tx *table.Tx, m command.Meta, a *model.Authorization, e model.DSMEvent) {
	occur(tx, m, model.Occasion{Event: e, Authorization: a.ID}, "application/"+string(a.Application))
}

// occur orders one operation for each credential of each automation that waits. One that has not begun yet stands for what
// happens meanwhile: it reads the secret when it begins.
func occur(tx *table.Tx, m command.Meta, o model.Occasion, keys ...string) {
	var ids []model.DSMAutomationID
	for _, k := range keys {
		for a := range state.DSMAutomations.By(tx, "waits", state.WaitKey(o.Event, k)) {
			if !slices.Contains(ids, a.ID) {
				ids = append(ids, a.ID)
			}
		}
	}
	if len(ids) == 0 {
		return
	}
	wait := pulse(tx, m, o)
	for _, id := range ids {
		a, ok := state.DSMAutomations.Get(tx, string(id))
		if !ok {
			continue
		}
		o.Automation = a.ID
		if err := mayHand(tx, m.At, a, &o); err != nil {
			refuse(tx, m, a, &o, err)
			continue
		}
		for _, c := range a.Credentials {
			if err := order(tx, m, a, o, c, wait); err != nil {
				refuse(tx, m, a, &o, err)
			}
		}
		a.LastAt = m.At
		state.DSMAutomations.Put(tx, a)
	}
}

func order(tx *table.Tx, m command.Meta, a *model.DSMAutomation, on model.Occasion, id model.CredentialID, wait model.Time) error {
	c, ok := state.Credentials.Get(tx, string(id))
	if !ok {
		return model.Errorf(model.Invalid, "Credential not found").WithCode(1007)
	}
	d, ok := state.Devices.Get(tx, string(c.Device))
	if !ok {
		return model.Errorf(model.Invalid, "the credential's device does not exist").WithCode(1011)
	}
	dedup := fmt.Sprintf("automation/%s/%s/%s/%s", a.ID, on.Event, on.Subject(), id)
	if _, open := state.Operations.First(tx, "dedup", dedup); open {
		return nil
	}
	o := &model.Operation{ID: model.OperationID(model.DeriveID("automation", m.ID.String(), dedup)), Target: model.TargetRef{Kind: model.TargetCredential, ID: string(id)},
		Device: d.ID, Site: d.Site, Executor: a.Executor, Template: a.Template, MaxAttempts: state.Tries(tx, c).Attempts}
	add(tx, m, 0, o, Spec{Kind: model.SecretAutomation, Trigger: string(on.Event), Requester: a.By, NotBefore: wait, Dedup: dedup, Occasion: &on})
	return nil
}

// pulse counts what happened, and tells until when its runs wait: an automation whose template changes the secret again
// would run for ever. Nothing is lost by waiting, because the last state is what a run reads.
func pulse(tx *table.Tx, m command.Meta, o model.Occasion) model.Time {
	p, ok := state.DSMPulses.Get(tx, o.Subject())
	hour := m.At - m.At%model.Time(model.Hour)
	if !ok || p.Hour != hour {
		p = &model.DSMPulse{Subject: o.Subject(), Hour: hour}
	}
	if p.Count > model.MaxDSMOccasions {
		return hour + model.Time(model.Hour)
	}
	p.Count++
	state.DSMPulses.Put(tx, p)
	if p.Count <= model.MaxDSMOccasions {
		return 0
	}
	until := hour + model.Time(model.Hour)
	tx.Emit(audit.DSMAutomationBraked.With("secret", string(o.Secret), "authorization", string(o.Authorization), "event", string(o.Event), "until", until.String()))
	if o.Secret != "" {
		state.NoteDSMError(tx, model.DSMError{Secret: o.Secret, At: m.At, Task: model.TaskAutomation,
			Message: fmt.Sprintf("it changed more than %d times in an hour: automations wait until %s. Does the template of one change the secret?", model.MaxDSMOccasions, until)})
	}
	return until
}

// refuse tells that an automation did not run.
func refuse(tx *table.Tx, m command.Meta, a *model.DSMAutomation, o *model.Occasion, why error) {
	tx.Emit(audit.DSMAutomationRefused.With("automation", string(a.ID), "number", fmt.Sprint(a.Number), "secret", string(o.Secret), "authorization", string(o.Authorization), "event", string(o.Event)))
	if o.Secret != "" {
		state.NoteDSMError(tx, model.DSMError{Secret: o.Secret, At: m.At, Task: model.TaskAutomation, Message: fmt.Sprintf("automation %s did not run: %s", a.Name, text(why))})
	}
}

// mayHand decides whether an automation may hand what it happened to over to its template: whoever saved it could read the
// secret, or could have made the authorization, himself now.
func mayHand(r table.Reader, at model.Time, a *model.DSMAutomation, o *model.Occasion) error {
	by, ok := state.Authorizations.Get(r, string(a.By))
	if !ok {
		return model.Errorf(model.Denied, "who saved the automation is gone")
	}
	if o.Secret == "" {
		auth, ok := state.Authorizations.Get(r, string(o.Authorization))
		if !ok {
			return model.Errorf(model.NotFound, "the authorization is gone")
		}
		if err := stands(r, at, by, authz.Action{Module: model.ModuleA2A, Write: true, Right: model.AuthorizationWrite}, nil); err != nil {
			return err
		}
		if err := command.Covers(r, by, auth); err != nil {
			return err
		}
		return nil
	}
	s, ok := state.DSMSecrets.Get(r, string(o.Secret))
	if !ok {
		return model.Errorf(model.NotFound, "Secret not found")
	}
	if err := stands(r, at, by, authz.Action{Module: model.ModuleSecrets, Right: model.SecretRead}, nil); err != nil {
		return err
	}
	if !s.HeldBy(by.ID) && s.CreatedBy != by.ID && !authz.Reaches(by, &authz.Object{CreatedBy: s.Owner, Tags: s.Tags}) {
		return model.Errorf(model.Denied, "No access to secret: who saved the automation does not reach it").WithCode(1009)
	}
	v, ok := state.DSMVersions.Get(r, state.DSMVersionKey(s.ID, s.Version))
	if !ok {
		return nil
	}
	for _, id := range v.References() {
		if _, err := Refer(r, at, by.ID, s, id); err != nil {
			return err
		}
	}
	return nil
}

// mayRun decides whether who saved the automation may still run operations on a credential of it, and read its secret.
func mayRun(r table.Reader, at model.Time, a *model.DSMAutomation, c *model.Credential) error {
	by, ok := state.Authorizations.Get(r, string(a.By))
	if !ok {
		return model.Errorf(model.Denied, "who saved the automation is gone")
	}
	for _, act := range []authz.Action{run, {Module: model.ModulePAM, Right: model.SecretRead}} {
		if err := stands(r, at, by, act, authz.ObjectOf(c)); err != nil {
			return err
		}
	}
	return nil
}

// stands decides what an authorization may do now, wherever it calls from: nobody is calling.
func stands(r table.Reader, at model.Time, by *model.Authorization, act authz.Action, o *authz.Object) error {
	app, ok := state.Applications.Look(r, string(by.Application))
	if !ok {
		return model.Errorf(model.Denied, "who saved the automation is gone")
	}
	a := *by
	a.IPs, a.Referrers, a.Certificate = nil, nil, ""
	if err := authz.DecideWith(app, &a, state.ProfilesOf(r, by), act, o, model.Origin{}, at); err != nil {
		return model.Errorf(model.Denied, "who saved the automation may do so no more: %s", err.Msg)
	}
	return nil
}

// Refer finds the version of an account that a reference of a secret gives to a reader now. An inactive account, one without
// a secret, or one in the exclusive custody of another fails.
func Refer(r table.Reader, at model.Time, reader model.AuthorizationID, s *model.DSMSecret, id model.CredentialID) (Referred, error) {
	c, ok := state.Credentials.Get(r, string(id))
	if !ok || !c.Enabled {
		return Referred{}, model.Errorf(model.Invalid, "Credential inactive: secret %d refers to it", s.Number).WithCode(1008)
	}
	v := c.ByRole(model.RoleCurrent)
	if v == nil {
		return Referred{}, model.Errorf(model.Invalid, "the credential that secret %d refers to holds no secret yet", s.Number).WithCode(1007)
	}
	if pol := state.PolicyOf(r, c); pol.Exclusive {
		for h := range state.Custodies.By(r, "credential", string(c.ID)) {
			if h.Authorization != reader && h.Until > at {
				e := model.Errorf(model.Invalid, "No access to credential: another holder has custody").WithCode(1009)
				e.RetryAfter = int64(h.Until.Sub(at)/time.Second) + 1
				return Referred{}, e
			}
		}
	}
	return Referred{Number: c.Number, Version: v.N}, nil
}

// Referred is an account that a secret refers to, and the version of its secret in force.
type Referred struct{ Number, Version uint64 }

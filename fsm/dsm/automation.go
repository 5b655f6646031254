package dsm

import (
	"fmt"
	"slices"
	"strings"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// AutomationArgs are an automation as it shall be. Revision 0 creates, otherwise it must be the current one.
type AutomationArgs struct {
	Automation model.DSMAutomation `cbor:"automation"`
}

var (
	readSecrets = authz.Action{Module: model.ModuleSecrets, Right: model.SecretRead}
	runOn       = authz.Action{Module: model.ModulePAM, Write: true, Right: model.OperationRun}
	manageAll   = authz.Action{Module: model.ModuleA2A, Write: true, Right: model.AuthorizationWrite}

	// ErrNoAutomation says that there is no such automation.
	ErrNoAutomation = model.Errorf(model.NotFound, "Automation not found")
)

// SeesAutomation tells whether an authorization may see and manage an automation: by its filter, or because it made or saved it.
func SeesAutomation(a *model.Authorization, x *model.DSMAutomation) bool {
	return x.By == a.ID || authz.Reaches(a, &authz.Object{CreatedBy: x.CreatedBy, Tags: x.Tags})
}

// PutAutomation creates or changes an automation. It hands secrets to a template on a device, so whoever saves it may read
// them and run operations with every credential; each run is decided again on what he may do then.
var PutAutomation = command.Define("dsm.put_automation", 1, func(tx *table.Tx, m command.Meta, a AutomationArgs) (model.DSMAutomation, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, change(model.ModuleSecrets), nil)
	if err != nil {
		return model.DSMAutomation{}, err
	}
	x, what := a.Automation, "created"
	var before *model.DSMAutomation
	if x.Revision == 0 {
		x.ID, x.Number, x.LastAt = model.DSMAutomationID(m.NewID(0)), state.Next(tx, "dsm_automation"), 0
		x.CreatedBy, x.CreatedAt = p.Authorization.ID, m.At
	} else {
		old, err := findAutomation(tx, p, x.ID)
		if err != nil {
			return x, err
		}
		if old.Revision != x.Revision {
			return x, model.Errorf(model.Conflict, "the automation changed meanwhile: it is at revision %d", old.Revision).WithField("revision")
		}
		x.Number, x.LastAt, x.CreatedBy, x.CreatedAt, what = old.Number, old.LastAt, old.CreatedBy, old.CreatedAt, "changed"
		before = old
	}
	x.By = p.Authorization.ID
	if err := checkAutomation(tx, &x); err != nil {
		return x, err
	}
	if !SeesAutomation(p.Authorization, &x) {
		return x, errNoReach
	}
	// It can be switched off whatever became of its template, and of the rights of whoever manages it.
	if before == nil || x.Enabled || !handsAlike(before, &x) {
		if err := checkTemplate(tx, &x); err != nil {
			return x, err
		}
		if err := mayAutomate(tx, m, p, &x); err != nil {
			return x, err
		}
	}
	x.Revision++
	state.DSMAutomations.Put(tx, &x)
	if err := crowded(tx, &x); err != nil {
		return x, err
	}
	tellAutomation(tx, &x, what)
	return x, nil
}).AuditDenials()

var errNoReach = model.Errorf(model.Denied, "No access to automation").WithCode(1009)

func findAutomation(tx *table.Tx, p *command.Principal, id model.DSMAutomationID) (*model.DSMAutomation, error) {
	x, ok := state.DSMAutomations.Get(tx, string(id))
	switch {
	case !ok:
		return nil, ErrNoAutomation
	case !SeesAutomation(p.Authorization, x):
		return nil, errNoReach
	}
	return x, nil
}

func tellAutomation(tx *table.Tx, x *model.DSMAutomation, what string) {
	events := make([]string, len(x.Events))
	for i, e := range x.Events {
		events[i] = string(e)
	}
	tx.Emit(audit.DSMAutomationPut.With("automation", string(x.ID), "number", number(x.Number), "name", x.Name, "change", what, "events", strings.Join(events, ","),
		"template", string(x.Template), "credentials", fmt.Sprint(len(x.Credentials)), "enabled", fmt.Sprint(x.Enabled)))
}

// checkAutomation checks what it says, and sorts it.
func checkAutomation(tx *table.Tx, x *model.DSMAutomation) error {
	if strings.Trim(x.Name, "0123456789") == "" {
		return model.Errorf(model.Invalid, "The name was not informed, or is a number").WithCode(1004).WithField("name")
	}
	if err := model.CheckText("name", x.Name, model.MaxName); err != nil {
		return err
	}
	if err := model.CheckText("description", x.Description, model.MaxText); err != nil {
		return err
	}
	if err := model.CheckText("manifest", x.Manifest, model.MaxName); err != nil {
		return err
	}
	if err := model.CheckTags("tags", x.Tags); err != nil {
		return err
	}
	if other, taken := state.DSMAutomations.First(tx, "name", x.Name); taken && other.ID != x.ID {
		return model.Errorf(model.Conflict, "there is an automation %s already", x.Name).WithField("name")
	}
	x.Events, x.Applications, x.Secrets, x.Credentials = once(x.Events), once(x.Applications), once(x.Secrets), once(x.Credentials)
	ofSecrets := slices.ContainsFunc(x.Events, func(e model.DSMEvent) bool { return !e.OfAuthorization() })
	switch {
	case len(x.Events) == 0 || slices.ContainsFunc(x.Events, func(e model.DSMEvent) bool { return !slices.Contains(model.DSMEvents, e) }):
		return model.Errorf(model.Invalid, "an automation waits for at least one trigger, of those that there are").WithField("triggers")
	case len(x.Applications) > model.MaxAutomationSubjects || len(x.Secrets) > model.MaxAutomationSubjects:
		return model.Errorf(model.Invalid, "an automation names at most %d applications and %d secrets", model.MaxAutomationSubjects, model.MaxAutomationSubjects).WithField("secrets")
	case len(x.Applications) == 0 && (len(x.Secrets) == 0 || !ofSecrets):
		return model.Errorf(model.Invalid, "name the applications whose secrets and authorizations count, or secrets").WithField("applications")
	case len(x.Credentials) == 0 || len(x.Credentials) > model.MaxAutomationCredentials:
		return model.Errorf(model.Invalid, "an automation runs on 1 to %d devices, each with the credential that logs in", model.MaxAutomationCredentials).WithField("devices")
	}
	return nil
}

// handsAlike tells whether two automations hand the same to the same.
func handsAlike(a, b *model.DSMAutomation) bool {
	return slices.Equal(a.Events, b.Events) && slices.Equal(a.Applications, b.Applications) && slices.Equal(a.Secrets, b.Secrets) &&
		slices.Equal(a.Credentials, b.Credentials) && a.Executor == b.Executor && a.Template == b.Template
}

func checkTemplate(tx *table.Tx, x *model.DSMAutomation) error {
	t, ok := state.Templates.Get(tx, string(x.Template))
	switch {
	case !ok || t.Executor != x.Executor:
		return model.Errorf(model.Invalid, "there is no such template of the plugin").WithField("template")
	case t.Kind != model.TemplateAutomation:
		return model.Errorf(model.Invalid, "the template must be of the execution type %s", model.TemplateAutomation).WithField("template")
	case !t.Active || t.Current() == nil:
		return model.Errorf(model.Invalid, "the template is inactive, or waits for approval").WithField("template")
	}
	return nil
}

func once[T ~string](list []T) []T { return slices.Compact(slices.Sorted(slices.Values(list))) }

// mayAutomate decides on everything that the automation would hand over, and to what.
func mayAutomate(tx *table.Tx, m command.Meta, p *command.Principal, x *model.DSMAutomation) error {
	for _, e := range x.Events {
		act := readSecrets
		if e.OfAuthorization() {
			act = manageAll
		}
		if _, err := command.Authorize(tx, m.Actor, m.At, act, nil); err != nil {
			return err
		}
	}
	for _, id := range x.Applications {
		if state.Standing(tx, id) != nil || !mayNameApplication(tx, p, id) {
			return model.Errorf(model.Denied, "No access to the application").WithCode(1009).WithField("applications")
		}
	}
	for _, id := range x.Secrets {
		if s, ok := state.DSMSecrets.Get(tx, string(id)); !ok || !s.HeldBy(p.Authorization.ID) && !Reaches(p.Authorization, s) {
			return model.Errorf(model.Denied, "No access to secret").WithCode(1009).WithField("secrets")
		} else if err := state.Staying(tx, s.Owner); err != nil {
			return err.WithField("secrets")
		}
	}
	for _, id := range x.Credentials {
		c, err := command.MayReference(tx, m.Actor, m.At, id, "devices")
		if err != nil {
			return err
		}
		if _, err := command.Authorize(tx, m.Actor, m.At, runOn, authz.ObjectOf(c)); err != nil {
			return err
		}
	}
	return nil
}

// mayNameApplication: the caller's own, one that it made an authorization of, or any with the right to manage them.
func mayNameApplication(tx *table.Tx, p *command.Principal, id model.ApplicationID) bool {
	if id == p.Application.ID || slices.Contains(p.Authorization.Rights, model.AuthorizationWrite) {
		return true
	}
	for a := range state.Authorizations.By(tx, "application", string(id)) {
		if a.CreatedBy == p.Authorization.ID {
			return true
		}
	}
	return false
}

// crowded refuses an automation that would be one too many for something that happens.
func crowded(tx *table.Tx, x *model.DSMAutomation) error {
	for _, e := range x.Events {
		var keys []string
		for _, id := range x.Applications {
			keys = append(keys, "application/"+string(id))
		}
		for _, id := range x.Secrets {
			keys = append(keys, "secret/"+string(id))
		}
		for _, k := range keys {
			n := 0
			for range state.DSMAutomations.By(tx, "waits", state.WaitKey(e, k)) {
				n++
			}
			if n > model.MaxAutomationsWaiting {
				return model.Errorf(model.Limited, "at most %d automations wait for one trigger of an application or a secret", model.MaxAutomationsWaiting).WithField("triggers")
			}
		}
	}
	return nil
}

// AutomationRef names an automation.
type AutomationRef struct {
	ID model.DSMAutomationID `cbor:"id"`
}

// RemoveAutomation removes an automation; operations of it that have not begun end without doing anything.
var RemoveAutomation = command.Define("dsm.remove_automation", 1, func(tx *table.Tx, m command.Meta, a AutomationRef) (model.DSMAutomation, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, change(model.ModuleSecrets), nil)
	if err != nil {
		return model.DSMAutomation{}, err
	}
	x, err := findAutomation(tx, p, a.ID)
	if err != nil {
		return model.DSMAutomation{}, err
	}
	gone := *x
	state.DSMAutomations.Delete(tx, string(x.ID))
	tellAutomation(tx, &gone, "removed")
	return gone, nil
}).AuditDenials()

// happened tells automations what a change of a secret was; before is nil for a new one.
func happened(tx *table.Tx, m command.Meta, before, s *model.DSMSecret) {
	switch {
	case before == nil:
		operation.SecretChanged(tx, m, s, model.SecretCreated)
	case before.Active(m.At) && !s.Active(m.At):
		operation.SecretChanged(tx, m, s, model.SecretInactivated)
	case !before.Active(m.At) && s.Active(m.At):
		operation.SecretChanged(tx, m, s, model.SecretActivated)
	}
	if before != nil && !alike(before, s) {
		operation.SecretChanged(tx, m, s, model.SecretUpdated)
	}
}

// alike tells whether a change of a secret changed nothing that anybody sees of it but its status.
func alike(a, b *model.DSMSecret) bool {
	return a.Version == b.Version && a.Name == b.Name && a.Engine == b.Engine && a.Description == b.Description && slices.Equal(a.Tags, b.Tags) &&
		a.ExpiresAt == b.ExpiresAt && slices.Equal(a.Readers, b.Readers) && a.RenewEphemeral == b.RenewEphemeral && a.RenewCredential == b.RenewCredential
}

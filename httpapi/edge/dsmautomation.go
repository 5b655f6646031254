package edge

import (
	"context"

	"cofre/fsm/model"
	api "cofre/httpapi/dsm"
	"cofre/vault/access"
)

// secretAutomations adapts access to the resource of automations: it turns the names that people use into ids.
type secretAutomations struct {
	access   *access.Service
	executor plugins
}

func (s *secretAutomations) item(a *access.DSMAutomation) api.Automation {
	i := api.Automation{Row: a.Row, Names: a.Names}
	i.Names[string(a.Row.By)] = s.access.AuthorizationNames(a.Row.By)[a.Row.By]
	for _, d := range a.Devices {
		i.Devices = append(i.Devices, api.AutomationDevice(d))
	}
	return i
}

func (s *secretAutomations) one(a *access.DSMAutomation, err error) (*api.Automation, error) {
	if err != nil {
		return nil, err
	}
	i := s.item(a)
	return &i, nil
}

func (s *secretAutomations) Automations(actor model.Actor, at model.Time, after uint64, limit int) ([]api.Automation, error) {
	rows, err := s.access.DSMAutomations(actor, at, after, limit)
	out := make([]api.Automation, len(rows))
	for i := range rows {
		out[i] = s.item(&rows[i])
	}
	return out, err
}

func (s *secretAutomations) Automation(ctx context.Context, actor model.Actor, at model.Time, name string) (*api.Automation, error) {
	return s.one(s.access.DSMAutomation(ctx, actor, at, name))
}

func (s *secretAutomations) RemoveAutomation(ctx context.Context, actor model.Actor, name string) (*api.Automation, error) {
	row, err := s.access.FindDSMAutomation(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.one(s.access.RemoveDSMAutomation(ctx, actor, row.ID))
}

func (s *secretAutomations) Errors(ctx context.Context, actor model.Actor, at model.Time, secret string) ([]model.DSMError, error) {
	return s.access.DSMErrors(ctx, actor, at, secret)
}

func (s *secretAutomations) PutAutomation(ctx context.Context, actor model.Actor, at model.Time, p api.AutomationPut) (*api.Automation, error) {
	row := model.DSMAutomation{Enabled: true}
	if p.Key != "" {
		old, err := s.access.DSMAutomation(ctx, actor, at, p.Key)
		if err != nil {
			return nil, err
		}
		row = old.Row
	}
	if p.Revision != 0 {
		row.Revision = p.Revision
	}
	set(&row.Name, p.Name)
	set(&row.Description, p.Description)
	set(&row.Tags, p.Tags)
	set(&row.Enabled, p.Enabled)
	set(&row.Events, p.Events)
	if err := s.subjects(ctx, actor, &row, p); err != nil {
		return nil, err
	}
	if err := s.template(ctx, &row, p); err != nil {
		return nil, err
	}
	if p.Devices != nil {
		row.Credentials = nil
		for _, d := range *p.Devices {
			id, err := s.credential(ctx, d)
			if err != nil {
				return nil, err
			}
			row.Credentials = append(row.Credentials, id)
		}
	}
	return s.one(s.access.PutDSMAutomation(ctx, actor, row))
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (s *secretAutomations) subjects(ctx context.Context, actor model.Actor, row *model.DSMAutomation, p api.AutomationPut) error {
	if p.Applications != nil {
		row.Applications = nil
		for _, name := range *p.Applications {
			id, err := s.access.FindApplication(ctx, name)
			if err != nil {
				return of(err, "applications")
			}
			row.Applications = append(row.Applications, id)
		}
	}
	if p.Secrets != nil {
		row.Secrets = nil
		for _, name := range *p.Secrets {
			one, err := s.access.FindDSM(ctx, actor, name)
			if err != nil {
				return of(err, "secrets")
			}
			row.Secrets = append(row.Secrets, one.ID)
		}
	}
	return nil
}

// template finds what runs. Who names another executor names a template of it too.
func (s *secretAutomations) template(ctx context.Context, row *model.DSMAutomation, p api.AutomationPut) error {
	if err := s.executor.set(&row.Executor, p.Plugin, "plugin"); err != nil {
		return err
	}
	if p.Template == nil {
		return nil
	}
	t, err := s.access.FindTemplate(ctx, row.Executor, *p.Template)
	if err != nil {
		return err
	}
	if row.Template = t.ID; row.Executor == "" {
		row.Executor = t.Executor
	}
	return nil
}

// credential finds what logs in to a device: clients of the vendor name the account's user there.
func (s *secretAutomations) credential(ctx context.Context, d api.AutomationDevice) (model.CredentialID, error) {
	if d.Credential == "" {
		return "", model.Errorf(model.Invalid, "each device goes with the credential that logs in").WithCode(1004).WithField("devices")
	}
	c, err := s.access.FindCredential(ctx, d.Credential)
	switch {
	case d.Hostname == "" && err != nil:
		return "", in(err, "devices")
	case d.Hostname == "":
		return c.ID, nil
	}
	on, missing := s.access.FindDevice(ctx, d.Hostname)
	if missing != nil {
		return "", of(missing, "devices")
	}
	if err == nil && c.Device == on.ID {
		return c.ID, nil
	}
	if user, none := s.access.FindCredential(ctx, d.Credential+"@"+on.Hostname); none == nil {
		return user.ID, nil
	}
	if err != nil {
		return "", in(err, "devices")
	}
	return "", model.Errorf(model.Invalid, "credential %d is not of the device %s: it logs in to its own device only", c.Number, on.Hostname).WithField("devices")
}

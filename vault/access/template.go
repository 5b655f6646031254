package access

import (
	"context"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/fsm/template"
)

// Templates lists the templates.
func (s *Service) Templates(actor model.Actor, at model.Time) ([]model.Template, error) {
	return list(s, actor, at, readPAM, state.Templates.All)
}

// FindTemplate finds a template by name, within an executor if one is given; an id works too.
func (s *Service) FindTemplate(ctx context.Context, e model.ExecutorName, name string) (*model.Template, error) {
	none := "there is no such template"
	if e != "" {
		none += " of the executor"
	}
	return ref(ctx, s, func(r table.Reader) (*model.Template, bool) {
		if t, ok := state.Templates.Get(r, name); ok {
			return t, true
		}
		if e != "" {
			return state.Templates.First(r, "name", state.TemplateKey(e, name))
		}
		for t := range state.Templates.All(r, "") {
			if t.Name == name {
				return t, true
			}
		}
		return nil, false
	}, model.Errorf(model.Invalid, "%s", none).WithField("template"))
}

// PutTemplate compiles a template with its executor and adds it as a version.
func (s *Service) PutTemplate(ctx context.Context, actor model.Actor, args template.PutArgs) (model.Template, error) {
	if _, err := s.compile(args.Executor, args.Kind, args.Content); err != nil {
		return model.Template{}, err
	}
	return command.Propose(ctx, s.proposer, template.Put, actor, args)
}

// ApproveTemplate puts a template version into force.
func (s *Service) ApproveTemplate(ctx context.Context, actor model.Actor, id model.TemplateID, version int) (model.Template, error) {
	return command.Propose(ctx, s.proposer, template.Approve, actor, template.ApproveArgs{ID: id, Version: version})
}

// SetTemplateStatus activates or deactivates a template.
func (s *Service) SetTemplateStatus(ctx context.Context, actor model.Actor, id model.TemplateID, active bool) (model.Template, error) {
	return command.Propose(ctx, s.proposer, template.SetStatus, actor, template.StatusArgs{ID: id, Active: active})
}

// CloneTemplate makes a new template of a version of another one: its newest, unless one is named.
func (s *Service) CloneTemplate(ctx context.Context, actor model.Actor, from *model.Template, version int, name string) (model.Template, error) {
	if version == 0 {
		version = len(from.Versions)
	}
	v := from.Version(version)
	if v == nil {
		return model.Template{}, model.Errorf(model.NotFound, "the template has no such version: its newest is %d", len(from.Versions)).WithField("version")
	}
	return s.PutTemplate(ctx, actor, template.PutArgs{Name: name, Executor: from.Executor, Kind: from.Kind, Content: v.Content, Source: from.ID})
}

// DisapproveTemplate ends the wait of a version: as a refusal, or by its author.
func (s *Service) DisapproveTemplate(ctx context.Context, actor model.Actor, id model.TemplateID, version int, note string) (model.Template, error) {
	return command.Propose(ctx, s.proposer, template.Disapprove, actor, template.DisapproveArgs{ID: id, Version: version, Note: note})
}

// TemplateLevels is the number of approvals that a version needs.
func (s *Service) TemplateLevels(actor model.Actor, at model.Time) (int, error) {
	v := s.views.View()
	defer v.Close()
	if _, err := command.Authorize(v, actor, at, readPAM, nil); err != nil {
		return 0, err
	}
	return max(1, state.SystemRow(v).TemplateLevels), nil
}

// SetTemplateLevels sets it.
func (s *Service) SetTemplateLevels(ctx context.Context, actor model.Actor, levels int) (int, error) {
	r, err := command.Propose(ctx, s.proposer, template.SetWorkflow, actor, template.WorkflowArgs{Levels: levels})
	return r.Levels, err
}

// TemplateUse is what runs a template.
type TemplateUse struct {
	Credentials int // whose secret it changes or sets anew, or whose account it opens or closes
	Profiles    int // of dynamic users that it makes or removes
	Executions  int // execution profiles that give it to new credentials
	Chains      int // whose linked members it changes
	Automations int // of secrets of applications
}

// InspectTemplate tells what a version does and what runs the template.
func (s *Service) InspectTemplate(actor model.Actor, at model.Time, t *model.Template, content string) (model.Compiled, TemplateUse, error) {
	c, err := s.compile(t.Executor, t.Kind, content)
	if err != nil {
		return c, TemplateUse{}, err
	}
	v := s.views.View()
	defer v.Close()
	if _, err := command.Authorize(v, actor, at, readPAM, nil); err != nil {
		return c, TemplateUse{}, err
	}
	return c, usesOf(v, t.ID), nil
}

func usesOf(r table.Reader, id model.TemplateID) (u TemplateUse) {
	for c := range state.Credentials.All(r, "") {
		if c.Execution.ChangeTemplate == id || c.Execution.Reconcile.Template == id || c.JIT != nil && (c.JIT.Activate == id || c.JIT.Deactivate == id) {
			u.Credentials++
		}
	}
	for p := range state.Profiles.All(r, "") {
		if p.Create == id || p.Remove == id {
			u.Profiles++
		}
	}
	for p := range state.ExecutionProfiles.All(r, "") {
		if p.Change == id || p.Activate == id || p.Deactivate == id {
			u.Executions++
		}
	}
	for c := range state.Chains.All(r, "") {
		if c.Orders.Linked == id {
			u.Chains++
		}
	}
	for a := range state.DSMAutomations.All(r, "") {
		if a.Template == id {
			u.Automations++
		}
	}
	return u
}

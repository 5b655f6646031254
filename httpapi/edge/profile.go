package edge

import (
	"context"

	"cofre/fsm/model"
	"cofre/httpapi/policy"
	"cofre/vault/access"
)

// profiles adapts access to the resource of execution profiles: it turns the names that people use into ids, and back.
type profiles struct {
	access   *access.Service
	executor plugins
}

func (p *profiles) named(ctx context.Context, actor model.Actor, row *model.ExecutionProfile) policy.Profile {
	out := policy.Profile{Row: *row}
	if row.Device != "" {
		if d, err := p.access.FindDevice(ctx, string(row.Device)); err == nil {
			out.Device = d.Hostname
		}
	}
	if t, err := p.access.FindTemplate(ctx, "", string(row.Change)); err == nil {
		out.Template, out.Executor = t.Name, string(t.Executor)
	}
	for id, name := range map[model.TemplateID]*string{row.Activate: &out.Activate, row.Deactivate: &out.Deactivate} {
		if id != "" {
			if t, err := p.access.FindTemplate(ctx, "", string(id)); err == nil {
				*name = t.Name
			}
		}
	}
	out.Authentication = p.access.Named(actor, row.Authentication)
	return out
}

func (p *profiles) ExecutionProfiles(ctx context.Context, actor model.Actor, at model.Time) ([]policy.Profile, error) {
	rows, err := p.access.ExecutionProfiles(actor, at)
	if err != nil {
		return nil, err
	}
	out := make([]policy.Profile, len(rows))
	for i := range rows {
		out[i] = p.named(ctx, actor, &rows[i])
	}
	return out, nil
}

func (p *profiles) ExecutionProfile(ctx context.Context, actor model.Actor, at model.Time, name string) (*policy.Profile, error) {
	row, err := p.access.ExecutionProfile(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	out := p.named(ctx, actor, row)
	return &out, nil
}

func (p *profiles) PutExecutionProfile(ctx context.Context, actor model.Actor, at model.Time, name string, b *policy.ProfileBody) (*policy.Profile, error) {
	row := model.ExecutionProfile{Enabled: true}
	if name != "" {
		found, err := p.access.ExecutionProfile(ctx, actor, at, name)
		if err != nil {
			return nil, err
		}
		row = *found
	}
	b.Apply(&row)
	if err := p.references(ctx, b, &row); err != nil {
		return nil, err
	}
	if row.Device == "" && row.Priority == 0 && b.Priority == nil {
		row.Priority = 1
	}
	put, err := p.access.PutExecutionProfile(ctx, actor, row)
	if err != nil {
		return nil, err
	}
	out := p.named(ctx, actor, &put)
	return &out, nil
}

func (p *profiles) references(ctx context.Context, b *policy.ProfileBody, row *model.ExecutionProfile) error {
	if b.Device != nil {
		row.Device = ""
		if *b.Device != "" {
			d, err := p.access.FindDevice(ctx, *b.Device)
			if err != nil {
				return in(err, "device")
			}
			row.Device = d.ID
		}
	}
	if b.Template != nil {
		var e model.ExecutorName
		if err := p.executor.set(&e, b.Executor, "executor"); err != nil {
			return err
		}
		t, err := p.access.FindTemplate(ctx, e, *b.Template)
		if err != nil {
			return in(err, "template")
		}
		row.Change = t.ID
	}
	for _, f := range []struct {
		field string
		name  *string
		to    *model.TemplateID
	}{{"activate", b.Activate, &row.Activate}, {"deactivate", b.Deactivate, &row.Deactivate}} {
		if f.name == nil {
			continue
		}
		*f.to = ""
		if *f.name != "" {
			t, err := p.access.FindTemplate(ctx, "", *f.name)
			if err != nil {
				return in(err, f.field)
			}
			*f.to = t.ID
		}
	}
	if b.Authentication != nil {
		row.Authentication = ""
		if *b.Authentication != "" {
			c, err := p.access.FindCredential(ctx, *b.Authentication)
			if err != nil {
				return in(err, "authentication")
			}
			row.Authentication = c.ID
		}
	}
	return nil
}

func (p *profiles) RemoveExecutionProfile(ctx context.Context, actor model.Actor, at model.Time, name string) error {
	row, err := p.access.ExecutionProfile(ctx, actor, at, name)
	if err != nil {
		return err
	}
	return p.access.RemoveExecutionProfile(ctx, actor, row.ID)
}

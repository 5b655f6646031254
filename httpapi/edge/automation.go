package edge

import (
	"context"

	"cofre/fsm/model"
	api "cofre/httpapi/automation"
	"cofre/httpapi/compat"
	"cofre/httpapi/operation"
	"cofre/scheduler/ops"
)

// automation adapts ops to the automation resource.
type automation struct{ *ops.Service }

func (a *automation) Automation(actor model.Actor, at model.Time) (*api.Now, error) {
	n, err := a.Service.Automation(actor, at)
	if err != nil {
		return nil, err
	}
	now := api.Now(*n)
	return &now, nil
}

func (o *operations) Explain(ctx context.Context, actor model.Actor, at model.Time, name string) (*operation.Explanation, error) {
	c, err := o.access.FindCredential(ctx, name)
	if err != nil {
		return nil, err
	}
	e, err := o.ops.Explain(actor, at, c.ID)
	if err != nil {
		return nil, err
	}
	out := &operation.Explanation{Policy: e.Policy.Name, Because: "no policy's criteria fit: it is the default one", Considered: []operation.Considered{},
		ChangeAt: compat.Time(e.ChangeAt), Why: e.Why, Held: []string{}, VerifyAt: compat.Time(e.VerifyAt)}
	for _, k := range e.Considered {
		out.Considered = append(out.Considered, operation.Considered{Policy: k.Policy.Name, Priority: k.Policy.Priority, Misfit: k.Misfit})
		if k.Policy.ID == e.Policy.ID {
			out.Because = "of the policies whose criteria fit it has the highest priority"
		}
	}
	out.Profile, out.Profiles = e.Profile, []operation.ConsideredProfile{}
	for _, k := range e.Profiles {
		out.Profiles = append(out.Profiles, operation.ConsideredProfile{Profile: k.Profile.Name, Priority: k.Profile.Priority, Misfit: k.Misfit})
	}
	if e.Named {
		out.Because = "the credential names it"
	}
	out.Held = append(out.Held, e.Held...)
	return out, nil
}

func (o *operations) RunNow(ctx context.Context, actor model.Actor, at model.Time, name string) error {
	_, err := o.ops.RunNow(ctx, actor, at, name)
	return err
}

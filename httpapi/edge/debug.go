package edge

import (
	"context"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/operation"
	templateapi "cofre/httpapi/template"
)

func (t *templates) ExplainVersion(ctx context.Context, actor model.Actor, at model.Time, of *model.Template, content, credential string) (model.Compiled, []templateapi.TagValue, error) {
	c, values, err := t.ExplainTemplate(ctx, actor, at, of, content, credential)
	var out []templateapi.TagValue
	for _, v := range values {
		out = append(out, templateapi.TagValue{Tag: templateapi.Tag(v.CompiledTag), State: string(v.State), Value: v.Value})
	}
	return c, out, err
}

func (t *templates) DryRun(ctx context.Context, actor model.Actor, of *model.Template, version int, credential string) (model.OperationID, uint64, error) {
	r, err := t.Service.DryRun(ctx, actor, of, version, credential)
	return r.Operation, r.Number, err
}

func (t *templates) Replay(ctx context.Context, actor model.Actor, at model.Time, operation string, attempt int) (templateapi.Replay, error) {
	r, err := t.ReplayAttempt(ctx, actor, at, operation, attempt)
	if err != nil {
		return templateapi.Replay{}, err
	}
	a := &r.Attempt
	out := templateapi.Replay{Operation: r.Operation.Number, Attempt: r.N, Attempts: r.Attempts, Template: r.Template, Version: a.TemplateVersion, Node: a.Node,
		StartedAt: compat.Time(a.StartedAt), EndedAt: compat.Time(a.EndedAt), Outcome: a.Outcome, Class: a.Class, Message: a.Message, Steps: []templateapi.ReplayStep{}, Others: recorded(r.Others)}
	for _, s := range r.Steps {
		out.Steps = append(out.Steps, templateapi.ReplayStep{Step: templateapi.Step(s.CompiledStep), Reached: s.Reached, Ran: recorded(s.Ran)})
	}
	return out, nil
}

func (o *operations) Capture(ctx context.Context, actor model.Actor, at model.Time, name string, on bool) error {
	return o.ops.Capture(ctx, actor, at, name, on)
}

func (o *operations) ReadCapture(ctx context.Context, actor model.Actor, at model.Time, name string, attempt int) (operation.Said, error) {
	d, err := o.ops.Get(ctx, actor, at, name)
	if err != nil {
		return operation.Said{}, err
	}
	r, said, err := o.access.ReadCapture(ctx, actor, d.Operation.ID, attempt)
	return operation.Said{Number: d.Operation.Number, Attempt: r.Attempt, Bytes: r.Capture.Bytes, At: r.Capture.At, Until: r.Capture.Until(), Output: said}, err
}

func recorded(steps []model.Step) []templateapi.Recorded {
	out := []templateapi.Recorded{}
	for _, s := range steps {
		out = append(out, templateapi.Recorded(s))
	}
	return out
}

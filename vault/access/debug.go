package access

import (
	"context"
	"strconv"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// TagState says whether a tag has a value in an operation.
type TagState string

// The states.
const (
	TagShown  TagState = "value"  // it has one, which is no secret
	TagHidden TagState = "hidden" // it has one that nobody sees
	TagNone   TagState = "none"   // it has none: the attempt would end before anything is sent
)

// TagValue is what a tag of a template would resolve to.
type TagValue struct {
	model.CompiledTag
	State TagState
	Value string // while State is TagShown
}

// runsWith decides on everything that runs, or looks into runs, with secrets: the caller may run operations on the credential and
// may read every secret that is involved (RULES 8).
func runsWith(r table.Reader, actor model.Actor, at model.Time, c *model.Credential) (door *model.Credential, err error) {
	if _, err := command.Authorize(r, actor, at, authz.Action{Module: model.ModulePAM, Right: model.OperationRun}, authz.ObjectOf(c)); err != nil {
		return nil, err
	}
	if _, err := command.MayReference(r, actor, at, c.ID, "credential"); err != nil {
		return nil, err
	}
	id := c.Execution.Authentication
	if id == "" {
		return c, nil
	}
	return command.MayReference(r, actor, at, id, "authentication_credential")
}

// ExplainTemplate compiles a text as a version of a template, and tells what its tags would resolve to for a credential. Nothing
// is decrypted.
func (s *Service) ExplainTemplate(ctx context.Context, actor model.Actor, at model.Time, t *model.Template, content, credential string) (model.Compiled, []TagValue, error) {
	c, err := s.compile(t.Executor, t.Kind, content)
	if err != nil || credential == "" {
		return c, nil, err
	}
	found, err := s.FindCredential(ctx, credential)
	if err != nil {
		return c, nil, err
	}
	v := s.views.View()
	defer v.Close()
	door, err := runsWith(v, actor, at, found)
	if err != nil {
		return c, nil, err
	}
	d, ok := state.Devices.Get(v, string(found.Device))
	if !ok {
		return c, nil, model.Errorf(model.Invalid, "Device not found").WithCode(1011)
	}
	var port uint16
	for _, p := range c.Protocols {
		if port = d.Port(p); port != 0 {
			break
		}
	}
	texts := state.TagTexts(found, door, d, port)
	var out []TagValue
	for _, tag := range c.Tags {
		value := TagValue{CompiledTag: tag, State: TagNone}
		switch {
		case tag.Name == "NEW_PASSWORD",
			tag.Name == "CURRENT_PASSWORD" && found.ByRole(model.RoleCurrent) != nil,
			tag.Name == "AUTH_PASSWORD" && door.ByRole(model.RoleCurrent) != nil,
			tag.Name == "TOTP_TOKEN" && (found.OTP != nil || door.OTP != nil):
			value.State = TagHidden
		case tag.Name == "OPERACAO_COD":
			value.State, value.Value = TagShown, "(number of the operation)"
		case texts[tag.Name] != "":
			value.State, value.Value = TagShown, texts[tag.Name]
		}
		out = append(out, value)
	}
	return c, out, nil
}

// ReplayStep is a step of a template beside what an attempt did there.
type ReplayStep struct {
	model.CompiledStep
	Reached bool
	Ran     []model.Step // what was recorded for its line
}

// Replay is the record of an attempt along its template.
type Replay struct {
	Operation model.Operation
	Attempt   model.Attempt
	N         int    // of the attempt, from 1
	Attempts  int    // there are so many
	Template  string // name; empty: the template is gone
	Steps     []ReplayStep
	Others    []model.Step // of no line of the template: logins, proofs, the end
}

// ReplayAttempt puts the record of an attempt beside the version of the template that it ran; 0 is the last attempt. It runs nothing.
func (s *Service) ReplayAttempt(ctx context.Context, actor model.Actor, at model.Time, name string, n int) (*Replay, error) {
	o, err := ref(ctx, s, func(r table.Reader) (*model.Operation, bool) {
		if number, err := strconv.ParseUint(name, 10, 64); err == nil {
			return state.Operations.First(r, "number", table.NumberKey(number))
		}
		return state.Operations.Get(r, name)
	}, model.Errorf(model.NotFound, "there is no such operation"))
	if err != nil {
		return nil, err
	}
	v := s.views.View()
	defer v.Close()
	if err := s.mayReplay(v, actor, at, o); err != nil {
		return nil, err
	}
	var attempts []model.Attempt
	for a := range state.Attempts.All(v, string(o.ID)+"/") {
		if a.Operation != o.ID {
			break
		}
		attempts = append(attempts, *a)
	}
	if n == 0 {
		n = len(attempts)
	}
	if n < 1 || n > len(attempts) {
		return nil, model.Errorf(model.NotFound, "the operation has %d attempts", len(attempts)).WithField("attempt")
	}
	r := &Replay{Operation: *o, Attempt: attempts[n-1], N: n, Attempts: len(attempts)}
	if t, ok := state.Templates.Get(v, string(r.Attempt.Template)); ok {
		r.Template = t.Name
		if version := t.Version(r.Attempt.TemplateVersion); version != nil {
			c, err := s.compile(t.Executor, t.Kind, version.Content)
			if err != nil {
				return nil, err
			}
			r.along(c.Steps)
			return r, nil
		}
	}
	r.Others = r.Attempt.Steps
	return r, nil
}

// along sorts what was recorded by the lines of the template.
func (r *Replay) along(steps []model.CompiledStep) {
	at := map[int]int{} // line to step
	for _, s := range steps {
		if s.Line > 0 {
			at[s.Line] = len(r.Steps)
		}
		r.Steps = append(r.Steps, ReplayStep{CompiledStep: s})
	}
	for _, done := range r.Attempt.Steps {
		if i, ok := at[done.Line]; ok && done.Line > 0 {
			r.Steps[i].Reached, r.Steps[i].Ran = true, append(r.Steps[i].Ran, done)
			continue
		}
		r.Others = append(r.Others, done)
	}
}

// mayReplay decides for the credentials that an operation works with.
func (s *Service) mayReplay(r table.Reader, actor model.Actor, at model.Time, o *model.Operation) error {
	id := o.Target.ID
	if o.Target.Kind != model.TargetCredential {
		id = string(state.DoorOf(r, o))
	}
	c, ok := state.Credentials.Get(r, id)
	if !ok {
		return model.Errorf(model.NotFound, "the credential of the operation is gone")
	}
	_, err := runsWith(r, actor, at, c)
	return err
}

// DryRun asks for a dry run of a version of a template with a credential, and gives the number of the operation.
func (s *Service) DryRun(ctx context.Context, actor model.Actor, t *model.Template, version int, credential string) (operation.RequestResult, error) {
	c, err := s.FindCredential(ctx, credential)
	if err != nil {
		return operation.RequestResult{}, err
	}
	return command.Propose(ctx, s.proposer, operation.Preflight, actor, operation.PreflightArgs{Credential: c.ID, Template: t.ID, Version: version})
}

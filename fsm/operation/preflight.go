package operation

import (
	"fmt"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// PreflightArgs ask for a dry run of a version of a template with a credential. The version need not be approved: nothing of it is
// sent.
type PreflightArgs struct {
	Credential model.CredentialID `cbor:"credential"`
	Template   model.TemplateID   `cbor:"template"`
	Version    int                `cbor:"version"`
}

// Preflight creates a dry run: a slot fills every tag, connects, and logs in as the credential that would do the work. It is for
// who may run operations and may read every secret involved (RULES 8).
var Preflight = command.Define("operation.preflight", 1, func(tx *table.Tx, m command.Meta, a PreflightArgs) (RequestResult, error) {
	c, ok := state.Credentials.Get(tx, string(a.Credential))
	if !ok {
		return RequestResult{}, model.Errorf(model.Invalid, "Credential not found").WithCode(1007)
	}
	p, err := command.Authorize(tx, m.Actor, m.At, run, authz.ObjectOf(c))
	if err != nil {
		return RequestResult{}, err
	}
	if _, err := command.MayReference(tx, m.Actor, m.At, c.ID, "credential"); err != nil {
		return RequestResult{}, err
	}
	if door := c.Execution.Authentication; door != "" {
		if _, err := command.MayReference(tx, m.Actor, m.At, door, "authentication_credential"); err != nil {
			return RequestResult{}, err
		}
	}
	t, ok := state.Templates.Get(tx, string(a.Template))
	d, known := state.Devices.Get(tx, string(c.Device))
	switch {
	case !ok || t.Version(a.Version) == nil:
		return RequestResult{}, model.Errorf(model.NotFound, "there is no such template version")
	case t.Kind != model.TemplateChange:
		return RequestResult{}, model.Errorf(model.Invalid, "a dry run is for templates that change a password").WithField("template")
	case !known || !c.Enabled:
		return RequestResult{}, model.Errorf(model.Invalid, "Credential inactive").WithCode(1008)
	}
	s := Spec{Kind: model.Preflight, Trigger: "dry run", Requester: p.Authorization.ID, Dedup: fmt.Sprintf("preflight/%s/%s/%d", c.ID, t.ID, a.Version)}
	if open, ok := state.Operations.First(tx, "dedup", s.Dedup); ok {
		return RequestResult{open.ID, open.Number, false}, nil
	}
	o := &model.Operation{Target: model.TargetRef{Kind: model.TargetCredential, ID: string(c.ID)}, Device: d.ID, Site: d.Site, Executor: t.Executor, Template: t.ID, TemplateVersion: a.Version, MaxAttempts: 1}
	add(tx, m, 0, o, s)
	return RequestResult{o.ID, o.Number, true}, nil
}).AuditDenials()

// preflight is a credential that a dry run looks at: whatever it finds, nothing about the credential changes but its login budget,
// and what fell due meanwhile is due again.
type preflight struct{ credential }

// logins: one, as the account that would log in to do the work; that of another credential is reserved by itself.
func (s *preflight) logins(*model.Operation) int {
	if s.Execution.Authentication != "" {
		return 0
	}
	return 1
}

// means: a dry run tries the template that it was asked for.
func (s *preflight) means(o *model.Operation) (model.ExecutorName, model.TemplateID) {
	return o.Executor, o.Template
}

func (s *preflight) report(_ *table.Tx, m command.Meta, o *model.Operation, a FinishArgs, _ model.Time) error {
	e := exhausted
	if a.Outcome == model.OutcomeApplied {
		e = verified
	}
	return move(o, e, m.At, m.Node, a.Class)
}

func (s *preflight) stopped(command.Meta, *model.Operation) error { return nil }

func (s *preflight) ended(tx *table.Tx, _ command.Meta, _ *model.Operation) error {
	state.Plan(tx, s.Credential)
	return nil
}

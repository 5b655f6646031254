package template

import (
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// ApproveArgs name a version.
type ApproveArgs struct {
	ID      model.TemplateID `cbor:"id"`
	Version int              `cbor:"version"`
}

var approve = authz.Action{Module: model.ModulePAM, Write: true, Right: model.TemplateApprove}

// Approve gives the caller's word for a version, which comes into force when enough have given theirs; its author cannot.
var Approve = command.Define("template.approve", 1, func(tx *table.Tx, m command.Meta, a ApproveArgs) (model.Template, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, approve, nil)
	if err != nil {
		return model.Template{}, err
	}
	t, v, err := version(tx, a.ID, a.Version)
	if err != nil {
		return model.Template{}, err
	}
	switch review := v.Review(m.At); {
	case v.Approved || approvedBy(v, p.Authorization.ID):
		return *t, nil
	case review != model.ReviewPending:
		return model.Template{}, model.Errorf(model.Conflict, "the version is %s: save its text again to ask once more", review)
	case v.Author == p.Authorization.ID:
		return model.Template{}, model.Errorf(model.Denied, "the author of a version cannot approve it")
	}
	v.Approvals = append(v.Approvals, model.TemplateApproval{By: p.Authorization.ID, At: m.At})
	need := state.TemplateLevels(tx)
	if len(v.Approvals) >= need {
		v.Approved, v.ApprovedBy = true, p.Authorization.ID
	}
	t.Revision++
	state.Templates.Put(tx, t)
	tx.Emit(audit.TemplateApproved.With("template", string(t.ID), "version", fmt.Sprint(a.Version), "approvals", fmt.Sprintf("%d of %d", len(v.Approvals), need), "in_force", fmt.Sprint(v.Approved)))
	return *t, nil
}).AuditDenials()

func approvedBy(v *model.TemplateVersion, who model.AuthorizationID) bool {
	for _, a := range v.Approvals {
		if a.By == who {
			return true
		}
	}
	return false
}

func version(tx *table.Tx, id model.TemplateID, n int) (*model.Template, *model.TemplateVersion, error) {
	t, ok := state.Templates.Get(tx, string(id))
	if !ok || t.Version(n) == nil {
		return nil, nil, model.Errorf(model.NotFound, "there is no such template version")
	}
	return t, t.Version(n), nil
}

// DisapproveArgs name a version, and say why it shall not come into force.
type DisapproveArgs struct {
	ID      model.TemplateID `cbor:"id"`
	Version int              `cbor:"version"`
	Note    string           `cbor:"note,omitempty"`
}

// Disapprove ends the wait of a version for good: by one who may approve, or, as a cancellation, by its author.
var Disapprove = command.Define("template.disapprove", 1, func(tx *table.Tx, m command.Meta, a DisapproveArgs) (model.Template, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Module: model.ModulePAM, Write: true}, nil)
	if err != nil {
		return model.Template{}, err
	}
	t, v, err := version(tx, a.ID, a.Version)
	if err != nil {
		return model.Template{}, err
	}
	word := model.ReviewCanceled
	if v.Author != p.Authorization.ID {
		word = model.ReviewDisapproved
		if _, err := command.Authorize(tx, m.Actor, m.At, approve, nil); err != nil {
			return model.Template{}, err
		}
	}
	if err := model.CheckText("note", a.Note, 512); err != nil {
		return model.Template{}, err
	}
	switch v.Review(m.At) {
	case model.ReviewApproved:
		return model.Template{}, model.Errorf(model.Conflict, "the version is approved: disable the template, or save another text")
	case model.ReviewDisapproved, model.ReviewCanceled:
		return *t, nil
	}
	v.Closed, v.ClosedBy, v.ClosedAt, v.Note = word, p.Authorization.ID, m.At, a.Note
	t.Revision++
	state.Templates.Put(tx, t)
	tx.Emit(audit.TemplateClosed.With("template", string(t.ID), "version", fmt.Sprint(a.Version), "review", word))
	return *t, nil
}).AuditDenials()

// WorkflowArgs say how many approvals a version needs.
type WorkflowArgs struct {
	Levels int `cbor:"levels"`
}

// SetWorkflow sets the number of approvals. It refuses one that can never be reached: the author of a version gives none.
var SetWorkflow = command.Define("template.workflow", 1, func(tx *table.Tx, m command.Meta, a WorkflowArgs) (WorkflowArgs, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Module: model.ModulePAM, Write: true, Right: model.ClusterAdmin}, nil); err != nil {
		return WorkflowArgs{}, err
	}
	if a.Levels < 1 || a.Levels > model.MaxTemplateLevels {
		return WorkflowArgs{}, model.Errorf(model.Invalid, "between 1 and %d approvals may be asked for", model.MaxTemplateLevels).WithField("levels")
	}
	if have := state.Approvers(tx, a.Levels+1); a.Levels > 1 && have <= a.Levels {
		return WorkflowArgs{}, model.Errorf(model.Conflict, "%d authorizations may approve templates: %d approvals need %d, because an author gives none", have, a.Levels, a.Levels+1).WithField("levels")
	}
	sys := state.SystemRow(tx)
	sys.TemplateLevels = a.Levels
	state.System.Put(tx, &sys)
	tx.Emit(audit.TemplateWorkflow.With("levels", fmt.Sprint(a.Levels)))
	return a, nil
}).AuditDenials()

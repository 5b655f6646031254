package credential

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// ReconcilePatch changes how vault and target are made to agree again; an empty template or credential ends it.
type ReconcilePatch struct {
	Autorun        *bool               `cbor:"autorun,omitempty"`
	Template       *model.TemplateID   `cbor:"template,omitempty"`
	Authentication *model.CredentialID `cbor:"authentication,omitempty"`
}

func patchReconcile(tx *table.Tx, r *model.Reconciliation, p *ReconcilePatch) error {
	if p == nil {
		return nil
	}
	if p.Autorun != nil {
		r.Autorun = *p.Autorun
	}
	if p.Authentication != nil {
		r.Authentication = *p.Authentication
	}
	if p.Template != nil {
		r.Template, r.Executor = *p.Template, ""
	}
	if r.Template != "" {
		t, ok := state.Templates.Get(tx, string(r.Template))
		if !ok || t.Kind != model.TemplateChange {
			return model.Errorf(model.Invalid, "there is no such change template").WithField("reconcile.template")
		}
		r.Executor = t.Executor
	}
	if r.Autorun && !r.Possible() {
		return model.Errorf(model.Invalid, "a reconciliation that runs by itself needs a template and the credential that logs in for it").WithField("reconcile")
	}
	return nil
}

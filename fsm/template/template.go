// Package template is the feature of templates: versions, approval, the shipped catalogue. A template is code that is
// handed secrets, so a new version runs only after somebody else approved it (RULES 8). Contents are compiled at the
// edge; this room cannot know executors.
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

// Feature lists the verbs.
var Feature = command.Feature{Name: "template", Commands: []command.Erased{Put, Approve, Disapprove, SetWorkflow, SetStatus, Seed}}

const maxContent = 64 << 10

// PutArgs add a version to a template, found by executor and name, or create it.
type PutArgs struct {
	Name     string             `cbor:"name"`
	Executor model.ExecutorName `cbor:"executor"`
	Kind     model.TemplateKind `cbor:"kind"`
	Content  string             `cbor:"content"`
	Manifest string             `cbor:"manifest,omitempty"`
	Base     int                `cbor:"base,omitempty"`   // newest version that the author saw; 0: not checked
	Source   model.TemplateID   `cbor:"source,omitempty"` // a clone, which must be a new template: what it was made from
}

// Put adds a version. It is in force at once only while fewer than two principals may approve templates.
var Put = command.Define("template.put", 1, func(tx *table.Tx, m command.Meta, a PutArgs) (model.Template, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Module: model.ModulePAM, Write: true, Right: model.TemplateWrite}, nil)
	if err != nil {
		return model.Template{}, err
	}
	if err := check(a); err != nil {
		return model.Template{}, err
	}
	t, ok := state.Templates.First(tx, "name", state.TemplateKey(a.Executor, a.Name))
	switch {
	case ok && t.BuiltIn:
		return model.Template{}, model.Errorf(model.Denied, "templates of the catalogue are read-only: save it under another name").WithField("name")
	case ok && a.Base != 0 && a.Base != len(t.Versions):
		return model.Template{}, model.Errorf(model.Conflict, "the template changed meanwhile: it is at version %d", len(t.Versions)).WithField("base")
	case ok && t.Kind != a.Kind:
		return model.Template{}, model.Errorf(model.Invalid, "a template keeps its execution type").WithField("kind")
	case ok && a.Source != "":
		return model.Template{}, model.Errorf(model.Conflict, "there is a template of this name already").WithField("name")
	case a.Source != "" && !state.Templates.Has(tx, string(a.Source)):
		return model.Template{}, model.Errorf(model.NotFound, "there is no such template")
	case !ok:
		t = &model.Template{Source: a.Source, ID: model.TemplateID(m.NewID(0)), Name: a.Name, Executor: a.Executor, Kind: a.Kind, Active: true, CreatedBy: p.Authorization.ID}
	case same(t, a.Content, m.At):
		if a.Manifest != "" && a.Manifest != t.Manifest {
			t.Manifest = a.Manifest
			t.Revision++
			state.Templates.Put(tx, t)
		}
		return *t, nil // saving the same text again is not a new version
	}
	v := model.TemplateVersion{N: len(t.Versions) + 1, Content: a.Content, Author: p.Authorization.ID, At: m.At, Approved: state.Approvers(tx, 2) < 2}
	t.Versions = append(t.Versions, v)
	if a.Manifest != "" {
		t.Manifest = a.Manifest
	}
	t.Revision++
	state.Templates.Put(tx, t)
	tx.Emit(audit.TemplatePut.With("template", string(t.ID), "name", t.Name, "version", fmt.Sprint(v.N), "approved", fmt.Sprint(v.Approved), "executor", string(t.Executor)))
	return *t, nil
}).AuditDenials()

// same tells whether saving a text again is no new version: it is the newest, and is in force or may still come into it.
func same(t *model.Template, content string, at model.Time) bool {
	if len(t.Versions) == 0 {
		return false
	}
	v := &t.Versions[len(t.Versions)-1]
	r := v.Review(at)
	return v.Content == content && (r == model.ReviewApproved || r == model.ReviewPending)
}

func check(a PutArgs) error {
	if a.Name == "" {
		return model.Errorf(model.Invalid, "a template needs a name").WithField("name")
	}
	if err := model.CheckText("name", a.Name, 128); err != nil {
		return err
	}
	if len(a.Content) == 0 || len(a.Content) > maxContent {
		return model.Errorf(model.Invalid, "a template has between 1 byte and 64 KiB of content").WithField("content")
	}
	return nil
}

// StatusArgs activate or deactivate a template.
type StatusArgs struct {
	ID     model.TemplateID `cbor:"id"`
	Active bool             `cbor:"active"`
}

// SetStatus activates or deactivates a template.
var SetStatus = command.Define("template.status", 1, func(tx *table.Tx, m command.Meta, a StatusArgs) (model.Template, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Module: model.ModulePAM, Write: true, Right: model.TemplateWrite}, nil); err != nil {
		return model.Template{}, err
	}
	t, ok := state.Templates.Get(tx, string(a.ID))
	if !ok {
		return model.Template{}, model.Errorf(model.NotFound, "there is no such template")
	}
	t.Active = a.Active
	t.Revision++
	state.Templates.Put(tx, t)
	tx.Emit(audit.TemplateStatus.With("template", string(t.ID), "active", fmt.Sprint(a.Active)))
	return *t, nil
}).AuditDenials()

// SeedArgs are templates of the shipped catalogue.
type SeedArgs struct {
	Templates []PutArgs `cbor:"templates"`
}

// SeedResult tells how many templates got a new version.
type SeedResult struct {
	Added int `cbor:"added"`
}

// Seed brings the catalogue in the state up to that of the leader's binary. Catalogue templates come approved: they are
// part of the release.
var Seed = command.Define("template.seed", 1, func(tx *table.Tx, m command.Meta, a SeedArgs) (SeedResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return SeedResult{}, err
	}
	var r SeedResult
	for _, s := range a.Templates {
		id := model.TemplateID(model.DeriveID("catalogue", string(s.Executor), s.Name))
		t, ok := state.Templates.Get(tx, string(id))
		if !ok {
			t = &model.Template{ID: id, Name: s.Name, Executor: s.Executor, Kind: s.Kind, Active: true, BuiltIn: true}
		}
		if n := len(t.Versions); n > 0 && t.Versions[n-1].Content == s.Content {
			continue
		}
		v := model.TemplateVersion{N: len(t.Versions) + 1, Content: s.Content, At: m.At, Approved: true}
		t.Versions = append(t.Versions, v)
		t.Revision++
		state.Templates.Put(tx, t)
		r.Added++
		tx.Emit(audit.TemplatePut.With("template", string(t.ID), "name", t.Name, "version", fmt.Sprint(v.N), "approved", "true", "executor", string(t.Executor)))
	}
	return r, nil
})

package model

import "strings"

// TemplateKind is the vendor's "execution type" of a template.
type TemplateKind string

// The template kinds of the library; more exist in the contract and come with their modules.
const (
	TemplateChange TemplateKind = "Change password"
	TemplateCreate TemplateKind = "Create user"
	TemplateDelete TemplateKind = "Delete user"

	TemplateEnable      TemplateKind = "Enable credential"
	TemplateDisable     TemplateKind = "Disable credential"
	TemplateCreateGroup TemplateKind = "Create group"
	TemplateDeleteGroup TemplateKind = "Delete group"

	TemplateAutomation TemplateKind = "Secret Management Automation" // creates or removes a dynamic user
)

// TemplateKinds lists the kinds that a template may have.
var TemplateKinds = []TemplateKind{TemplateChange, TemplateEnable, TemplateDisable, TemplateCreate, TemplateDelete, TemplateCreateGroup, TemplateDeleteGroup, TemplateAutomation}

// NamedKind finds a kind in any letter case, also by the words of older libraries ("Password change", "New user").
func NamedKind(text string) (TemplateKind, bool) {
	switch strings.ToLower(text) {
	case "password change":
		return TemplateChange, true
	case "new user":
		return TemplateCreate, true
	}
	for _, k := range TemplateKinds {
		if strings.EqualFold(string(k), text) {
			return k, true
		}
	}
	return "", false
}

// TemplateVersion is one content of a template. Contents are never edited, only added.
type TemplateVersion struct {
	N          int             `cbor:"n"`
	Content    string          `cbor:"content"`
	Author     AuthorizationID `cbor:"author,omitempty"`
	At         Time            `cbor:"at"`
	Approved   bool            `cbor:"approved"`
	ApprovedBy AuthorizationID `cbor:"approved_by,omitempty"`
}

// Template is instruction text for one executor, versioned. The newest approved version is the one that runs.
type Template struct {
	ID        TemplateID        `cbor:"id"`
	Name      string            `cbor:"name"` // unique within an executor
	Executor  ExecutorName      `cbor:"executor"`
	Kind      TemplateKind      `cbor:"kind"`
	Active    bool              `cbor:"active"`
	BuiltIn   bool              `cbor:"built_in,omitempty"` // of the shipped catalogue: read-only, clone to change
	Versions  []TemplateVersion `cbor:"versions"`
	CreatedBy AuthorizationID   `cbor:"created_by,omitempty"`
	Manifest  string            `cbor:"manifest,omitempty"`
	Revision  uint64            `cbor:"revision"`
}

// Current finds the newest approved version; nil if none is approved.
func (t *Template) Current() *TemplateVersion {
	for i := len(t.Versions) - 1; i >= 0; i-- {
		if t.Versions[i].Approved {
			return &t.Versions[i]
		}
	}
	return nil
}

// Version finds a version by number; nil if there is none.
func (t *Template) Version(n int) *TemplateVersion {
	for i := range t.Versions {
		if t.Versions[i].N == n {
			return &t.Versions[i]
		}
	}
	return nil
}

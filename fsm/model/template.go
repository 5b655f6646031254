package model

import (
	"strings"
	"time"
)

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

// olderKinds are the words of the vendor's older libraries and of its list of triggers.
var olderKinds = map[string]TemplateKind{
	"password change": TemplateChange, "credential enable": TemplateEnable, "credential disabling": TemplateDisable,
	"new user": TemplateCreate, "user delete": TemplateDelete, "new group": TemplateCreateGroup, "group delete": TemplateDeleteGroup,
}

// NamedKind finds a kind in any letter case, also by the words of older libraries, such as "Credential disabling".
func NamedKind(text string) (TemplateKind, bool) {
	if k, ok := olderKinds[strings.ToLower(text)]; ok {
		return k, true
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
	ApprovedBy AuthorizationID `cbor:"approved_by,omitempty"` // the last one whose approval was needed

	Approvals []TemplateApproval `cbor:"approvals,omitempty"` // of different people, none of them the author
	Closed    string             `cbor:"closed,omitempty"`    // ReviewDisapproved or ReviewCanceled: it never comes into force
	ClosedBy  AuthorizationID    `cbor:"closed_by,omitempty"`
	ClosedAt  Time               `cbor:"closed_at,omitempty"`
	Note      string             `cbor:"note,omitempty"` // why it was closed
}

// TemplateApproval is one person's word for a version.
type TemplateApproval struct {
	By AuthorizationID `cbor:"by"`
	At Time            `cbor:"at"`
}

// How far the approval of a version has come, in the vendor's words.
const (
	ReviewPending     = "pending"
	ReviewApproved    = "approved"
	ReviewDisapproved = "disapproved"
	ReviewCanceled    = "canceled"
	ReviewExpired     = "expired"
)

// ReviewPeriod is how long a version waits for approval; the same text may then be saved again.
const ReviewPeriod = 30 * 24 * time.Hour

// MaxTemplateLevels is the greatest number of approvals that a version may need.
const MaxTemplateLevels = 3

// Review tells how far the approval of the version has come at a moment.
func (v *TemplateVersion) Review(at Time) string {
	switch {
	case v.Approved:
		return ReviewApproved
	case v.Closed != "":
		return v.Closed
	case at >= v.At.Add(ReviewPeriod):
		return ReviewExpired
	}
	return ReviewPending
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
	Source    TemplateID        `cbor:"source,omitempty"` // that it was cloned from
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

// Compiled is what an executor makes of a template, for people who read it. Nothing of it is stored.
type Compiled struct {
	Steps   []CompiledStep
	Tags    []CompiledTag
	Hosts   []string // named in the text, with tags as [#NAME#]
	Notices []string

	Protocols []string // under which a device may list the port
}

// CompiledStep is one thing that the executor will do.
type CompiledStep struct {
	Line int
	Does string // connects, sends, waits for, forbids, pauses, runs ...
	Text string // with tags as [#NAME#]
	Tags []string
}

// CompiledTag is a tag that the template uses.
type CompiledTag struct {
	Name    string
	Secret  bool
	Meaning string
}

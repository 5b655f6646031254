// Package dsm is the resource of application secrets: what the dsm client, the External Secrets Operator and scripts call
// (/iso/dapp, /iso/sctm, /api/dsm), and the management of secrets under /api/v1. Every value of a secret is a text, in both
// dialects; it goes through here only as secret.Value. Decisions are the service's.
package dsm

import (
	"context"

	"cofre/fsm/model"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// Item is a secret; Entries are there only if it was read.
type Item struct {
	Secret  model.DSMSecret
	Owner   string   // "application/authorization"
	Readers []string // the same
	Entries []Entry
	Errors  int // that are kept of its automations, renewals and dynamic users; counted when one secret is described
	Reading
}

// Reading tells what a conditional read gave.
type Reading struct {
	Tag       string // entity tag of what was read
	Unchanged bool   // the client has it: nothing was read
}

// Entry is one object of the data of a secret that was read.
type Entry struct {
	Kind   model.DSMKind
	Fields []Field
}

// Field is one value.
type Field struct {
	Name  string
	Value secret.Value
}

// Data is one object of the data to put. Account names a credential as people do; the values with From are its parts.
type Data struct {
	Kind    model.DSMKind
	Type    string
	Account string
	Device  string // of an ephemeral entry: where its users are made ...
	Profile string // ... and how
	Match   bool   // Account is only looked for: an unknown one leaves the values that the client sent
	Values  []Value
	At      string // field of the request that it stands in, for errors
}

// Value is one value to put: what the client sent, or a part of the account.
type Value struct {
	Name  string
	From  string
	Value *secret.Value
}

// Put is a secret to create or change; nil leaves a field as it is.
type Put struct {
	Through     model.Module
	Name        string // changes exactly that one
	Create      bool   // an existing one is a conflict
	Identity    string
	Owner       Owner
	Title       *string
	Engine      *string
	Description *string
	Tags        *[]string
	ExpiresAt   *model.Time
	Readers     *[]Owner
	Data        []Data // nil: unchanged

	RenewEphemeral  *int64 // milliseconds; 0: off
	RenewCredential *int64
	Revision        uint64
}

// Owner names an authorization; the zero value is the caller's.
type Owner struct{ Application, System, Environment, Authorization string }

// Done tells what became of a secret. Kept counts accounts whose values stay the client's own.
type Done struct {
	Item    *Item
	Created bool
	Kept    int
	Readers []Reader   // who read it lately, when the renewal of its accounts was switched on
	Since   model.Time // how far back that looks
}

// Reader is who read a secret lately, and when last.
type Reader struct {
	Authorization string // "application/authorization"
	At            model.Time
}

// Application is the caller with its secrets.
type Application struct {
	Application   model.Application
	Authorization model.Authorization
	Secrets       []Item
	Reading
}

// Version is a kept version of a secret, without values.
type Version struct {
	N       uint64
	At      model.Time
	By      string
	Of      uint64 // the version that it brought back
	Names   []string
	Changed []string // names whose value differs from the version before
}

// Filter narrows a list.
type Filter struct {
	Application string
	Disabled    bool
	After       uint64
	Limit       int
}

// Service is what the resource needs.
type Service interface {
	// Read opens every secret that the caller holds, unless known holds the tag of just that; the read is committed first.
	Read(ctx context.Context, actor model.Actor, through model.Module, known []string) (*Application, error)
	// Open reads one secret, unless known holds its tag.
	Open(ctx context.Context, actor model.Actor, name string, known []string) (*Item, error)
	OpenVersion(ctx context.Context, actor model.Actor, name string, version uint64) (*Item, error)
	Describe(ctx context.Context, actor model.Actor, at model.Time, name string) (*Item, []Version, error)
	List(ctx context.Context, actor model.Actor, at model.Time, f Filter) ([]Item, error)
	Put(ctx context.Context, actor model.Actor, p Put) (Done, error)
	SetStatus(ctx context.Context, actor model.Actor, name string, enabled bool) (*Item, error)
	Rollback(ctx context.Context, actor model.Actor, name string, version uint64) (*Item, error)
	Caller(actor model.Actor) (*Application, error)
	// Provision opens the secrets with ephemeral entries that the caller holds, or the one that is named, with users for a
	// pod, or for the caller itself.
	Provision(ctx context.Context, actor model.Actor, name, pod string) (*Application, error)
	// Deprovision begins the removal of a pod's users and counts them.
	Deprovision(ctx context.Context, actor model.Actor, name, pod string) (int, error)
	// Register finds or makes an application for a pipeline and gives keys for it.
	Register(ctx context.Context, actor model.Actor, at model.Time, r Register) (Registered, error)
	// Leave disables the caller's own authorization.
	Leave(ctx context.Context, actor model.Actor) error
}

// Routes offers the resource.
func Routes(s Service) []route.Route { return append(vendorRoutes(s), managementRoutes(s)...) }

func (p *Put) wipe() {
	for _, d := range p.Data {
		for _, v := range d.Values {
			if v.Value != nil {
				v.Value.Wipe()
			}
		}
	}
}

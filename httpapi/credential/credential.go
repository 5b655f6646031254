// Package credential is the resource of privileged accounts: the vendor's routes /iso/pam/credential and /iso/coe/senha,
// their management under /api/v1, SSH keys, and the vendor's second version of
// reads, /api/v2/pam/credentials. It reads both spellings of every field and shows every answer in both dialects; a
// secret goes through it only as secret.Value. Decisions are the service's.
package credential

import (
	"context"
	"slices"

	"cofre/fsm/model"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// Item is a credential with what belongs to it, without versions.
type Item struct {
	Credential     model.Credential
	Device         model.Device
	Parent         *model.Credential
	Policy         string // name; "": the default policy
	Governed       string // name of the policy whose criteria fit
	Template       string // name of the change template
	Reconcile      ReconcileView
	JIT            JITView        // if the credential has one
	Key            *KeyView       // nil: the secret is a password
	Accepts        []model.Device // further ones that accept the key
	Authentication string         // identifier of the credential that logs in to change; "": itself
	Secret         *secret.Value  // nil: not read, because the caller may not or there is none
	Version        uint64
	Until          model.Time // end of custody, if the secret was read
	Change         model.Time // when the secret is planned to change; 0: not planned
}

// Filter narrows a list. After is the last number of the page before, Limit 0 means all.
type Filter struct {
	Device   string // number, host name or id
	Tag      string
	Type     string
	Search   string
	Disabled bool
	Exact    Exact
	After    uint64
	Limit    int
}

// Exact narrows a list by whole values; nil and empty ask for nothing.
type Exact struct {
	Username    string
	Active      *bool
	Device      uint64 // number
	Hostname    string
	Domain      string     // of the device
	Tags        [][]string // one of each
	Criticality string
	JIT         *bool // opened for sessions
	Reconciled  *bool // it has an account and a template of reconciliation
	Owner       string
}

// Put is a credential to create or change; nil leaves a field as it is. Objects are named as people name them.
type Put struct {
	Name           string // changes exactly that one; "": upsert by identifier, else by device and user name
	Identifier     string
	Create         bool    // an existing one is a conflict
	Hostname, IP   *string // the device
	Username       *string
	Domain         *string
	Type           *string
	Additional     *string
	TOTP           *secret.Value // key of one-time codes; an empty one removes it
	Tags           *[]string
	Parent         *string
	Policy         *string
	Automatic      *bool
	Executor       *string
	Template       *string
	Authentication *string
	Reconcile      ReconcileBody
	JIT            JITBody
	Plugins        Plugins
	Addresses      Addresses
	Key            *KeyPut // nil: stays what it is; a new one is a password
	Owner          *string
	Criticality    *string
	ServerPath     *string
	Notes          *string
	Enabled        *bool
	Secret         *secret.Value
	Revision       uint64
}

// Plugins name the executors of templates, as the vendor's routes do; nil: the template's name is enough.
type Plugins struct{ Activate, Deactivate, Reconcile *string }

// Addresses are those of the devices of accounts that a put names, as the vendor's routes send them beside or instead of host
// names; "": not said.
type Addresses struct{ Parent, Authentication, Reconcile, JIT string }

// Released tells which operation the end of a custody started.
type Released struct {
	Number    uint64  // of the credential
	Operation *uint64 // number of the operation; nil: none
}

// Service is what the resource needs.
type Service interface {
	// Read gives the secret if the caller may read it and there is one, else the same without it, taking no custody.
	Read(ctx context.Context, actor model.Actor, at model.Time, name string) (*Item, error)
	// Open gives the secret or says why not.
	Open(ctx context.Context, actor model.Actor, name string) (*Item, error)
	Describe(ctx context.Context, actor model.Actor, at model.Time, name string) (*Item, error)
	List(ctx context.Context, actor model.Actor, at model.Time, f Filter) ([]Item, error)
	Put(ctx context.Context, actor model.Actor, at model.Time, p Put) (item *Item, did model.Effect, err error)
	SetStatus(ctx context.Context, actor model.Actor, name string, enabled bool) (*model.Credential, error)
	Custodies(ctx context.Context, actor model.Actor, at model.Time, name string) ([]Custody, error)
	Release(ctx context.Context, actor model.Actor, name string) (Released, error)
}

// Routes offers the resource.
func Routes(s Service) []route.Route {
	return slices.Concat(vendorRoutes(s), managementRoutes(s), secondRoutes(s), []route.Route{custodyRoute(s)})
}

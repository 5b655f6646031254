// Package dynamic is the management resource of dynamic users: profiles by which they are made, how applications get
// them, and the users themselves, which are leases that end. A password is shown only to the owner of the user. Decisions
// are the service's.
package dynamic

import (
	"context"
	"net/http"
	"time"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// Profile is a profile with the names of what it points at.
type Profile struct {
	Row            model.DynamicProfile
	Create         string
	Remove         string
	Authentication string
	Devices        []string
	Policy         string
	Holders        []string // "application/authorization"
}

// ProfilePatch is a profile to create or change; nil leaves a field as it is.
type ProfilePatch struct {
	Name           string // changes that one; empty: a new one
	Identifier     *string
	Enabled        *bool
	Type           *string
	Executor       *string
	Create         *string
	Remove         *string
	Authentication *string
	AuthUser       *string
	Devices        *[]string
	Additional     *string
	Policy         *string
	TTL            *compat.Duration
	Life           *compat.Duration
	Holders        *[]string
	Revision       uint64
}

// Pair is a device and a profile, by name.
type Pair struct {
	Device  string `json:"device" doc:"number, host name or id"`
	Profile string `json:"profile" doc:"identifier"`
}

// Provisioning is how an application gets dynamic users.
type Provisioning struct {
	Automatic bool
	Pairs     []Pair
	Quota     int
	Live      int
	Revision  uint64
}

// Lease is a dynamic user with names; the secret is there only if it was read.
type Lease struct {
	User          model.DynamicUser
	Profile       string
	Device        model.Device
	Application   string
	Authorization string
	Operations    []model.Operation
	Secret        *secret.Value
	Cloud         bool // its secret is an access key
}

// Request asks for a dynamic user.
type Request struct {
	Profile string
	Device  string
	TTL     int64
}

// Filter narrows a list of leases.
type Filter struct {
	State       string
	Application string
	Device      string
	Profile     string
	Debt        bool
	After       uint64
	Limit       int
}

// Service is what the resource needs.
type Service interface {
	Profiles(ctx context.Context, actor model.Actor, at model.Time) ([]Profile, error)
	Profile(ctx context.Context, actor model.Actor, at model.Time, name string) (*Profile, error)
	PutProfile(ctx context.Context, actor model.Actor, at model.Time, p ProfilePatch) (*Profile, error)
	DeleteProfile(ctx context.Context, actor model.Actor, at model.Time, name string) (*Profile, error)
	Provisioning(ctx context.Context, actor model.Actor, at model.Time, application string) (*Provisioning, error)
	PutProvisioning(ctx context.Context, actor model.Actor, at model.Time, application string, p ProvisioningBody) (*Provisioning, error)
	Leases(ctx context.Context, actor model.Actor, at model.Time, f Filter) ([]Lease, error)
	Lease(ctx context.Context, actor model.Actor, at model.Time, name string) (*Lease, error)
	// Await returns when the lease is so far, or ctx ends.
	Await(ctx context.Context, actor model.Actor, at model.Time, name string, far func(*Lease) bool) (*Lease, error)
	Request(ctx context.Context, actor model.Actor, at model.Time, r Request) (name string, err error)
	Open(ctx context.Context, actor model.Actor, at model.Time, name string) (*Lease, error)
	Renew(ctx context.Context, actor model.Actor, at model.Time, name string, ttl int64) (*Lease, error)
	Revoke(ctx context.Context, actor model.Actor, at model.Time, name string) (*Lease, error)
	RevokeAll(ctx context.Context, actor model.Actor, application, authorization string) error
	Orphans(ctx context.Context, actor model.Actor, at model.Time, f Filter) ([]Orphan, error)
	OrphanSearches(ctx context.Context, actor model.Actor, at model.Time) ([]OrphanSearch, model.OrphanPlan, error)
	// SearchOrphans orders searches and gives them as they are when they are over, or limited ends.
	SearchOrphans(ctx, limited context.Context, actor model.Actor, at model.Time, profile, device string) ([]OrphanSearch, error)
	RemoveOrphan(ctx context.Context, actor model.Actor, number uint64) (name string, err error)
	ScheduleOrphans(ctx context.Context, actor model.Actor, every int64) (model.OrphanPlan, error)
}

// MaxWait is the longest poll.
const MaxWait = 60 * time.Second

const tag = "dynamic"

// Routes offers the resource.
func Routes(s Service) []route.Route {
	m := &management{s}
	wait := route.Field{Name: "wait", In: "query", Text: "answer when it is no longer requested, at the latest after this span such as 30s (60s at most)"}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = tag
		return route.Route{Method: method, Path: "/api/v1" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	request := add(http.MethodPost, "/leases", "dynamic.requested", m.request, route.Doc{Needs: route.Reads(model.ModulePAM, model.SecretRead), Summary: "Ask for a dynamic user", Status: http.StatusCreated, Body: RequestBody{}, Fields: []route.Field{wait}, Returns: LeaseView{},
		Text: "For holders of the profile, applications with the pair of device and profile, and who may read the credential that logs in. The user is handed out only after it has logged in once. 429: the application's quota is used up."})
	get := add(http.MethodGet, "/leases/{name}", route.NoEvent, m.lease, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show a dynamic user, without its password", Fields: []route.Field{wait}, Returns: LeaseView{}})
	test := add(http.MethodPost, "/dynamic-profiles/{name}/test", "dynamic.requested", m.test, route.Doc{Needs: route.Reads(model.ModulePAM, model.SecretRead), Summary: "Try a profile on the real target", Body: TestBody{}, Returns: TestView{},
		Fields: []route.Field{{Name: "wait", In: "query", Text: "answer after this span at the latest, 45s by default (60s at most); what is not done then goes on"}},
		Text:   "Makes a user, which logs in once, removes it, and proves by a login that it is gone; tells each step. The user is a lease like every other: nothing of it is left behind when the request is cut off."})
	request.Waits, get.Waits, test.Waits = MaxWait, MaxWait, MaxWait
	return append(orphanRoutes(m, add), []route.Route{
		add(http.MethodGet, "/dynamic-profiles", route.NoEvent, m.profiles, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List profiles of dynamic users", Returns: route.Listed[ProfileView]{}, Fields: append([]route.Field{
			{Name: "executor", In: "query"}, {Name: "type", In: "query"}, {Name: "device", In: "query", Text: "host name"}, {Name: "search", In: "query", Text: "part of the identifier"},
			{Name: "disabled", In: "query", Type: "boolean", Text: "disabled ones too"}}, route.PageFields...)}),
		add(http.MethodPost, "/dynamic-profiles", "dynamic.profile", m.createProfile, route.Doc{Needs: route.Writes(model.ModulePAM, model.RouteWrite), Summary: "Create a profile of dynamic users", Status: http.StatusCreated, Body: ProfileBody{}, Returns: ProfileView{},
			Text: "Needs route.write and the right to read every credential that logs in for it."}),
		add(http.MethodGet, "/dynamic-profiles/{name}", route.NoEvent, m.profile, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show a profile of dynamic users", Returns: ProfileView{}}),
		add(http.MethodPut, "/dynamic-profiles/{name}", "dynamic.profile", m.changeProfile, route.Doc{Needs: route.Writes(model.ModulePAM, model.RouteWrite), Summary: "Change a profile of dynamic users", Body: ProfileBody{}, Returns: ProfileView{}}),
		add(http.MethodPut, "/dynamic-profiles/{name}/status", "dynamic.profile", m.profileStatus, route.Doc{Needs: route.Writes(model.ModulePAM, model.RouteWrite), Summary: "Enable or disable a profile of dynamic users", Text: "Disabled, nobody gets new users; those that are there live on.", Body: StatusBody{}, Returns: ProfileView{}}),
		add(http.MethodDelete, "/dynamic-profiles/{name}", "dynamic.profile", m.deleteProfile, route.Doc{Needs: route.Writes(model.ModulePAM, model.RouteWrite), Summary: "Delete a profile of dynamic users", Text: "It is drained first: its users are removed, and it goes with the last of them.", Returns: ProfileView{}}),
		test,
		add(http.MethodGet, "/applications/{application}/provisioning", route.NoEvent, m.provisioning, route.Doc{Needs: route.Reads(model.ModulePAM, model.AuthorizationWrite).OrOwn(), Summary: "Show how an application gets dynamic users", Returns: ProvisioningView{}}),
		add(http.MethodPut, "/applications/{application}/provisioning", "dynamic.linked", m.provision, route.Doc{Needs: route.Writes(model.ModulePAM, model.AuthorizationWrite), Summary: "Say how an application gets dynamic users", Body: ProvisioningBody{}, Returns: ProvisioningView{},
			Text: "Needs authorization.write and the right to read the credential that logs in for each pair."}),
		add(http.MethodPost, "/applications/{application}/provisioning/revoke", "dynamic.revoked", m.revokeAll, route.Doc{Needs: route.Reads(model.ModulePAM, model.SecretRead), Summary: "Remove all dynamic users of an application", Text: "Those of another application than the caller's need write and `authorization.write` too.", Body: RevokeBody{}}),
		add(http.MethodGet, "/leases", route.NoEvent, m.leases, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List dynamic users", Returns: route.Listed[LeaseView]{}, Fields: append([]route.Field{
			{Name: "state", In: "query", Text: "requested, active, removing, removed or all; absent: all that are not removed"}, {Name: "application", In: "query"}, {Name: "device", In: "query"}, {Name: "profile", In: "query"},
			{Name: "debt", In: "query", Type: "boolean", Text: "only those that could not be removed"}}, route.PageFields...)}),
		request, get,
		add(http.MethodGet, "/leases/{name}/secret", "dynamic.read", m.secret, route.Doc{Needs: route.Reads(model.ModulePAM, model.SecretRead), Summary: "Read the password of a dynamic user", Text: "For its owner, while it lives.", Returns: []route.Field{
			{Name: "number", Type: "integer"}, {Name: "username"}, {Name: "password"}, {Name: "hostname"}, {Name: "ip"}, {Name: "expires_at"},
			{Name: "access_key_id", Text: "of a cloud's user; its password is a JSON object with both parts"}, {Name: "secret_access_key", Text: "the same"}}}),
		add(http.MethodPost, "/leases/{name}/renew", "dynamic.renewed", m.renew, route.Doc{Needs: route.Reads(model.ModulePAM, model.SecretRead), Summary: "Make the life of a dynamic user longer", Text: "For its owner, within what the profile allows; never shorter.", Body: RenewBody{}, Returns: LeaseView{}}),
		add(http.MethodDelete, "/leases/{name}", "dynamic.unwanted", m.revoke, route.Doc{Needs: route.Reads(model.ModulePAM, model.SecretRead), Summary: "Remove a dynamic user", Text: "Its removal is retried until the user is proven gone twice, ten minutes apart.", Returns: LeaseView{}}),
	}...)
}

type management struct{ s Service }

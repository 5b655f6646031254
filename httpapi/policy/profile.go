package policy

import (
	"context"
	"net/http"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Profile is an execution profile with the names of what it points at.
type Profile struct {
	Row            model.ExecutionProfile
	Device         string // host name
	Template       string
	Executor       string
	Authentication string // identifier; "": the credential itself, or by AuthUser
	Activate       string // template; "": accounts are always open
	Deactivate     string
}

// ProfileService is what the resource of execution profiles needs. Names stand for profiles, by name or id.
type ProfileService interface {
	ExecutionProfiles(ctx context.Context, actor model.Actor, at model.Time) ([]Profile, error)
	ExecutionProfile(ctx context.Context, actor model.Actor, at model.Time, name string) (*Profile, error)
	// PutExecutionProfile creates the profile with an empty name, else changes that one.
	PutExecutionProfile(ctx context.Context, actor model.Actor, at model.Time, name string, b *ProfileBody) (*Profile, error)
	RemoveExecutionProfile(ctx context.Context, actor model.Actor, at model.Time, name string) error
}

// ProfileView is an execution profile.
type ProfileView struct {
	ID             model.ExecutionProfileID `json:"id"`
	Name           string                   `json:"name"`
	Enabled        bool                     `json:"enabled"`
	Device         string                   `json:"device,omitempty" doc:"host name; absent: it is taken by criteria"`
	Priority       int                      `json:"priority" doc:"among profiles whose criteria fit, the highest wins; 1 to 255"`
	Criteria       Criteria                 `json:"criteria"`
	Automatic      bool                     `json:"automatic" doc:"policy triggers may change the secret"`
	Executor       string                   `json:"executor"`
	Template       string                   `json:"template" doc:"that changes the secret"`
	Authentication string                   `json:"authentication,omitempty" doc:"identifier of the credential that logs in; absent: itself"`
	AuthUser       string                   `json:"auth_user,omitempty" doc:"instead: the user name of the device's own credential that logs in"`
	Activate       string                   `json:"activate,omitempty" doc:"template that opens the account when a session begins; absent: it is always open"`
	Deactivate     string                   `json:"deactivate,omitempty" doc:"template that closes it when the last session ends"`
	Immediate      bool                     `json:"immediate" doc:"the first change falls due by itself; otherwise somebody asks for it"`
	FirstAfter     compat.Duration          `json:"first_after" doc:"so long after the registration"`
	Revision       uint64                   `json:"revision"`
}

// ProfileBody is a profile to create or change; what is absent stays.
type ProfileBody struct {
	Name           *string          `json:"name"`
	Enabled        *bool            `json:"enabled" doc:"true by default"`
	Device         *string          `json:"device" doc:"host name: the profile is for the new credentials of this device, before any that is taken by criteria; empty: by criteria"`
	Priority       *int             `json:"priority" doc:"1 to 255; 1 by default"`
	Criteria       *Criteria        `json:"criteria" doc:"replaces all of them. SSH keys take only a profile whose types name them"`
	Automatic      *bool            `json:"automatic"`
	Executor       *string          `json:"executor" doc:"of the template, where several have one of its name"`
	Template       *string          `json:"template"`
	Authentication *string          `json:"authentication" doc:"name of a credential; empty: itself"`
	AuthUser       *string          `json:"auth_user"`
	Activate       *string          `json:"activate" doc:"template that opens the account when a session begins, by who logs in; empty: it is always open"`
	Deactivate     *string          `json:"deactivate" doc:"template that closes it when the last session ends"`
	Immediate      *bool            `json:"immediate"`
	FirstAfter     *compat.Duration `json:"first_after"`
	Revision       uint64           `json:"revision" doc:"refuse if it is not the current one"`
}

// Apply puts what was sent into a profile, but for the names.
func (b *ProfileBody) Apply(p *model.ExecutionProfile) {
	set(&p.Name, b.Name)
	set(&p.Enabled, b.Enabled)
	set(&p.Priority, b.Priority)
	set(&p.Automatic, b.Automatic)
	set(&p.AuthUser, b.AuthUser)
	set(&p.Immediate, b.Immediate)
	span(&p.FirstAfter, b.FirstAfter)
	if b.Criteria != nil {
		p.Criteria = model.Criteria(*b.Criteria)
	}
	if b.Revision != 0 {
		p.Revision = b.Revision
	}
}

func profileView(p *Profile) ProfileView {
	r := &p.Row
	return ProfileView{ID: r.ID, Name: r.Name, Enabled: r.Enabled, Device: p.Device, Priority: r.Priority, Criteria: criteriaOf(&r.Criteria), Automatic: r.Automatic, Executor: p.Executor, Template: p.Template,
		Authentication: p.Authentication, AuthUser: r.AuthUser, Activate: p.Activate, Deactivate: p.Deactivate, Immediate: r.Immediate, FirstAfter: compat.Duration(r.FirstAfter), Revision: r.Revision}
}

// ProfileRoutes offers the resource of execution profiles.
func ProfileRoutes(s ProfileService) []route.Route {
	m := &profiles{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = "policy"
		return route.Route{Method: method, Path: "/api/v1/profiles" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	return []route.Route{
		add(http.MethodGet, "", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List execution profiles", Returns: route.Listed[ProfileView]{}, Fields: route.PageFields}),
		add(http.MethodPost, "", "profile.put", m.put, route.Doc{Needs: route.Writes(model.ModulePAM, model.PolicyWrite), Summary: "Create an execution profile", Text: "New credentials take it when they are registered, as far as their registration says nothing else. Those that are there stay as they are.",
			Status: http.StatusCreated, Body: ProfileBody{}, Returns: ProfileView{}}),
		add(http.MethodGet, "/{name}", route.NoEvent, m.get, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show an execution profile", Returns: ProfileView{}}),
		add(http.MethodPut, "/{name}", "profile.put", m.put, route.Doc{Needs: route.Writes(model.ModulePAM, model.PolicyWrite), Summary: "Change an execution profile", Body: ProfileBody{}, Returns: ProfileView{}}),
		add(http.MethodDelete, "/{name}", "profile.put", m.remove, route.Doc{Needs: route.Writes(model.ModulePAM, model.PolicyWrite), Summary: "Delete an execution profile", Text: "Credentials that took it stay as they are."}),
	}
}

type profiles struct{ s ProfileService }

func (m *profiles) list(ctx context.Context, r *route.Request) (compat.Reply, error) {
	all, err := m.s.ExecutionProfiles(ctx, r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	page, err := route.Page(r, all, func(p Profile) string { return string(p.Row.ID) })
	if err != nil {
		return compat.Reply{}, err
	}
	out := route.Listed[ProfileView]{Items: []ProfileView{}, Next: page.Next}
	for i := range page.Items {
		out.Items = append(out.Items, profileView(&page.Items[i]))
	}
	return compat.JSON(out), nil
}

func (m *profiles) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	p, err := m.s.ExecutionProfile(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(profileView(p)), nil
}

func (m *profiles) put(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b ProfileBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	p, err := m.s.PutExecutionProfile(ctx, r.Actor, r.At, r.Param("name"), &b)
	if err != nil {
		return compat.Reply{}, err
	}
	reply := compat.JSON(profileView(p))
	if r.Param("name") == "" {
		reply.Status = http.StatusCreated
	}
	return reply, nil
}

func (m *profiles) remove(ctx context.Context, r *route.Request) (compat.Reply, error) {
	if err := m.s.RemoveExecutionProfile(ctx, r.Actor, r.At, r.Param("name")); err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(struct{}{}), nil
}

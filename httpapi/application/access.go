package application

import (
	"context"
	"net/http"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// AccessService is what the resource of access profiles needs. Names stand for profiles, by name or id.
type AccessService interface {
	AccessProfiles(actor model.Actor, at model.Time) ([]model.AccessProfile, error)
	AccessProfile(ctx context.Context, actor model.Actor, at model.Time, name string) (*model.AccessProfile, error)
	PutAccessProfile(ctx context.Context, actor model.Actor, p model.AccessProfile) (model.AccessProfile, error)
	RemoveAccessProfile(ctx context.Context, actor model.Actor, id model.AccessProfileID) error
	CredentialIDs(ctx context.Context, names []string) ([]model.CredentialID, error)
	DeviceIDs(ctx context.Context, names []string) ([]model.DeviceID, error)
}

// AccessView is an access profile.
type AccessView struct {
	ID          model.AccessProfileID `json:"id"`
	Name        string                `json:"name"`
	Enabled     bool                  `json:"enabled"`
	Rights      []model.Right         `json:"rights" doc:"secret.read, credential.write, operation.run; none: to see the credentials"`
	Credentials []model.CredentialID  `json:"credentials" doc:"these, and those to which each of the other lists fits that is not empty"`
	Devices     []model.DeviceID      `json:"devices"`
	Tags        []string              `json:"tags"`
	Types       []string              `json:"types" doc:"of credentials"`
	Revision    uint64                `json:"revision"`
}

// AccessBody is an access profile to create or change; what is absent stays.
type AccessBody struct {
	Name        *string        `json:"name"`
	Enabled     *bool          `json:"enabled" doc:"true by default"`
	Rights      *[]model.Right `json:"rights"`
	Credentials *[]string      `json:"credentials" doc:"numbers, identifiers or user@host"`
	Devices     *[]string      `json:"devices" doc:"host names"`
	Tags        *[]string      `json:"tags"`
	Types       *[]string      `json:"types"`
	Revision    uint64         `json:"revision" doc:"refuse if it is not the current one"`
}

func accessView(p *model.AccessProfile) AccessView {
	return AccessView{ID: p.ID, Name: p.Name, Enabled: p.Enabled, Rights: append([]model.Right{}, p.Rights...), Credentials: append([]model.CredentialID{}, p.Credentials...),
		Devices: append([]model.DeviceID{}, p.Devices...), Tags: append([]string{}, p.Tags...), Types: append([]string{}, p.Types...), Revision: p.Revision}
}

// AccessRoutes offers the resource of access profiles.
func AccessRoutes(s AccessService) []route.Route {
	m := &accesses{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = "application"
		return route.Route{Method: method, Path: "/api/v1/access-profiles" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	return []route.Route{
		add(http.MethodGet, "", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModuleA2A, ""), Summary: "List access profiles", Returns: route.Listed[AccessView]{}, Fields: route.PageFields}),
		add(http.MethodPost, "", "access.put", m.put, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Create an access profile", Text: "Rights on some credentials, under a name that authorizations refer to. Nobody grants what he does not hold.", Status: http.StatusCreated, Body: AccessBody{}, Returns: AccessView{}}),
		add(http.MethodGet, "/{name}", route.NoEvent, m.get, route.Doc{Needs: route.Reads(model.ModuleA2A, ""), Summary: "Show an access profile", Returns: AccessView{}}),
		add(http.MethodPut, "/{name}", "access.put", m.put, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Change an access profile", Text: "For all authorizations that refer to it, at once.", Body: AccessBody{}, Returns: AccessView{}}),
		add(http.MethodDelete, "/{name}", "access.put", m.remove, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Delete an access profile", Text: "Authorizations that refer to it lose what it gave."}),
	}
}

type accesses struct{ s AccessService }

func (m *accesses) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	all, err := m.s.AccessProfiles(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	page, err := route.Page(r, all, func(p model.AccessProfile) string { return string(p.ID) })
	if err != nil {
		return compat.Reply{}, err
	}
	out := route.Listed[AccessView]{Items: []AccessView{}, Next: page.Next}
	for i := range page.Items {
		out.Items = append(out.Items, accessView(&page.Items[i]))
	}
	return compat.JSON(out), nil
}

func (m *accesses) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	p, err := m.s.AccessProfile(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(accessView(p)), nil
}

func (m *accesses) put(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b AccessBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	p := &model.AccessProfile{Enabled: true}
	status := http.StatusCreated
	if name := r.Param("name"); name != "" {
		var err error
		if p, err = m.s.AccessProfile(ctx, r.Actor, r.At, name); err != nil {
			return compat.Reply{}, err
		}
		status = http.StatusOK
	}
	set(&p.Name, b.Name)
	set(&p.Enabled, b.Enabled)
	set(&p.Rights, b.Rights)
	set(&p.Tags, b.Tags)
	set(&p.Types, b.Types)
	if b.Revision != 0 {
		p.Revision = b.Revision
	}
	var err error
	if b.Credentials != nil {
		p.Credentials, err = m.s.CredentialIDs(ctx, *b.Credentials)
	}
	if b.Devices != nil && err == nil {
		p.Devices, err = m.s.DeviceIDs(ctx, *b.Devices)
	}
	if err != nil {
		return compat.Reply{}, err
	}
	made, err := m.s.PutAccessProfile(ctx, r.Actor, *p)
	if err != nil {
		return compat.Reply{}, err
	}
	reply := compat.JSON(accessView(&made))
	reply.Status = status
	return reply, nil
}

func (m *accesses) remove(ctx context.Context, r *route.Request) (compat.Reply, error) {
	p, err := m.s.AccessProfile(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	if err := m.s.RemoveAccessProfile(ctx, r.Actor, p.ID); err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(struct{}{}), nil
}

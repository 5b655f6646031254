package dynamic

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// ProfileView is a profile.
type ProfileView struct {
	ID             model.ProfileID    `json:"id"`
	Identifier     string             `json:"identifier" doc:"user names begin with it"`
	Enabled        bool               `json:"enabled"`
	Draining       bool               `json:"draining,omitempty" doc:"it goes when its users are gone"`
	Type           string             `json:"type,omitempty" doc:"of its devices; absent: any"`
	Executor       model.ExecutorName `json:"executor"`
	Create         string             `json:"create" doc:"name of the template that creates users"`
	Remove         string             `json:"remove" doc:"name of the template that removes users"`
	Authentication string             `json:"authentication,omitempty" doc:"identifier of the credential that logs in ..."`
	AuthUser       string             `json:"auth_user,omitempty" doc:"... or the user name by which it is found on each device"`
	Devices        []string           `json:"devices" doc:"where it works; none: on the device of authentication, or wherever there is an auth_user"`
	Additional     string             `json:"additional,omitempty" doc:"given to templates as ADD_INFO"`
	Policy         string             `json:"policy,omitempty"`
	TTL            compat.Duration    `json:"ttl"`
	Life           compat.Duration    `json:"life" doc:"longest life with renewals"`
	Holders        []string           `json:"holders" doc:"application/authorization of those that may ask for users"`
	Revision       uint64             `json:"revision"`
}

// ProfileBody is a profile to create or change; what is absent stays as it is.
type ProfileBody struct {
	Identifier     *string          `json:"identifier" doc:"at most 24 lower-case letters, digits and '_'"`
	Enabled        *bool            `json:"enabled" doc:"true for a new one"`
	Type           *string          `json:"type" doc:"of its devices; empty: any"`
	Executor       *string          `json:"executor" doc:"of a new one"`
	Create         *string          `json:"create" doc:"name of a template of type Secret Management Automation or Create user"`
	Remove         *string          `json:"remove" doc:"name of a template of type Secret Management Automation or Delete user"`
	Authentication *string          `json:"authentication" doc:"name of the credential that logs in, for all devices"`
	AuthUser       *string          `json:"auth_user" doc:"instead of it: the user name by which the credential is found on each device"`
	Devices        *[]string        `json:"devices" doc:"names of devices"`
	Additional     *string          `json:"additional" doc:"given to templates as ADD_INFO: the host part of an account, the DN of a branch, roles"`
	Policy         *string          `json:"policy" doc:"name of a password policy; empty: the default one"`
	TTL            *compat.Duration `json:"ttl" doc:"1h for a new one"`
	Life           *compat.Duration `json:"life" doc:"longest life with renewals; 0s: the TTL"`
	Holders        *[]string        `json:"holders" doc:"application/authorization"`
	Revision       uint64           `json:"revision" doc:"refuse if it is not the current one"`
}

// StatusBody enables or disables.
type StatusBody struct {
	Enabled *bool `json:"enabled"`
}

func profileView(p *Profile) ProfileView {
	r := &p.Row
	return ProfileView{ID: r.ID, Identifier: r.Identifier, Enabled: r.Enabled, Draining: r.Draining, Type: r.Type, Executor: r.Executor, Create: p.Create, Remove: p.Remove,
		Authentication: p.Authentication, AuthUser: r.AuthUser, Devices: append([]string{}, p.Devices...), Additional: r.Additional, Policy: p.Policy, TTL: compat.Duration(r.TTL),
		Life: compat.Duration(r.LifeOf()), Holders: append([]string{}, p.Holders...), Revision: r.Revision}
}

func (m *management) profiles(ctx context.Context, r *route.Request) (compat.Reply, error) {
	all, err := m.s.Profiles(ctx, r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	disabled, err := r.QueryBool("disabled")
	if err != nil {
		return compat.Reply{}, err
	}
	all = slices.DeleteFunc(all, func(p Profile) bool {
		return !disabled && !p.Row.Enabled && !p.Row.Draining || differs(r, "executor", string(p.Row.Executor)) || differs(r, "type", p.Row.Type) ||
			!strings.Contains(p.Row.Identifier, r.Query("search")) || r.Query("device") != "" && !slices.Contains(p.Devices, r.Query("device"))
	})
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

func differs(r *route.Request, name, is string) bool {
	want := r.Query(name)
	return want != "" && want != is
}

func (m *management) profile(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return profileReply(m.s.Profile(ctx, r.Actor, r.At, r.Param("name")))
}

func profileReply(p *Profile, err error) (compat.Reply, error) {
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(profileView(p)), nil
}

func (m *management) createProfile(ctx context.Context, r *route.Request) (compat.Reply, error) {
	reply, err := m.putProfile(ctx, r, "")
	reply.Status = http.StatusCreated
	return reply, err
}

func (m *management) changeProfile(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return m.putProfile(ctx, r, r.Param("name"))
}

func (m *management) putProfile(ctx context.Context, r *route.Request, name string) (compat.Reply, error) {
	var b ProfileBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	return profileReply(m.s.PutProfile(ctx, r.Actor, r.At, ProfilePatch{Name: name, Identifier: b.Identifier, Enabled: b.Enabled, Type: b.Type, Executor: b.Executor, Create: b.Create, Remove: b.Remove,
		Authentication: b.Authentication, AuthUser: b.AuthUser, Devices: b.Devices, Additional: b.Additional, Policy: b.Policy, TTL: b.TTL, Life: b.Life, Holders: b.Holders, Revision: b.Revision}))
}

func (m *management) profileStatus(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b StatusBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if b.Enabled == nil {
		return compat.Reply{}, model.Errorf(model.Invalid, "say enabled: true or false").WithField("enabled")
	}
	return profileReply(m.s.PutProfile(ctx, r.Actor, r.At, ProfilePatch{Name: r.Param("name"), Enabled: b.Enabled}))
}

func (m *management) deleteProfile(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return profileReply(m.s.DeleteProfile(ctx, r.Actor, r.At, r.Param("name")))
}

// Package policy is the management resource of password policies: strength, expiry, custody and retry rules.
package policy

import (
	"context"
	"net/http"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Service is what the resource needs.
type Service interface {
	Policies(actor model.Actor, at model.Time) ([]model.Policy, error)
	PutPolicy(ctx context.Context, actor model.Actor, p model.Policy) (model.Policy, error)
}

// View is a policy. Spans are written like "720h"; "0s" switches a rule off.
type View struct {
	ID              model.PolicyID  `json:"id"`
	Name            string          `json:"name"`
	Enabled         bool            `json:"enabled"`
	Strength        Strength        `json:"strength"`
	MaxAge          compat.Duration `json:"max_age" doc:"change at the latest this long after the last change"`
	ViewExpiry      compat.Duration `json:"view_expiry" doc:"change this long after a secret read"`
	ChangeOnRelease bool            `json:"change_on_release" doc:"change when the last holder releases custody"`
	ChangeOnTimeout bool            `json:"change_on_timeout" doc:"change when the last custody times out"`
	Exclusive       bool            `json:"exclusive" doc:"one holder at a time"`
	CustodyTTL      compat.Duration `json:"custody_ttl" doc:"how long a custody lasts without release"`
	Attempts        int             `json:"attempts" doc:"tries per operation"`
	RetryInterval   compat.Duration `json:"retry_interval" doc:"first pause between tries; doubles up to an hour"`
	BadLogins       int             `json:"bad_logins" doc:"failing logins that settling may cause"`
	BadLoginWindow  compat.Duration `json:"bad_login_window"`
	ChangeOnSession bool            `json:"change_on_session" doc:"change when the last session ends"`
	SessionExpiry   compat.Duration `json:"session_expiry" doc:"change this long after a session"`
	OneSession      bool            `json:"one_session" doc:"one session at a time"`
	Priority        int             `json:"priority" doc:"among policies whose criteria fit, the highest wins; 0 to 255"`
	Criteria        Criteria        `json:"criteria" doc:"credentials that name no policy take it by these"`
	Window          compat.Window   `json:"window" doc:"when automatic changes may begin"`
	VerifyEvery     compat.Duration `json:"verify_every" doc:"log in with the stored secret this often"`
	Revision        uint64          `json:"revision"`
}

// Strength says how passwords are made.
type Strength struct {
	Length  int    `json:"length"`
	Lower   int    `json:"lower"`
	Upper   int    `json:"upper"`
	Digits  int    `json:"digits"`
	Symbols int    `json:"symbols"`
	Set     string `json:"set" doc:"symbols that may be used; empty: !%@#^&*_"`
	Repeat  bool   `json:"repeat" doc:"the same character may occur twice in a row"`
}

// Body is a policy to create or change; what is absent stays, or is as in the default policy.
type Body struct {
	Name            *string          `json:"name"`
	Enabled         *bool            `json:"enabled"`
	Strength        StrengthBody     `json:"strength"`
	MaxAge          *compat.Duration `json:"max_age"`
	ViewExpiry      *compat.Duration `json:"view_expiry"`
	ChangeOnRelease *bool            `json:"change_on_release"`
	ChangeOnTimeout *bool            `json:"change_on_timeout"`
	Exclusive       *bool            `json:"exclusive"`
	CustodyTTL      *compat.Duration `json:"custody_ttl"`
	Attempts        *int             `json:"attempts"`
	RetryInterval   *compat.Duration `json:"retry_interval"`
	BadLogins       *int             `json:"bad_logins"`
	BadLoginWindow  *compat.Duration `json:"bad_login_window"`
	ChangeOnSession *bool            `json:"change_on_session"`
	SessionExpiry   *compat.Duration `json:"session_expiry"`
	OneSession      *bool            `json:"one_session"`
	Priority        *int             `json:"priority"`
	Criteria        *Criteria        `json:"criteria" doc:"replaces all of them"`
	Window          *compat.Window   `json:"window" doc:"replaces it"`
	VerifyEvery     *compat.Duration `json:"verify_every"`
	Revision        uint64           `json:"revision" doc:"refuse if it is not the current one"`
}

// StrengthBody changes how passwords are made.
type StrengthBody struct {
	Length  *int    `json:"length"`
	Lower   *int    `json:"lower"`
	Upper   *int    `json:"upper"`
	Digits  *int    `json:"digits"`
	Symbols *int    `json:"symbols"`
	Set     *string `json:"set"`
	Repeat  *bool   `json:"repeat"`
}

func view(p *model.Policy) View {
	return View{ID: p.ID, Name: p.Name, Enabled: p.Enabled, Strength: Strength(p.Strength), MaxAge: compat.Duration(p.MaxAge), ViewExpiry: compat.Duration(p.ViewExpiry),
		ChangeOnRelease: p.ChangeOnRelease, ChangeOnTimeout: p.ChangeOnTimeout, Exclusive: p.Exclusive, CustodyTTL: compat.Duration(p.CustodyTTL), Attempts: p.Attempts,
		RetryInterval: compat.Duration(p.RetryInterval), BadLogins: p.BadLogins, BadLoginWindow: compat.Duration(p.BadLoginWindow),
		ChangeOnSession: p.ChangeOnSession, SessionExpiry: compat.Duration(p.SessionExpiry), OneSession: p.OneSession,
		Priority: p.Priority, Criteria: criteriaOf(&p.Criteria), Window: compat.WindowOf(&p.Window), VerifyEvery: compat.Duration(p.VerifyEvery), Revision: p.Revision}
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func span(to *int64, from *compat.Duration) {
	if from != nil {
		*to = int64(*from)
	}
}

func (b *Body) apply(p *model.Policy) error {
	set(&p.Name, b.Name)
	set(&p.Enabled, b.Enabled)
	set(&p.Strength.Length, b.Strength.Length)
	set(&p.Strength.Lower, b.Strength.Lower)
	set(&p.Strength.Upper, b.Strength.Upper)
	set(&p.Strength.Digits, b.Strength.Digits)
	set(&p.Strength.Symbols, b.Strength.Symbols)
	set(&p.Strength.Set, b.Strength.Set)
	set(&p.Strength.Repeat, b.Strength.Repeat)
	span(&p.MaxAge, b.MaxAge)
	span(&p.ViewExpiry, b.ViewExpiry)
	set(&p.ChangeOnRelease, b.ChangeOnRelease)
	set(&p.ChangeOnTimeout, b.ChangeOnTimeout)
	set(&p.Exclusive, b.Exclusive)
	span(&p.CustodyTTL, b.CustodyTTL)
	set(&p.Attempts, b.Attempts)
	span(&p.RetryInterval, b.RetryInterval)
	set(&p.BadLogins, b.BadLogins)
	span(&p.BadLoginWindow, b.BadLoginWindow)
	set(&p.ChangeOnSession, b.ChangeOnSession)
	span(&p.SessionExpiry, b.SessionExpiry)
	set(&p.OneSession, b.OneSession)
	set(&p.Priority, b.Priority)
	span(&p.VerifyEvery, b.VerifyEvery)
	if b.Criteria != nil {
		p.Criteria = model.Criteria(*b.Criteria)
	}
	if b.Window == nil {
		return nil
	}
	var err error
	p.Window, err = b.Window.Model()
	return err
}

// Routes offers the resource.
func Routes(s Service) []route.Route {
	m := &management{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = "policy"
		return route.Route{Method: method, Path: "/api/v1/policies" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	return []route.Route{
		add(http.MethodGet, "", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List policies", CSV: true, Returns: route.Listed[View]{}, Fields: route.TableFields}),
		add(http.MethodPost, "", "policy.put", m.create, route.Doc{Needs: route.Writes(model.ModulePAM, model.PolicyWrite), Summary: "Create a policy", Text: "Absent fields are as in the default policy.", Status: http.StatusCreated, Body: Body{}, Returns: View{}}),
		add(http.MethodGet, "/{name}", route.NoEvent, m.get, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show a policy", Returns: View{}}),
		add(http.MethodPut, "/{name}", "policy.put", m.change, route.Doc{Needs: route.Writes(model.ModulePAM, model.PolicyWrite), Summary: "Change a policy", Body: Body{}, Returns: View{}}),
	}
}

type management struct{ s Service }

func (m *management) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	all, err := m.s.Policies(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	page, err := route.Page(r, all, func(p model.Policy) string { return string(p.ID) })
	if err != nil {
		return compat.Reply{}, err
	}
	out := route.Listed[View]{Items: []View{}, Next: page.Next}
	for i := range page.Items {
		out.Items = append(out.Items, view(&page.Items[i]))
	}
	return route.ListReply(r, out, strings.Fields(Columns), View.Row)
}

func (m *management) find(r *route.Request) (model.Policy, error) {
	all, err := m.s.Policies(r.Actor, r.At)
	if err != nil {
		return model.Policy{}, err
	}
	if p := route.Named(all, r.Param("name"), func(p *model.Policy) (string, string) { return string(p.ID), p.Name }); p != nil {
		return *p, nil
	}
	return model.Policy{}, model.Errorf(model.NotFound, "there is no such policy")
}

func (m *management) get(_ context.Context, r *route.Request) (compat.Reply, error) {
	p, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(&p)), nil
}

func (m *management) create(ctx context.Context, r *route.Request) (compat.Reply, error) {
	p := model.DefaultPolicy()
	p.ID, p.Name, p.Revision = "", "", 0
	reply, err := m.put(ctx, r, p)
	reply.Status = http.StatusCreated
	return reply, err
}

func (m *management) change(ctx context.Context, r *route.Request) (compat.Reply, error) {
	p, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	return m.put(ctx, r, p)
}

func (m *management) put(ctx context.Context, r *route.Request, p model.Policy) (compat.Reply, error) {
	var b Body
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if err := b.apply(&p); err != nil {
		return compat.Reply{}, err
	}
	if b.Revision != 0 {
		p.Revision = b.Revision
	}
	p, err := m.s.PutPolicy(ctx, r.Actor, p)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(&p)), nil
}

// Package template is the management resource of templates: their versions, approval and status. A template is code that
// is handed secrets: a new version runs only after somebody else approved it, as soon as two may approve.
package template

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Put adds a version to a template, or creates it.
type Put struct {
	Name     string
	Executor model.ExecutorName
	Kind     model.TemplateKind
	Content  string
	Base     int // newest version that the author saw; 0: not checked
}

// Service is what the resource needs.
type Service interface {
	Templates(actor model.Actor, at model.Time) ([]model.Template, error)
	Put(ctx context.Context, actor model.Actor, p Put) (model.Template, error)
	ApproveTemplate(ctx context.Context, actor model.Actor, id model.TemplateID, version int) (model.Template, error)
	DisapproveTemplate(ctx context.Context, actor model.Actor, id model.TemplateID, version int, note string) (model.Template, error)
	CloneTemplate(ctx context.Context, actor model.Actor, from *model.Template, version int, name string) (model.Template, error)
	// Inspect compiles a text as a version of a template, and counts what runs that.
	Inspect(actor model.Actor, at model.Time, t *model.Template, content string) (model.Compiled, Use, error)
	// ExplainVersion does so too, and tells what the tags would resolve to for a credential, if one is named.
	ExplainVersion(ctx context.Context, actor model.Actor, at model.Time, t *model.Template, content, credential string) (model.Compiled, []TagValue, error)
	DryRun(ctx context.Context, actor model.Actor, t *model.Template, version int, credential string) (id model.OperationID, number uint64, err error)
	Replay(ctx context.Context, actor model.Actor, at model.Time, operation string, attempt int) (Replay, error)
	TemplateLevels(actor model.Actor, at model.Time) (int, error)
	SetTemplateLevels(ctx context.Context, actor model.Actor, levels int) (int, error)
	// Executor finds an executor by name; "" is none.
	Executor(name string) (model.ExecutorName, error)
	SetTemplateStatus(ctx context.Context, actor model.Actor, id model.TemplateID, active bool) (model.Template, error)
	AuthorizationNames(ids ...model.AuthorizationID) map[model.AuthorizationID]string
}

// View is a template with the content in force.
type View struct {
	ID         model.TemplateID      `json:"id"`
	Name       string                `json:"name"`
	Executor   model.ExecutorName    `json:"executor"`
	Kind       model.TemplateKind    `json:"kind"`
	Active     bool                  `json:"active"`
	BuiltIn    bool                  `json:"built_in" doc:"of the shipped catalogue: read-only"`
	Newest     int                   `json:"newest" doc:"number of the newest version"`
	Current    int                   `json:"current" doc:"number of the version in force; 0: none is approved"`
	Review     string                `json:"review" doc:"of the newest version: pending, approved, disapproved, canceled or expired"`
	Changed    compat.Time           `json:"changed_at" doc:"when the newest version was saved"`
	Author     model.AuthorizationID `json:"author,omitempty" doc:"of the newest version"`
	AuthorName string                `json:"author_name,omitempty" doc:"application/authorization"`
	Source     model.TemplateID      `json:"source,omitempty" doc:"the template that it was cloned from"`
	Content    string                `json:"content,omitempty" doc:"of the version in force; not in lists"`
	Revision   uint64                `json:"revision"`
}

// Version is one content of a template.
type Version struct {
	N              int                     `json:"n"`
	Content        string                  `json:"content"`
	Author         model.AuthorizationID   `json:"author,omitempty"`
	AuthorName     string                  `json:"author_name,omitempty" doc:"application/authorization"`
	At             compat.Time             `json:"at"`
	Approved       bool                    `json:"approved"`
	ApprovedBy     model.AuthorizationID   `json:"approved_by,omitempty"`
	ApprovedByName string                  `json:"approved_by_name,omitempty"`
	Review         string                  `json:"review" doc:"pending, approved, disapproved, canceled or expired"`
	Approvals      []model.AuthorizationID `json:"approvals"`
	ClosedBy       model.AuthorizationID   `json:"closed_by,omitempty" doc:"who disapproved or cancelled it"`
	ClosedByName   string                  `json:"closed_by_name,omitempty"`
	Note           string                  `json:"note,omitempty" doc:"why"`
}

// Body is a new version.
type Body struct {
	Name     string             `json:"name"`
	Executor model.ExecutorName `json:"executor"`
	Kind     model.TemplateKind `json:"kind" doc:"'Change password' (by default), 'Enable credential', 'Disable credential', 'Create user', 'Delete user', 'Create group', 'Delete group' or 'Secret Management Automation'"`
	Content  string             `json:"content"`
	Base     int                `json:"base" doc:"refuse if this is not the newest version"`
}

// ApproveBody names the version to approve.
type ApproveBody struct {
	Version int `json:"version"`
}

// StatusBody activates or deactivates.
type StatusBody struct {
	Active *bool `json:"active"`
}

func view(t *model.Template, at model.Time) View {
	v := View{ID: t.ID, Name: t.Name, Executor: t.Executor, Kind: t.Kind, Active: t.Active, BuiltIn: t.BuiltIn, Newest: len(t.Versions), Revision: t.Revision}
	if c := t.Current(); c != nil {
		v.Current, v.Content = c.N, c.Content
	}
	if n := t.Version(len(t.Versions)); n != nil {
		v.Review, v.Changed, v.Author = n.Review(at), compat.Time(n.At), n.Author
	}
	v.Source = t.Source
	return v
}

// named is the view with the name of the author.
func (m *management) named(t *model.Template, at model.Time) View {
	v := view(t, at)
	v.AuthorName = m.s.AuthorizationNames(v.Author)[v.Author]
	return v
}

// Routes offers the resource.
func Routes(s Service) []route.Route {
	m := &management{s}
	executor := []route.Field{{Name: "executor", In: "query", Text: "needed when two executors have a template of this name"}}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = "template"
		return route.Route{Method: method, Path: "/api/v1/templates" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	return append([]route.Route{
		add(http.MethodGet, "", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List templates, without contents", CSV: true, Returns: route.Listed[View]{}, Fields: append(listFields, route.TableFields...)}),
		add(http.MethodPost, "", "template.put", m.put, route.Doc{Needs: route.Writes(model.ModulePAM, model.TemplateWrite), Summary: "Add a version of a template, or create it", Text: "The content is compiled by its executor first.", Body: Body{}, Returns: View{}}),
		add(http.MethodGet, "/{name}", route.NoEvent, m.get, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show a template", Text: "Named by id or name.", Returns: View{}, Fields: executor}),
		add(http.MethodGet, "/{name}/versions", route.NoEvent, m.versions, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List the versions of a template", CSV: true, Returns: route.Listed[Version]{}, Fields: append(slices.Clone(executor), route.TableFields[0])}),
		add(http.MethodGet, "/{name}/versions/{version}", route.NoEvent, m.version, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show a version of a template", Returns: Version{}, Fields: executor}),
		add(http.MethodPost, "/{name}/approve", "template.approved", m.approve, route.Doc{Needs: route.Writes(model.ModulePAM, model.TemplateApprove), Summary: "Approve a version", Text: "Its author cannot.", Body: ApproveBody{}, Returns: View{}, Fields: executor}),
		add(http.MethodPut, "/{name}/status", "template.status", m.status, route.Doc{Needs: route.Writes(model.ModulePAM, model.TemplateWrite), Summary: "Activate or deactivate a template", Body: StatusBody{}, Returns: View{}, Fields: executor}),
	}, append(m.reviewRoutes(add, executor), m.debugRoutes(add, executor)...)...)
}

type management struct{ s Service }

func (m *management) all(r *route.Request) ([]model.Template, error) {
	all, err := m.s.Templates(r.Actor, r.At)
	if err != nil {
		return nil, err
	}
	e, err := m.s.Executor(r.Query("executor"))
	return slices.DeleteFunc(all, func(t model.Template) bool { return e != "" && t.Executor != e }), err
}

func (m *management) find(r *route.Request) (*model.Template, error) {
	all, err := m.all(r)
	if err != nil {
		return nil, err
	}
	name := r.Param("name")
	all = slices.DeleteFunc(all, func(t model.Template) bool { return t.Name != name && string(t.ID) != name })
	switch len(all) {
	case 0:
		return nil, model.Errorf(model.NotFound, "there is no such template")
	case 1:
		return &all[0], nil
	}
	return nil, model.Errorf(model.Invalid, "several executors have a template of this name: say which").WithField("executor")
}

var listFields = []route.Field{
	{Name: "executor", In: "query"}, {Name: "kind", In: "query", Text: "execution type"}, {Name: "origin", In: "query", Text: "own or catalogue"},
	{Name: "active", In: "query", Type: "boolean"}, {Name: "review", In: "query", Text: "of the newest version, such as pending"}, {Name: "search", In: "query", Text: "part of the name"},
}

func (m *management) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	all, err := m.all(r)
	if err != nil {
		return compat.Reply{}, err
	}
	if all, err = filter(r, all); err != nil {
		return compat.Reply{}, err
	}
	page, err := route.Page(r, all, func(t model.Template) string { return string(t.ID) })
	if err != nil {
		return compat.Reply{}, err
	}
	out := route.Listed[View]{Items: []View{}, Next: page.Next}
	for i := range page.Items {
		v := m.named(&page.Items[i], r.At)
		v.Content = ""
		out.Items = append(out.Items, v)
	}
	return route.ListReply(r, out, strings.Fields(Columns), View.Row)
}

func (m *management) get(_ context.Context, r *route.Request) (compat.Reply, error) {
	t, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(m.named(t, r.At)), nil
}

func (m *management) versions(_ context.Context, r *route.Request) (compat.Reply, error) {
	t, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	out := route.Listed[Version]{Items: []Version{}}
	for i := range t.Versions {
		out.Items = append(out.Items, m.versionView(&t.Versions[i], r.At))
	}
	return route.ListReply(r, out, strings.Fields(historyColumns), Version.row)
}

func (m *management) versionView(v *model.TemplateVersion, at model.Time) Version {
	names := m.s.AuthorizationNames(v.Author, v.ApprovedBy, v.ClosedBy)
	return Version{N: v.N, Content: v.Content, Author: v.Author, AuthorName: names[v.Author], At: compat.Time(v.At), Approved: v.Approved, ApprovedBy: v.ApprovedBy, ApprovedByName: names[v.ApprovedBy],
		Review: v.Review(at), Approvals: approvals(v), ClosedBy: v.ClosedBy, ClosedByName: names[v.ClosedBy], Note: v.Note}
}

func (m *management) version(_ context.Context, r *route.Request) (compat.Reply, error) {
	t, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	n, err := strconv.Atoi(r.Param("version"))
	v := t.Version(n)
	if err != nil || v == nil {
		return compat.Reply{}, model.Errorf(model.NotFound, "the template has no such version: its newest is %d", len(t.Versions))
	}
	return compat.JSON(m.versionView(v, r.At)), nil
}

func (m *management) put(ctx context.Context, r *route.Request) (compat.Reply, error) {
	b := Body{Kind: model.TemplateChange}
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if !slices.Contains(model.TemplateKinds, b.Kind) {
		return compat.Reply{}, unknownKind()
	}
	t, err := m.s.Put(ctx, r.Actor, Put(b))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(m.named(&t, r.At)), nil
}

func (m *management) approve(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b ApproveBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	t, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	done, err := m.s.ApproveTemplate(ctx, r.Actor, t.ID, b.Version)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(m.named(&done, r.At)), nil
}

func (m *management) status(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b StatusBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if b.Active == nil {
		return compat.Reply{}, model.Errorf(model.Invalid, "active is missing").WithField("active")
	}
	t, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	done, err := m.s.SetTemplateStatus(ctx, r.Actor, t.ID, *b.Active)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(m.named(&done, r.At)), nil
}

func unknownKind() error {
	return model.Errorf(model.Invalid, "a kind is one of %q", model.TemplateKinds).WithField("kind")
}

// filter keeps what the query asks for; the executor was looked at before.
func filter(r *route.Request, all []model.Template) ([]model.Template, error) {
	kind, origin, review, search := model.TemplateKind(r.Query("kind")), r.Query("origin"), r.Query("review"), strings.ToLower(r.Query("search"))
	active, err := r.QueryBool("active")
	switch {
	case err != nil:
		return nil, err
	case kind != "" && !slices.Contains(model.TemplateKinds, kind):
		return nil, unknownKind()
	case origin != "" && origin != "own" && origin != "catalogue":
		return nil, model.Errorf(model.Invalid, "an origin is own or catalogue").WithField("origin")
	}
	return slices.DeleteFunc(all, func(t model.Template) bool {
		v := view(&t, r.At)
		return kind != "" && t.Kind != kind || origin != "" && (origin == "catalogue") != t.BuiltIn || r.Query("active") != "" && t.Active != active ||
			review != "" && v.Review != review || !strings.Contains(strings.ToLower(t.Name), search)
	}), nil
}

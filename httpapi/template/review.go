package template

import (
	"context"
	"net/http"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Use is what runs a template.
type Use struct {
	Credentials int `json:"credentials" doc:"whose secret it changes or sets anew, or whose account it opens or closes"`
	Profiles    int `json:"profiles" doc:"of dynamic users that it makes or removes"`
	Executions  int `json:"execution_profiles" doc:"that give it to new credentials"`
	Chains      int `json:"chains" doc:"whose linked members it changes"`
	Automations int `json:"automations" doc:"of secrets of applications"`
}

// Step is one thing that a version does.
type Step struct {
	Line int      `json:"line,omitempty"`
	Does string   `json:"does"`
	Text string   `json:"text,omitempty" doc:"with tags as [#NAME#]"`
	Tags []string `json:"tags"`
}

// Tag is a tag that a version uses.
type Tag struct {
	Name    string `json:"name"`
	Secret  bool   `json:"secret"`
	Meaning string `json:"meaning"`
}

// Difference is how one version became another.
type Difference struct {
	From  int    `json:"from" doc:"0: nothing"`
	To    int    `json:"to"`
	Lines []Line `json:"lines"`
}

// Review is what somebody looks at who approves a version.
type Review struct {
	Difference
	Review     string                  `json:"review" doc:"pending, approved, disapproved, canceled or expired"`
	Author     model.AuthorizationID   `json:"author,omitempty"`
	AuthorName string                  `json:"author_name,omitempty" doc:"application/authorization"`
	Approvals  []model.AuthorizationID `json:"approvals"`
	Levels     int                     `json:"levels" doc:"approvals that it needs"`
	ClosedBy   model.AuthorizationID   `json:"closed_by,omitempty" doc:"who disapproved or cancelled it"`
	ClosedName string                  `json:"closed_by_name,omitempty" doc:"application/authorization"`
	Note       string                  `json:"note,omitempty" doc:"why"`
	Steps      []Step                  `json:"steps"`
	Tags       []Tag                   `json:"tags"`
	Hosts      []string                `json:"hosts" doc:"named in the text"`
	Notices    []string                `json:"notices"`
	Use        Use                     `json:"use"`
}

// CloneBody names the new template.
type CloneBody struct {
	Name    string `json:"name" doc:"by default that of the template and '(copy)'"`
	Version int    `json:"version" doc:"the newest by default"`
}

// DisapproveBody names the version.
type DisapproveBody struct {
	Version int    `json:"version"`
	Note    string `json:"note" doc:"why; at most 512 characters"`
}

// Workflow is the approval workflow of all templates.
type Workflow struct {
	Levels int `json:"levels" doc:"approvals that a version needs, 1 to 3; they count as soon as two may approve"`
}

func (m *management) reviewRoutes(add func(method, path, event string, h route.Handler, d route.Doc) route.Route, executor []route.Field) []route.Route {
	version := append([]route.Field{{Name: "version", In: "query", Type: "integer", Text: "the newest by default"}}, executor...)
	return []route.Route{
		add(http.MethodGet, "/{name}/diff", route.NoEvent, m.diff, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Compare two versions of a template", Returns: Difference{}, Fields: append([]route.Field{
			{Name: "from", In: "query", Type: "integer", Text: "the version before 'to' by default; 0: nothing"}, {Name: "to", In: "query", Type: "integer", Text: "the newest by default"}}, executor...)}),
		add(http.MethodGet, "/{name}/review", route.NoEvent, m.review, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show what approving a version would mean", Text: "The difference to the version in force, the tags, the hosts named, what uses the template.", Returns: Review{}, Fields: version}),
		add(http.MethodPost, "/{name}/clone", "template.put", m.clone, route.Doc{Needs: route.Writes(model.ModulePAM, model.TemplateWrite), Summary: "Make a new template of a version of this one", Status: http.StatusCreated, Body: CloneBody{}, Returns: View{}, Fields: executor}),
		add(http.MethodPost, "/{name}/disapprove", "template.closed", m.disapprove, route.Doc{Needs: route.Writes(model.ModulePAM, model.TemplateApprove), Summary: "Refuse a version, or cancel one's own", Text: "It never comes into force.", Body: DisapproveBody{}, Returns: View{}, Fields: executor}),
		{Method: http.MethodGet, Path: "/api/v1/template-workflow", Auth: route.Authenticated, Dialect: compat.Management, Event: route.NoEvent, Doc: route.Doc{Tag: "template", Needs: route.Reads(model.ModulePAM, ""), Summary: "Show how many approvals a version needs", Returns: Workflow{}}, Handle: m.workflow},
		{Method: http.MethodPut, Path: "/api/v1/template-workflow", Auth: route.Authenticated, Dialect: compat.Management, Event: "template.workflow", Doc: route.Doc{Tag: "template", Needs: route.Writes(model.ModulePAM, model.ClusterAdmin), Summary: "Set how many approvals a version needs", Body: Workflow{}, Returns: Workflow{}}, Handle: m.setWorkflow},
	}
}

// picked finds the version that a query names.
func picked(r *route.Request, t *model.Template, name string, def int) (*model.TemplateVersion, error) {
	n, err := r.QueryNumber(name, uint64(def), 1<<30)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return &model.TemplateVersion{}, nil
	}
	if v := t.Version(int(n)); v != nil {
		return v, nil
	}
	return nil, model.Errorf(model.NotFound, "the template has no such version: its newest is %d", len(t.Versions)).WithField(name)
}

func (m *management) diff(_ context.Context, r *route.Request) (compat.Reply, error) {
	t, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	to, err := picked(r, t, "to", len(t.Versions))
	if err != nil {
		return compat.Reply{}, err
	}
	from, err := picked(r, t, "from", max(0, to.N-1))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(Difference{from.N, to.N, compare(from.Content, to.Content)}), nil
}

func (m *management) review(_ context.Context, r *route.Request) (compat.Reply, error) {
	t, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	v, err := picked(r, t, "version", len(t.Versions))
	if err != nil {
		return compat.Reply{}, err
	}
	c, use, err := m.s.Inspect(r.Actor, r.At, t, v.Content)
	if err != nil {
		return compat.Reply{}, err
	}
	levels, err := m.s.TemplateLevels(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	before := &model.TemplateVersion{}
	if c := t.Current(); c != nil && c.N != v.N {
		before = c
	}
	names := m.s.AuthorizationNames(v.Author, v.ClosedBy)
	return compat.JSON(Review{
		Difference: Difference{before.N, v.N, compare(before.Content, v.Content)}, Review: v.Review(r.At), Author: v.Author, AuthorName: names[v.Author], Approvals: approvals(v), Levels: levels,
		ClosedBy: v.ClosedBy, ClosedName: names[v.ClosedBy], Note: v.Note,
		Steps: steps(c.Steps), Tags: tags(c.Tags), Hosts: append([]string{}, c.Hosts...), Notices: append([]string{}, c.Notices...), Use: use,
	}), nil
}

func approvals(v *model.TemplateVersion) []model.AuthorizationID {
	out := []model.AuthorizationID{}
	for _, a := range v.Approvals {
		out = append(out, a.By)
	}
	return out
}

func steps(all []model.CompiledStep) []Step {
	out := []Step{}
	for _, s := range all {
		out = append(out, Step(s))
	}
	return out
}

func tags(all []model.CompiledTag) []Tag {
	out := []Tag{}
	for _, t := range all {
		out = append(out, Tag(t))
	}
	return out
}

func (m *management) clone(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b CloneBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	t, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	if b.Name == "" {
		b.Name = t.Name + " (copy)"
	}
	made, err := m.s.CloneTemplate(ctx, r.Actor, t, b.Version, b.Name)
	if err != nil {
		return compat.Reply{}, err
	}
	reply := compat.JSON(m.named(&made, r.At))
	reply.Status = http.StatusCreated
	return reply, nil
}

func (m *management) disapprove(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b DisapproveBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	t, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	done, err := m.s.DisapproveTemplate(ctx, r.Actor, t.ID, b.Version, b.Note)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(m.named(&done, r.At)), nil
}

func (m *management) workflow(_ context.Context, r *route.Request) (compat.Reply, error) {
	levels, err := m.s.TemplateLevels(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(Workflow{levels}), nil
}

func (m *management) setWorkflow(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b Workflow
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	levels, err := m.s.SetTemplateLevels(ctx, r.Actor, b.Levels)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(Workflow{levels}), nil
}

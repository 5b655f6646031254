package information

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// View is a piece of information without its content.
type View struct {
	Number     uint64      `json:"number"`
	Identifier string      `json:"identifier"`
	Name       string      `json:"name,omitempty"`
	Type       string      `json:"type,omitempty"`
	Service    string      `json:"service,omitempty"`
	URL        string      `json:"url,omitempty"`
	Tags       []string    `json:"tags"`
	Enabled    bool        `json:"enabled"`
	Version    uint64      `json:"version" doc:"of the content in force"`
	CreatedAt  compat.Time `json:"created_at"`
	Revision   uint64      `json:"revision"`
}

// Columns are the names of the cells in tables, the same in the API's CSV and on a terminal.
const Columns = "NUMBER IDENTIFIER NAME TYPE SERVICE VERSION TAGS"

// Row are the cells.
func (v View) Row() []string {
	return []string{strconv.FormatUint(v.Number, 10), v.Identifier, v.Name, v.Type, v.Service, strconv.FormatUint(v.Version, 10), strings.Join(v.Tags, ",")}
}

// Body creates or changes a piece of information; what is absent stays.
type Body struct {
	Identifier string        `json:"identifier" doc:"of a new one: letters, digits, '-', '_', '.'; not purely numeric; made up if absent"`
	Name       *string       `json:"name"`
	Type       *string       `json:"type"`
	Service    *string       `json:"service"`
	URL        *string       `json:"url"`
	Tags       *[]string     `json:"tags"`
	Content    *secret.Value `json:"content" doc:"text of at most 64 KiB, needed for a new one; it becomes the next version, and the last 8 are kept"`
}

// StatusBody enables or disables.
type StatusBody struct {
	Enabled *bool `json:"enabled"`
}

func view(i *model.Information) View {
	return View{Number: i.Number, Identifier: i.Identifier, Name: i.Name, Type: i.Type, Service: i.Service, URL: i.URL, Tags: append([]string{}, i.Tags...), Enabled: i.Enabled,
		Version: i.LastN, CreatedAt: compat.Time(i.CreatedAt), Revision: i.Revision}
}

type management struct{ s Service }

func managementRoutes(s Service) []route.Route {
	m := &management{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = tag
		return route.Route{Method: method, Path: "/api/v1/information" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	return []route.Route{
		add(http.MethodGet, "", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List protected information, without contents", Text: "The enabled pieces that the caller reaches.", CSV: true, Returns: route.Listed[View]{}, Fields: append([]route.Field{{Name: "tag", In: "query"}}, route.TableFields...)}),
		add(http.MethodPost, "", "information.put", m.create, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Create protected information", Status: http.StatusCreated, Body: Body{}, Returns: View{}}),
		add(http.MethodGet, "/{name}", route.NoEvent, m.get, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show protected information, without its content", Text: "Named by number or identifier.", Returns: View{}}),
		add(http.MethodPut, "/{name}", "information.put", m.change, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Change protected information", Body: Body{}, Returns: View{}}),
		add(http.MethodPut, "/{name}/status", "information.status", m.status, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Enable or disable protected information", Text: "Its contents are kept.", Body: StatusBody{}, Returns: View{}}),
		add(http.MethodGet, "/{name}/content", "information.read", m.read, route.Doc{Needs: route.Reads(model.ModulePAM, model.SecretRead), Summary: "Read protected information", Fields: []route.Field{{Name: "version", In: "query", Type: "integer", Text: "a kept one; absent: the one in force"}},
			Returns: []route.Field{{Name: "identifier"}, {Name: "version", Type: "integer"}, {Name: "content"}}}),
	}
}

func (m *management) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	limit, after, err := r.Cursor()
	if err != nil {
		return compat.Reply{}, err
	}
	all, err := m.s.ListInformation(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	page := route.Listed[View]{Items: []View{}}
	for i := range all { // in the order of their numbers
		v := view(&all[i])
		if v.Number <= after || r.Query("tag") != "" && !has(v.Tags, r.Query("tag")) {
			continue
		}
		if len(page.Items) == limit {
			page.Next = strconv.FormatUint(page.Items[limit-1].Number, 10)
			break
		}
		page.Items = append(page.Items, v)
	}
	return route.ListReply(r, page, strings.Fields(Columns), View.Row)
}

func has(tags []string, tag string) bool {
	for _, t := range tags {
		if strings.EqualFold(t, tag) {
			return true
		}
	}
	return false
}

// find is one that the caller reaches. What is missing is 404 here.
func (m *management) find(ctx context.Context, r *route.Request, name string) (*model.Information, error) {
	i, err := m.s.DescribeInformation(ctx, r.Actor, r.At, name)
	if model.HasCode(err, 1023) {
		return nil, model.Errorf(model.NotFound, "Information not found").WithCode(1023)
	}
	return i, err
}

func (m *management) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	i, err := m.find(ctx, r, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(i)), nil
}

func (m *management) create(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return m.put(ctx, r, func(p *Put) error {
		p.New = true
		return nil
	})
}

func (m *management) change(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return m.put(ctx, r, func(p *Put) error {
		i, err := m.find(ctx, r, r.Param("name"))
		switch {
		case err != nil:
			return err
		case p.Identifier != "" && p.Identifier != i.Identifier:
			return model.Errorf(model.Invalid, "an identifier stays: clients name the information by it").WithField("identifier")
		}
		p.Identifier = i.Identifier
		return nil
	})
}

func (m *management) put(ctx context.Context, r *route.Request, check func(*Put) error) (compat.Reply, error) {
	var b Body
	defer func() {
		if b.Content != nil {
			b.Content.Wipe()
		}
	}()
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	put := Put{Identifier: b.Identifier, Name: b.Name, Type: b.Type, Service: b.Service, URL: b.URL, Tags: b.Tags, Content: b.Content}
	if err := check(&put); err != nil {
		return compat.Reply{}, err
	}
	if b.Content != nil && b.Content.Len() == 0 {
		return compat.Reply{}, model.Errorf(model.Invalid, "a content is not empty").WithField("content")
	}
	i, did, err := m.s.Put(ctx, r.Actor, r.At, put)
	if err != nil {
		return compat.Reply{}, err
	}
	reply := compat.JSON(view(&i))
	if did == model.Created {
		reply.Status = http.StatusCreated
	}
	return reply, nil
}

func (m *management) status(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b StatusBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if b.Enabled == nil {
		return compat.Reply{}, model.Errorf(model.Invalid, "say whether it is enabled").WithField("enabled")
	}
	if _, err := m.find(ctx, r, r.Param("name")); err != nil {
		return compat.Reply{}, err
	}
	i, err := m.s.SetInformationStatus(ctx, r.Actor, r.Param("name"), *b.Enabled)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(&i)), nil
}

func (m *management) read(ctx context.Context, r *route.Request) (compat.Reply, error) {
	version, err := r.QueryNumber("version", 0, 1<<62)
	if err != nil {
		return compat.Reply{}, err
	}
	if _, err := m.find(ctx, r, r.Param("name")); err != nil {
		return compat.Reply{}, err
	}
	i, n, content, err := m.s.ReadInformation(ctx, r.Actor, r.Param("name"), version)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(compat.Object{{Name: "identifier", Value: i.Identifier}, {Name: "version", Value: n}, {Name: "content", Value: compat.Secret{Value: content}}}), nil
}

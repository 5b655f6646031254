// Package information is the resource of protected information: the vendor's routes /iso/pam/info, and its management under
// /api/v1. A content goes through
// here only as secret.Value. Decisions are the service's.
package information

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

const tag = "information"

// Put is a piece of information to create or change; nil leaves a field as it is.
type Put struct {
	New                      bool // one that is there already is refused
	Identifier               string
	Name, Type, Service, URL *string
	Tags                     *[]string
	Content                  *secret.Value
}

// Service is what the resource needs.
type Service interface {
	// DescribeInformation finds one that the caller reaches, without contents.
	DescribeInformation(ctx context.Context, actor model.Actor, at model.Time, name string) (*model.Information, error)
	ListInformation(actor model.Actor, at model.Time) ([]model.Information, error)
	// ReadInformation reads a content, version 0 the one in force; the read is committed first.
	ReadInformation(ctx context.Context, actor model.Actor, name string, version uint64) (*model.Information, uint64, secret.Value, error)
	Put(ctx context.Context, actor model.Actor, at model.Time, p Put) (i model.Information, did model.Effect, err error)
	SetInformationStatus(ctx context.Context, actor model.Actor, name string, enabled bool) (model.Information, error)
}

// Routes offers the resource.
func Routes(s Service) []route.Route {
	v := &vendor{s}
	one := []route.Field{{Name: "info", Type: "object", Text: "beside response and inside it"}}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = tag
		return route.Route{Method: method, Path: "/iso/pam/info" + path, Auth: route.Authenticated, Dialect: compat.Vendor, Event: event, Doc: d, Handle: h}
	}
	return append([]route.Route{
		add(http.MethodGet, "", route.NoEvent, v.list, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List protected information, without contents", Returns: []route.Field{{Name: "infos", Type: "array"}}}),
		add(http.MethodGet, "/{id}", "information.read", v.read, route.Doc{Needs: route.Reads(model.ModulePAM, model.SecretRead), Summary: "Read protected information", Text: "Named by number or identifier.",
			Fields: []route.Field{{Name: "version", In: "query", Type: "integer", Text: "a kept one; absent: the one in force"}}, Returns: one}),
		add(http.MethodPost, "", "information.put", v.put, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Create or change protected information", Status: http.StatusCreated,
			Text: "Found by identifier. A new content becomes its next version; the last 8 are kept. The same content again makes none, for a caller who may read it.", Returns: one, Fields: []route.Field{
				{Name: "content", In: "body", Required: true, Text: "text of at most 64 KiB; needed for a new one"}, {Name: "name", In: "body"},
				{Name: "identifier", In: "body", Text: "letters, digits, '-', '_', '.'; not purely numeric; made up if absent"}, {Name: "type", In: "body"},
				{Name: "service", In: "body"}, {Name: "url", In: "body"}, {Name: "tags", In: "body", Type: "array"},
				{Name: "users_allowed", In: "body", Text: "not kept: tags and filters of authorizations decide who reads it"},
			}}),
		add(http.MethodDelete, "/{id}", "information.status", v.disable, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Disable protected information", Text: "Its contents are kept. Any body is ignored.", Returns: one}),
	}, managementRoutes(s)...)
}

type vendor struct{ s Service }

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func shown(i *model.Information) compat.Object {
	return compat.Object{
		{Name: "id", Value: strconv.FormatUint(i.Number, 10)}, {Name: "identifier", Value: i.Identifier}, {Name: "tag", Value: i.Identifier}, {Name: "name", Value: orNull(i.Name)},
		{Name: "type", Value: orNull(i.Type)}, {Name: "service", Value: orNull(i.Service)}, {Name: "url", Value: orNull(i.URL)}, {Name: "users_allowed", Value: nil},
		{Name: "tags", Value: append([]string{}, i.Tags...)},
	}
}

func (v *vendor) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	all, err := v.s.ListInformation(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	rows := make([]compat.Object, len(all))
	for i := range all {
		rows[i] = shown(&all[i])
	}
	return compat.OK(fmt.Sprintf("%d informations found", len(rows)), compat.Member{Name: "infos", Value: rows}), nil
}

func (v *vendor) read(ctx context.Context, r *route.Request) (compat.Reply, error) {
	version, err := r.QueryNumber("version", 0, 1<<62)
	if err != nil {
		return compat.Reply{}, err
	}
	i, n, content, err := v.s.ReadInformation(ctx, r.Actor, r.Param("id"), version)
	if err != nil {
		return compat.Reply{}, err
	}
	o := append(shown(i), compat.Member{Name: "version", Value: strconv.FormatUint(n, 10)}, compat.Member{Name: "content", Value: compat.Secret{Value: content}})
	return compat.OK(fmt.Sprintf("Information %d", i.Number), compat.Member{Name: "info", Value: o}), nil
}

func (v *vendor) put(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	if err := in.Texts("identifier", "name", "type", "service", "url", "content"); err != nil {
		return compat.Reply{}, err
	}
	p := Put{Identifier: in.Text("identifier"), Name: in.Pointer("name"), Type: in.Pointer("type"), Service: in.Pointer("service"), URL: in.Pointer("url"), Content: in.Secret("content")}
	if p.Content != nil {
		defer p.Content.Wipe()
		if p.Content.Len() == 0 {
			p.Content = nil
		}
	}
	if p.Tags, err = in.List("tags"); err != nil {
		return compat.Reply{}, err
	}
	i, did, err := v.s.Put(ctx, r.Actor, r.At, p)
	if err != nil {
		return compat.Reply{}, err
	}
	message := "Information updated successfully!"
	if did == model.Created {
		message = "Information successfully registered!"
	}
	o := shown(&i)
	if p.Content != nil { // one public client reads back what it sent
		o = append(o, compat.Member{Name: "content", Value: compat.Secret{Value: p.Content.Clone()}})
	}
	reply := compat.Put(message, did, compat.Member{Name: "info", Value: o})
	reply.Detail = compat.Hints(compat.NotKept(in.Said("users_allowed")), compat.When(!i.Enabled, "the information is inactive: PUT /api/v1/information/{name}/status enables it"))
	return reply, nil
}

func (v *vendor) disable(ctx context.Context, r *route.Request) (compat.Reply, error) {
	i, err := v.s.SetInformationStatus(ctx, r.Actor, r.Param("id"), false)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.OK("Information disabled successfully!", compat.Member{Name: "info", Value: shown(&i)}), nil
}

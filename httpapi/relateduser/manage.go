package relateduser

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

// View is a related user.
type View struct {
	Number   uint64 `json:"number"`
	Name     string `json:"name" doc:"of the person"`
	Username string `json:"username" doc:"elsewhere; unique"`
}

// Columns are the names of the cells in tables, the same in the API's CSV and on a terminal.
const Columns = "NUMBER NAME USERNAME"

// Row are the cells.
func (v View) Row() []string { return []string{strconv.FormatUint(v.Number, 10), v.Name, v.Username} }

// Body creates or changes a related user; what is absent stays.
type Body struct {
	Name     *string `json:"name" doc:"of the person"`
	Username *string `json:"username" doc:"elsewhere; unique"`
}

type management struct{ s Service }

func managementRoutes(s Service) []route.Route {
	m := &management{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = "related user"
		return route.Route{Method: method, Path: "/api/v1/related-users" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	return []route.Route{
		add(http.MethodGet, "", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModuleUsers, ""), Summary: "List related users", CSV: true, Returns: route.Listed[View]{}, Fields: route.TableFields}),
		add(http.MethodPost, "", "relateduser.put", m.create, route.Doc{Needs: route.Writes(model.ModuleUsers, ""), Summary: "Create a related user", Status: http.StatusCreated, Body: Body{}, Returns: View{}}),
		add(http.MethodPut, "/{number}", "relateduser.put", m.change, route.Doc{Needs: route.Writes(model.ModuleUsers, ""), Summary: "Change a related user", Body: Body{}, Returns: View{}}),
		add(http.MethodDelete, "/{number}", "relateduser.put", m.remove, route.Doc{Needs: route.Writes(model.ModuleUsers, ""), Summary: "Remove a related user", Returns: View{}}),
	}
}

func view(u model.RelatedUser) View { return View{u.Number, u.Name, u.Username} }

// absent is 404 here, and the vendor's 400 there.
func absent(err error) error {
	if model.HasCode(err, 1005) {
		return model.Errorf(model.NotFound, "Related user not found").WithCode(1005)
	}
	return err
}

func (m *management) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	limit, after, err := r.Cursor()
	if err != nil {
		return compat.Reply{}, err
	}
	all, err := m.s.RelatedUsers(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	all = slices.DeleteFunc(all, func(u model.RelatedUser) bool { return u.Number <= after })
	slices.SortFunc(all, func(a, b model.RelatedUser) int { return int(a.Number) - int(b.Number) })
	page := route.Listed[View]{Items: []View{}}
	for _, u := range all[:min(limit, len(all))] {
		page.Items = append(page.Items, view(u))
	}
	if len(all) > limit {
		page.Next = strconv.FormatUint(all[limit-1].Number, 10)
	}
	return route.ListReply(r, page, strings.Fields(Columns), View.Row)
}

func (m *management) create(ctx context.Context, r *route.Request) (compat.Reply, error) {
	reply, err := m.put(ctx, r, 0)
	reply.Status = http.StatusCreated
	return reply, err
}

func (m *management) change(ctx context.Context, r *route.Request) (compat.Reply, error) {
	n, err := number(r.Param("number"))
	if err != nil {
		return compat.Reply{}, absent(err)
	}
	return m.put(ctx, r, n)
}

func (m *management) put(ctx context.Context, r *route.Request, n uint64) (compat.Reply, error) {
	var b Body
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	u, err := m.s.Put(ctx, r.Actor, n, b.Name, b.Username)
	if err != nil {
		return compat.Reply{}, absent(err)
	}
	return compat.JSON(view(u)), nil
}

func (m *management) remove(ctx context.Context, r *route.Request) (compat.Reply, error) {
	n, err := number(r.Param("number"))
	if err != nil {
		return compat.Reply{}, absent(err)
	}
	u, err := m.s.RemoveRelatedUser(ctx, r.Actor, n)
	if err != nil {
		return compat.Reply{}, absent(err)
	}
	return compat.JSON(view(u)), nil
}

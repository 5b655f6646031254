// Package relateduser is the resource of related users: the vendor's routes /iso/user/related, and its management under
// /api/v1.
package relateduser

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Service is what the resource needs.
type Service interface {
	RelatedUsers(actor model.Actor, at model.Time) ([]model.RelatedUser, error)
	// Put creates one with number 0, else it changes that one; nil leaves a field as it is.
	Put(ctx context.Context, actor model.Actor, number uint64, name, username *string) (model.RelatedUser, error)
	RemoveRelatedUser(ctx context.Context, actor model.Actor, number uint64) (model.RelatedUser, error)
}

// Routes offers the resource.
func Routes(s Service) []route.Route {
	v := &vendor{s}
	fields := []route.Field{{Name: "name", In: "body", Text: "of the person"}, {Name: "username", In: "body", Text: "elsewhere; unique"}}
	withID := append([]route.Field{{Name: "id", In: "body"}}, fields...)
	add := func(method, path, event string, h route.Handler, summary string, status int, fields []route.Field) route.Route {
		needs := route.Writes(model.ModuleUsers, "")
		if method == http.MethodGet {
			needs = route.Reads(model.ModuleUsers, "")
		}
		return route.Route{Method: method, Path: "/iso/user/related" + path, Auth: route.Authenticated, Dialect: compat.Vendor, Event: event, Handle: h,
			Doc: route.Doc{Tag: "related user", Needs: needs, Summary: summary, Status: status, Fields: fields, Returns: []route.Field{{Name: "relatedUsers", Type: "array"}}}}
	}
	return append([]route.Route{
		add(http.MethodGet, "", route.NoEvent, v.list, "List related users", 0, nil),
		add(http.MethodGet, "/{id}", route.NoEvent, v.list, "Show a related user", 0, nil),
		add(http.MethodPost, "", "relateduser.put", v.create, "Create a related user", http.StatusCreated, fields),
		add(http.MethodPut, "", "relateduser.put", v.change, "Change a related user, named in the body", 0, withID),
		add(http.MethodPut, "/{id}", "relateduser.put", v.change, "Change a related user", 0, fields),
		add(http.MethodDelete, "/{id}", "relateduser.put", v.remove, "Remove a related user", 0, nil),
	}, managementRoutes(s)...)
}

type vendor struct{ s Service }

var errUnknown = model.Errorf(model.Invalid, "Related user not found").WithCode(1005)

func number(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 {
		return 0, errUnknown
	}
	return n, nil
}

func answer(message string, users ...model.RelatedUser) compat.Reply {
	rows := make([]compat.Object, len(users))
	for i, u := range users {
		rows[i] = compat.Object{{Name: "id", Value: strconv.FormatUint(u.Number, 10)}, {Name: "name", Value: u.Name}, {Name: "username", Value: u.Username}}
	}
	return compat.OK(message, compat.Member{Name: "relatedUsers", Value: rows})
}

func (v *vendor) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	all, err := v.s.RelatedUsers(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	if id := r.Param("id"); id != "" {
		n, err := number(id)
		if err != nil {
			return compat.Reply{}, err
		}
		all = slices.DeleteFunc(all, func(u model.RelatedUser) bool { return u.Number != n })
		if len(all) == 0 {
			return compat.Reply{}, errUnknown
		}
	}
	slices.SortFunc(all, func(a, b model.RelatedUser) int { return int(a.Number) - int(b.Number) })
	return answer(fmt.Sprintf("%d related users found", len(all)), all...), nil
}

func (v *vendor) create(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	u, err := v.s.Put(ctx, r.Actor, 0, in.Pointer("name"), in.Pointer("username"))
	if err != nil {
		return compat.Reply{}, err
	}
	reply := answer("Related user successfully registered!", u)
	reply.Status = http.StatusCreated
	return reply, nil
}

func (v *vendor) change(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	id := r.Param("id")
	if id == "" {
		if id = in.Text("id"); id == "" {
			return compat.Reply{}, model.Errorf(model.Invalid, "Parameter 'id' was not informed!").WithCode(1001).WithField("id")
		}
	}
	n, err := number(id)
	if err != nil {
		return compat.Reply{}, err
	}
	u, err := v.s.Put(ctx, r.Actor, n, in.Pointer("name"), in.Pointer("username"))
	if err != nil {
		return compat.Reply{}, err
	}
	return answer("Related user updated successfully!", u), nil
}

func (v *vendor) remove(ctx context.Context, r *route.Request) (compat.Reply, error) {
	n, err := number(r.Param("id"))
	if err != nil {
		return compat.Reply{}, err
	}
	u, err := v.s.RemoveRelatedUser(ctx, r.Actor, n)
	if err != nil {
		return compat.Reply{}, err
	}
	return answer("Related user deleted successfully!", u), nil
}

package credential

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// sensitive are fields that a client may ask for by mistake: they are no fields of a reading without secrets.
var sensitive = []string{"credential.password", "credential.content", "credential.secret", "credential.private_key", "credential.passphrase", "credential.secret_key"}

// secondRoutes are the vendor's second version of reads, which never show a secret. The names of the parameters of pages
// are not public there: they are those of management lists.
func secondRoutes(s Service) []route.Route {
	v := &second{s}
	fields := route.Field{Name: "fields", In: "query", Text: "a list with commas of what to show: " + strings.Join(secondFields, ", ")}
	filters := []route.Field{
		{Name: "credential.username", In: "query"}, {Name: "credential.active", In: "query", Type: "boolean"}, {Name: "device_id", In: "query", Type: "integer", Text: "1 to 2147483647"},
		{Name: "device.name", In: "query"}, {Name: "device.domain_name", In: "query"}, {Name: "credential.tags", In: "query", Type: "array", Text: "repeated: all of them; with commas: one of them"},
		{Name: "credential.criticality", In: "query", Text: "low, medium, high or critical"}, {Name: "credential.user_credential_owner", In: "query"},
		{Name: "jit.credential_enabled", In: "query", Type: "boolean"}, {Name: "reconciliation.credential_enabled", In: "query", Type: "boolean"}, fields,
	}
	shown := []route.Field{{Name: "id", Type: "integer"}, {Name: "credential", Type: "object"}, {Name: "device", Type: "object"}, {Name: "jit", Type: "object"}, {Name: "reconciliation", Type: "object"}}
	const text = "Never shows a secret and takes no custody. Every answer has X-Request-Id and X-RateLimit-Limit, -Remaining and -Reset; If-None-Match of an ETag answers 304. " +
		"An unknown or malformed parameter is 422, a sensitive field 403."
	return []route.Route{
		{Method: http.MethodGet, Path: "/api/v2/pam/credentials", Auth: route.Authenticated, Dialect: compat.Second, Event: route.NoEvent, Handle: v.list,
			Doc: route.Doc{Tag: tag, Needs: route.Reads(model.ModulePAM, ""), Summary: "List credentials, second version", Text: text, Fields: append(filters, route.PageFields...), Returns: []route.Field{{Name: "items", Type: "array"}, {Name: "next"}}}},
		{Method: http.MethodGet, Path: "/api/v2/pam/credentials/{id}", Auth: route.Authenticated, Dialect: compat.Second, Event: route.NoEvent, Handle: v.get,
			Doc: route.Doc{Tag: tag, Needs: route.Reads(model.ModulePAM, ""), Summary: "Show a credential, second version", Text: text, Fields: []route.Field{fields}, Returns: shown}},
	}
}

type second struct{ s Service }

func (v *second) list(ctx context.Context, r *route.Request) (compat.Reply, error) {
	f, err := secondFilter(r)
	if err != nil {
		return compat.Reply{}, err
	}
	wanted, err := projection(r)
	if err != nil {
		return compat.Reply{}, err
	}
	limit, err := r.Limit()
	if err != nil {
		return compat.Reply{}, err
	}
	if f.After, err = r.QueryNumber("after", 0, 1<<62); err != nil {
		return compat.Reply{}, err
	}
	f.Limit = limit + 1
	items, err := v.s.List(ctx, r.Actor, r.At, f)
	if err != nil {
		return compat.Reply{}, err
	}
	rows, next := []compat.Object{}, compat.Object{}
	for i := range items {
		if i == limit {
			next = compat.Object{{Name: "next", Value: strconv.FormatUint(items[limit-1].Credential.Number, 10)}}
			break
		}
		rows = append(rows, projected(secondView(&items[i]), "", wanted))
	}
	return compat.JSON(append(compat.Object{{Name: "items", Value: rows}}, next...)), nil
}

func (v *second) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	wanted, err := projection(r)
	if err != nil {
		return compat.Reply{}, err
	}
	item, err := v.s.Describe(ctx, r.Actor, r.At, r.Param("id"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(projected(secondView(item), "", wanted)), nil
}

// secondFilter reads the filters.
func secondFilter(r *route.Request) (f Filter, err error) {
	f.Disabled = true
	e := &f.Exact
	e.Username, e.Hostname, e.Domain, e.Owner = r.Query("credential.username"), r.Query("device.name"), r.Query("device.domain_name"), r.Query("credential.user_credential_owner")
	if e.Device, err = r.QueryNumber("device_id", 0, 1<<31-1); err != nil || e.Device == 0 && r.Query("device_id") != "" {
		return f, model.Errorf(model.Invalid, "device_id is a whole number from 1 to 2147483647").WithField("device_id")
	}
	if e.Active, err = switched(r, "credential.active"); err != nil {
		return f, err
	}
	if e.Criticality = r.Query("credential.criticality"); e.Criticality != "" && !slices.Contains(model.Criticalities, e.Criticality) {
		return f, model.Errorf(model.Invalid, "criticality is one of %s", strings.Join(model.Criticalities, ", ")).WithField("credential.criticality")
	}
	for _, list := range r.Queries("credential.tags") {
		e.Tags = append(e.Tags, strings.Split(list, ","))
	}
	if e.JIT, err = switched(r, "jit.credential_enabled"); err != nil {
		return f, err
	}
	e.Reconciled, err = switched(r, "reconciliation.credential_enabled")
	return f, err
}

// switched reads true or false, and nothing else; nil if it was not sent.
func switched(r *route.Request, name string) (*bool, error) {
	switch s := r.Query(name); s {
	case "":
		return nil, nil
	case "true", "false":
		on := s == "true"
		return &on, nil
	}
	return nil, model.Errorf(model.Invalid, "%s is true or false", name).WithField(name)
}

// secondFields are the names that a projection knows; the name of an object means all of it.
var secondFields = func() []string {
	var names []string
	for _, m := range secondView(&Item{}) {
		names = append(names, m.Name)
		if o, ok := m.Value.(compat.Object); ok {
			for _, inner := range o {
				names = append(names, m.Name+"."+inner.Name)
			}
		}
	}
	return names
}()

// projection reads which fields to show; nil: all.
func projection(r *route.Request) ([]string, error) {
	if r.Query("fields") == "" {
		return nil, nil
	}
	wanted := strings.Split(r.Query("fields"), ",")
	for i := range wanted {
		wanted[i] = strings.TrimSpace(wanted[i])
		switch {
		case slices.Contains(sensitive, wanted[i]):
			return nil, model.Errorf(model.Denied, "a secret is no field of this reading: read it with GET /iso/pam/credential/{id}").WithField("fields")
		case !slices.Contains(secondFields, wanted[i]):
			return nil, model.Errorf(model.Invalid, "fields names an unknown field").WithField("fields")
		}
	}
	return wanted, nil
}

// projected keeps what is wanted, in the order of the whole.
func projected(o compat.Object, prefix string, wanted []string) compat.Object {
	if wanted == nil {
		return o
	}
	out := compat.Object{}
	for _, m := range o {
		name := prefix + m.Name
		if inner, ok := m.Value.(compat.Object); ok && !slices.Contains(wanted, name) {
			if inner = projected(inner, name+".", wanted); len(inner) > 0 {
				out = append(out, compat.Member{Name: m.Name, Value: inner})
			}
			continue
		}
		if slices.Contains(wanted, name) {
			out = append(out, m)
		}
	}
	return out
}

func secondView(i *Item) compat.Object {
	c, d := &i.Credential, &i.Device
	var parent any
	if i.Parent != nil {
		parent = compat.Object{{Name: "id", Value: i.Parent.Number}, {Name: "username", Value: i.Parent.Username}}
	}
	s := settings(c)
	enabled := func(on bool) compat.Object { return compat.Object{{Name: "credential_enabled", Value: on}} }
	return compat.Object{
		{Name: "id", Value: c.Number},
		{Name: "credential", Value: compat.Object{
			{Name: "identifier", Value: c.Identifier}, {Name: "username", Value: c.Username}, {Name: "active", Value: c.Enabled}, {Name: "password_type", Value: c.Type},
			{Name: "parent_credential", Value: parent}, {Name: "tags", Value: tags(c.Tags)}, {Name: "criticality", Value: s.Criticality}, {Name: "user_credential_owner", Value: orNull(s.Owner)},
			{Name: "last_used_at", Value: moment(max(c.LastRead(), c.UsedAt))}, {Name: "additional_information", Value: orNull(c.Additional)}, {Name: "password_policy", Value: orNull(cmp.Or(i.Policy, i.Governed))},
		}},
		{Name: "device", Value: compat.Object{
			{Name: "id", Value: d.Number}, {Name: "name", Value: d.Hostname}, {Name: "ip", Value: orNull(d.IP)}, {Name: "domain_name", Value: orNull(d.Domain)},
			{Name: "type", Value: orNull(d.Type)}, {Name: "vendor", Value: orNull(d.Vendor)}, {Name: "model", Value: orNull(d.Model)}, {Name: "site", Value: orNull(d.Site)},
		}},
		{Name: "jit", Value: enabled(c.JIT != nil)}, {Name: "reconciliation", Value: enabled(c.Execution.Reconcile.Possible())},
	}
}

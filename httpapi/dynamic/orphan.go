package dynamic

import (
	"context"
	"net/http"
	"strconv"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Orphan is an account without an owner.
type Orphan struct {
	Row      model.Orphan
	Profile  string
	Hostname string
	User     model.DynamicUser // as which it is being removed
}

// OrphanSearch is what was found out about a profile on a device.
type OrphanSearch struct {
	Row       model.OrphanSearch
	Profile   string
	Hostname  string
	Operation model.Operation
}

// OrphanView is an account without an owner.
type OrphanView struct {
	Number   uint64      `json:"number"`
	Username string      `json:"username"`
	Hostname string      `json:"hostname"`
	Profile  string      `json:"profile" doc:"whose user names look like this one"`
	State    string      `json:"state" doc:"found; or removing or debt, when somebody asked for its removal"`
	Lease    uint64      `json:"lease,omitempty" doc:"number of the dynamic user as which it is removed"`
	FoundAt  compat.Time `json:"found_at"`
	SeenAt   compat.Time `json:"seen_at" doc:"by the last search that saw it"`
}

// SearchView is the last search for the users of a profile on a device.
type SearchView struct {
	Profile   string      `json:"profile"`
	Hostname  string      `json:"hostname"`
	Operation uint64      `json:"operation,omitempty"`
	State     string      `json:"state,omitempty" doc:"of the operation"`
	Message   string      `json:"message,omitempty"`
	Found     int         `json:"found" doc:"accounts without an owner"`
	Partial   bool        `json:"partial,omitempty" doc:"there are more than one search reports"`
	DoneAt    compat.Time `json:"done_at,omitempty" doc:"when accounts were listed last"`
}

// SearchBody asks for a search.
type SearchBody struct {
	Profile string `json:"profile" doc:"identifier; absent: begin a round over all profiles and devices"`
	Device  string `json:"device" doc:"absent: on all devices that the profile lists"`
}

// PlanBody says how often all targets are searched.
type PlanBody struct {
	Every *compat.Duration `json:"every" doc:"between 1h and 90 days; 0s: never by itself"`
}

// PlanView is when all targets are searched.
type PlanView struct {
	Every  compat.Duration `json:"every" doc:"0s: never by itself"`
	NextAt compat.Time     `json:"next_at,omitempty"`
}

func orphanRoutes(m *management, add func(method, path, event string, h route.Handler, d route.Doc) route.Route) []route.Route {
	search := add(http.MethodPost, "/orphan-searches", "operation.created", m.searchOrphans, route.Doc{Needs: route.Writes(model.ModulePAM, model.RouteWrite), Summary: "Look for accounts without an owner", Body: SearchBody{}, Returns: route.Listed[SearchView]{},
		Fields: []route.Field{{Name: "wait", In: "query", Text: "answer when the searches are over, at the latest after this span such as 30s (60s at most)"}},
		Text:   "Lists the accounts of a target whose names only the profile makes and that no dynamic user owns. Needs route.write and the right to read the credential that logs in. Nothing is removed."})
	search.Waits = MaxWait
	return []route.Route{
		add(http.MethodGet, "/orphans", route.NoEvent, m.orphans, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List accounts without an owner", Returns: route.Listed[OrphanView]{}, Fields: append([]route.Field{
			{Name: "device", In: "query"}, {Name: "profile", In: "query"}}, route.PageFields...)}),
		add(http.MethodDelete, "/orphans/{number}", "orphan.removed", m.removeOrphan, route.Doc{Needs: route.Writes(model.ModulePAM, model.RouteWrite), Summary: "Remove an account without an owner", Returns: LeaseView{},
			Text: "It becomes a dynamic user of the caller that is being removed: retried until the target's own list proves twice, ten minutes apart, that it is gone."}),
		search,
		add(http.MethodGet, "/orphan-searches", route.NoEvent, m.orphanSearches, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List the last searches for accounts without an owner", Returns: route.Listed[SearchView]{}, Fields: route.PageFields}),
		add(http.MethodGet, "/orphan-plan", route.NoEvent, m.orphanPlan, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show when targets are searched for accounts without an owner", Returns: PlanView{}}),
		add(http.MethodPut, "/orphan-plan", "orphan.planned", m.planOrphans, route.Doc{Needs: route.Writes(model.ModulePAM, model.RouteWrite), Summary: "Say how often targets are searched for accounts without an owner", Body: PlanBody{}, Returns: PlanView{},
			Text: "Once a day unless something else is said. Needs route.write and a filter that reaches every credential."}),
	}
}

func (m *management) orphans(ctx context.Context, r *route.Request) (compat.Reply, error) {
	limit, after, err := r.Cursor()
	if err != nil {
		return compat.Reply{}, err
	}
	rows, err := m.s.Orphans(ctx, r.Actor, r.At, Filter{Device: r.Query("device"), Profile: r.Query("profile"), After: after, Limit: limit + 1})
	if err != nil {
		return compat.Reply{}, err
	}
	page := route.Listed[OrphanView]{Items: []OrphanView{}}
	for i := range rows {
		if i == limit {
			page.Next = strconv.FormatUint(page.Items[limit-1].Number, 10)
			break
		}
		page.Items = append(page.Items, orphanView(&rows[i]))
	}
	return compat.JSON(page), nil
}

func orphanView(o *Orphan) OrphanView {
	v := OrphanView{Number: o.Row.Number, Username: o.Row.Username, Hostname: o.Hostname, Profile: o.Profile, State: "found", FoundAt: compat.Time(o.Row.FoundAt), SeenAt: compat.Time(o.Row.SeenAt)}
	if o.User.Live() {
		if v.State, v.Lease = o.User.State.String(), o.User.Number; o.User.Debt() {
			v.State = "debt"
		}
	}
	return v
}

func (m *management) removeOrphan(ctx context.Context, r *route.Request) (compat.Reply, error) {
	n, err := strconv.ParseUint(r.Param("number"), 10, 64)
	if err != nil {
		return compat.Reply{}, model.Errorf(model.Invalid, "an orphan is named by its number").WithField("number")
	}
	name, err := m.s.RemoveOrphan(ctx, r.Actor, n)
	if err != nil {
		return compat.Reply{}, err
	}
	return leaseReply(m.s.Lease(ctx, r.Actor, r.At, name))
}

func searchViews(rows []OrphanSearch) []SearchView {
	out := []SearchView{}
	for i := range rows {
		s, o := &rows[i], &rows[i].Operation
		v := SearchView{Profile: s.Profile, Hostname: s.Hostname, Found: s.Row.Found, Partial: s.Row.Partial, DoneAt: compat.Time(s.Row.DoneAt)}
		if o.Number != 0 {
			v.Operation, v.State, v.Message = o.Number, o.State.String(), o.Message
		}
		out = append(out, v)
	}
	return out
}

func (m *management) searchOrphans(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b SearchBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if b.Profile == "" && b.Device != "" {
		return compat.Reply{}, model.Errorf(model.Invalid, "a device is searched for the users of a profile: say which").WithField("profile")
	}
	wait, err := r.QuerySpan("wait", MaxWait)
	if err != nil {
		return compat.Reply{}, err
	}
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	rows, err := m.s.SearchOrphans(ctx, limited, r.Actor, r.At, b.Profile, b.Device)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(route.Listed[SearchView]{Items: searchViews(rows)}), nil
}

func (m *management) orphanSearches(ctx context.Context, r *route.Request) (compat.Reply, error) {
	rows, _, err := m.s.OrphanSearches(ctx, r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	page, err := route.Page(r, searchViews(rows), func(v SearchView) string { return v.Profile + "@" + v.Hostname })
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(page), nil
}

func planView(p model.OrphanPlan) PlanView {
	return PlanView{Every: compat.Duration(max(0, p.Every)), NextAt: compat.Time(p.NextAt)}
}

func (m *management) orphanPlan(ctx context.Context, r *route.Request) (compat.Reply, error) {
	_, p, err := m.s.OrphanSearches(ctx, r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(planView(p)), nil
}

func (m *management) planOrphans(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b PlanBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if b.Every == nil {
		return compat.Reply{}, model.Errorf(model.Invalid, "every is missing").WithField("every")
	}
	p, err := m.s.ScheduleOrphans(ctx, r.Actor, int64(*b.Every))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(planView(p)), nil
}

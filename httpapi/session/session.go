// Package session is the resource of sessions: the use of a credential by a person, which any proxy reports. The vendor's
// routes list and drop them; their management is under /api/v1.
package session

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// MaxWait bounds how long a request waits for an account to be activated.
const MaxWait = 30 * time.Second

// Item is a session with the names of what it points at.
type Item struct {
	Session    model.Session
	Identifier string // of the credential
	Username   string
	Device     model.Device
}

// Filter narrows a list; sessions are listed by falling number. Before is the last number of the page before; 0: none.
type Filter struct {
	Credential string
	Person     string
	Live       bool // only those that are not over
	Before     uint64
	Limit      int
}

// Start asks for a session.
type Start struct {
	Credential, Person, Source, Protocol, Proxy, Reason, Ticket string
	TTL                                                         int64 // milliseconds; 0: the default
}

// Service is what the resource needs. Sessions are named by number or id.
type Service interface {
	Start(ctx context.Context, actor model.Actor, at model.Time, s Start) (*Item, error)
	End(ctx context.Context, actor model.Actor, at model.Time, name string) (*Item, error)
	Sessions(ctx context.Context, actor model.Actor, at model.Time, f Filter) ([]Item, error)
	// Session waits so long while the account is being activated.
	Session(ctx context.Context, actor model.Actor, at model.Time, name string, wait time.Duration) (*Item, error)
}

// View is a session.
type View struct {
	ID         model.SessionID `json:"id" doc:"40 hexadecimal digits"`
	Number     uint64          `json:"number"`
	Credential string          `json:"credential" doc:"identifier"`
	Username   string          `json:"username"`
	Hostname   string          `json:"hostname"`
	User       string          `json:"user" doc:"the person"`
	Source     string          `json:"source,omitempty"`
	Protocol   string          `json:"protocol,omitempty"`
	Proxy      string          `json:"proxy,omitempty"`
	Reason     string          `json:"reason,omitempty"`
	Ticket     string          `json:"ticket,omitempty"`
	State      string          `json:"state" doc:"opening (the account is being activated), active, ended or failed"`
	StartedAt  compat.Time     `json:"started_at"`
	ActiveAt   compat.Time     `json:"active_at,omitempty"`
	Until      compat.Time     `json:"until" doc:"it is closed then"`
	EndedAt    compat.Time     `json:"ended_at,omitempty"`
	Ended      string          `json:"ended,omitempty" doc:"ended, dropped, timeout, disabled, or why the account could not be activated"`
}

// Body asks for a session.
type Body struct {
	Credential string          `json:"credential" doc:"number, identifier or user@host"`
	User       string          `json:"user" doc:"the person"`
	Source     string          `json:"source" doc:"where the person comes from"`
	Protocol   string          `json:"protocol"`
	Proxy      string          `json:"proxy" doc:"name of the proxy"`
	Reason     string          `json:"reason"`
	Ticket     string          `json:"ticket" doc:"id in the ITSM"`
	TTL        compat.Duration `json:"ttl" doc:"1m to 24h; 8h by default: nobody has to end it"`
	Wait       compat.Duration `json:"wait" doc:"wait so long for the account to be activated; 30s at most"`
}

func view(i *Item) View {
	s := &i.Session
	return View{ID: s.ID, Number: s.Number, Credential: i.Identifier, Username: i.Username, Hostname: i.Device.Hostname, User: s.Person, Source: s.Source, Protocol: s.Protocol, Proxy: s.Proxy, Reason: s.Reason, Ticket: s.Ticket,
		State: s.State.String(), StartedAt: compat.Time(s.StartedAt), ActiveAt: compat.Time(s.ActiveAt), Until: compat.Time(s.Until), EndedAt: compat.Time(s.EndedAt), Ended: s.Ended}
}

// Routes offers the resource.
func Routes(s Service) []route.Route {
	m, v := &management{s}, &vendor{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = "session"
		return route.Route{Method: method, Path: "/api/v1/sessions" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	start := add(http.MethodPost, "", "session.started", m.start, route.Doc{Needs: route.Reads(model.ModulePAM, model.SecretRead), Summary: "Begin a session", Text: "For who may read the secret; it is read by its own route. An account that is opened for sessions is activated first: the session is opening until then.", Status: http.StatusCreated, Body: Body{}, Returns: View{}})
	get := add(http.MethodGet, "/{id}", route.NoEvent, m.get, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Follow a session", Fields: []route.Field{{Name: "wait", In: "query", Text: "wait so long while it is opening, such as 20s"}}, Returns: View{}})
	start.Waits, get.Waits = MaxWait, MaxWait
	shown := []route.Field{{Name: "remote_sessions", Type: "array"}}
	return []route.Route{
		add(http.MethodGet, "", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List sessions, newest first", CSV: true, Returns: route.Listed[View]{}, Fields: append([]route.Field{
			{Name: "credential", In: "query", Text: "number, identifier or user@host"}, {Name: "user", In: "query", Text: "the person"}, {Name: "live", In: "query", Type: "boolean", Text: "only those that are not over"}}, route.TableFields...)}),
		start, get,
		add(http.MethodDelete, "/{id}", "session.ended", m.end, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "End a session", Text: "By who began it, or by who may run operations on its credential. With the last one of a credential the account is inactivated.", Returns: View{}}),
		{Method: http.MethodGet, Path: "/iso/session/remotesessions", Auth: route.Authenticated, Dialect: compat.Vendor, Event: route.NoEvent, Handle: v.list, Doc: route.Doc{Tag: "session", Needs: route.Reads(model.ModulePAM, ""), Summary: "List sessions", Text: "The newest 1000.", Returns: shown}},
		{Method: http.MethodGet, Path: "/iso/session/remotesessions/{id}", Auth: route.Authenticated, Dialect: compat.Vendor, Event: route.NoEvent, Handle: v.list, Doc: route.Doc{Tag: "session", Needs: route.Reads(model.ModulePAM, ""), Summary: "Show a session", Returns: shown}},
		{Method: http.MethodDelete, Path: "/iso/session/drop/{id}", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "session.ended", Handle: v.drop, Doc: route.Doc{Tag: "session", Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Drop a session", Text: "As ending it. The proxy sees at its next look that the session is over."}},
	}
}

type management struct{ s Service }

func (m *management) start(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b Body
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	wait := model.Span(int64(b.Wait))
	if wait < 0 || wait > MaxWait {
		return compat.Reply{}, model.Errorf(model.Invalid, "wait is at most %s", MaxWait).WithField("wait")
	}
	i, err := m.s.Start(ctx, r.Actor, r.At, Start{Credential: b.Credential, Person: b.User, Source: b.Source, Protocol: b.Protocol, Proxy: b.Proxy, Reason: b.Reason, Ticket: b.Ticket, TTL: int64(b.TTL)})
	if err == nil && wait > 0 {
		i, err = m.s.Session(ctx, r.Actor, r.At, string(i.Session.ID), wait)
	}
	if err != nil {
		return compat.Reply{}, err
	}
	reply := compat.JSON(view(i))
	reply.Status = http.StatusCreated
	return reply, nil
}

func (m *management) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	wait, err := r.QuerySpan("wait", MaxWait)
	if err != nil {
		return compat.Reply{}, err
	}
	i, err := m.s.Session(ctx, r.Actor, r.At, r.Param("id"), wait)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(i)), nil
}

func (m *management) end(ctx context.Context, r *route.Request) (compat.Reply, error) {
	i, err := m.s.End(ctx, r.Actor, r.At, r.Param("id"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(i)), nil
}

func (m *management) list(ctx context.Context, r *route.Request) (compat.Reply, error) {
	limit, before, err := r.Cursor()
	if err != nil {
		return compat.Reply{}, err
	}
	live, err := r.QueryBool("live")
	if err != nil {
		return compat.Reply{}, err
	}
	items, err := m.s.Sessions(ctx, r.Actor, r.At, Filter{Credential: r.Query("credential"), Person: r.Query("user"), Live: live, Before: before, Limit: limit + 1})
	if err != nil {
		return compat.Reply{}, err
	}
	page := route.Listed[View]{Items: []View{}}
	for i := range items {
		if i == limit {
			page.Next = strconv.FormatUint(page.Items[limit-1].Number, 10)
			break
		}
		page.Items = append(page.Items, view(&items[i]))
	}
	return route.ListReply(r, page, strings.Fields(Columns), View.Row)
}

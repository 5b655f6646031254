// Package audit is the management resource of the audit trail: its events in order, with their place in the hash chain.
package audit

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// View is one event. The hash chain is SHA-256 over the canonical encoding of each event and its predecessor's hash.
type View struct {
	Seq           uint64            `json:"seq"`
	Position      uint64            `json:"position" doc:"in the replicated log"`
	At            compat.Time       `json:"at"`
	Node          string            `json:"node"`
	Kind          string            `json:"kind"`
	Severity      string            `json:"severity"`
	Title         string            `json:"title"`
	Actor         string            `json:"actor" doc:"client, operator or system"`
	Authorization string            `json:"authorization,omitempty"`
	Who           string            `json:"who,omitempty" doc:"the authorization by its present name, application/authorization; absent if it is deleted"`
	Name          string            `json:"name,omitempty" doc:"operator's login name or part of the system"`
	Source        string            `json:"source,omitempty"`
	Fields        map[string]string `json:"fields"`
	Prev          string            `json:"prev"`
	Hash          string            `json:"hash"`
}

// Filter says which events are wanted. What is zero narrows nothing.
type Filter struct {
	After        uint64 // the event before the first, in the order of the list; 0: from its beginning
	Kind         string
	Since, Until model.Time // at or after the first, before the second
	About        string     // an id, a name, a number or an address that stands in the event, or who did it
	Newest       bool       // newest first
}

// Service lists events.
type Service interface {
	Events(ctx context.Context, actor model.Actor, at model.Time, f Filter, limit int) ([]View, error)
}

// Routes offers the resource.
func Routes(s Service) []route.Route {
	return []route.Route{{
		Method: http.MethodGet, Path: "/api/v1/audit", Auth: route.Authenticated, Dialect: compat.Management, Event: route.NoEvent,
		Doc: route.Doc{Tag: "audit", Needs: route.Reads("", model.AuditRead), Summary: "List audit events, oldest first or newest first", Text: "Needs audit.read. For a signed file that can be verified: /audit/export.", CSV: true, Returns: route.Listed[View]{},
			Fields: append([]route.Field{{Name: "kind", In: "query", Text: "such as credential.read"}, {Name: "since", In: "query", Text: "at or after this time"}, {Name: "until", In: "query", Text: "before this time"},
				{Name: "sort", In: "query", Text: "seq (default) or -seq, newest first"},
				{Name: "about", In: "query", Text: "an id, a name, a number or an address that stands in the event, whole; or the id of the authorization that did it"}}, route.TableFields...)},
		Handle: func(ctx context.Context, r *route.Request) (compat.Reply, error) {
			limit, err := r.Limit()
			if err != nil {
				return compat.Reply{}, err
			}
			f := Filter{Kind: r.Query("kind"), About: r.Query("about")}
			if f.After, err = r.QueryNumber("after", 0, 1<<62); err != nil {
				return compat.Reply{}, err
			}
			for name, to := range map[string]*model.Time{"since": &f.Since, "until": &f.Until} {
				var t compat.Time
				if err := t.UnmarshalText([]byte(r.Query(name))); err != nil {
					return compat.Reply{}, model.Errorf(model.Invalid, "%s: %v", name, err).WithField(name)
				}
				*to = model.Time(t)
			}
			switch sort := r.Query("sort"); sort {
			case "", "seq":
			case "-seq":
				f.Newest = true
			default:
				return compat.Reply{}, model.Errorf(model.Invalid, "sort is seq, or -seq for the newest first").WithField("sort")
			}
			events, err := s.Events(ctx, r.Actor, r.At, f, limit+1)
			if err != nil {
				return compat.Reply{}, err
			}
			page := route.Listed[View]{Items: events}
			if len(events) > limit {
				page.Items, page.Next = events[:limit], strconv.FormatUint(events[limit-1].Seq, 10)
			}
			return route.ListReply(r, page, strings.Fields(Columns), View.Row)
		},
	}}
}

package dashboard

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// SessionFilter narrows the sessions that are counted; empty fields do not. From and Until are when a session began; 0: no bound.
type SessionFilter struct {
	From, Until                model.Time
	Hostname, Username, Person string
}

// sessionKinds are the kinds of sessions that the vendor's routes name: a protocol by the proxy of its own, and other proxies by name.
var sessionKinds = []string{"ssh", "rdp", "sshweb", "rdpweb", "jumpserver", "rdpgate"}

// sessionRoutes are the vendor's dashboards of sessions, one for each kind and one for all.
func sessionRoutes(s Service) []route.Route {
	one := func(name string, kinds []string) route.Route {
		return route.Route{
			Method: http.MethodGet, Path: "/iso/dash/sessions/" + name, Aliases: []string{"/iso/coge/sessoes/" + name}, Auth: route.Authenticated, Dialect: compat.Vendor, Event: route.NoEvent,
			Doc: route.Doc{Tag: "dashboard", Needs: route.Reads(model.ModuleDashboards, ""), Summary: "Count sessions: " + name, Text: "Those that are going on and those that are over, by kind, as texts, of the credentials that the caller reaches. The kind is the name of the proxy, or else the protocol.", Fields: []route.Field{
				{Name: "ativo", In: "query", Type: "boolean", Text: "1: only those that are going on"}, {Name: "data1", In: "query", Text: "that began on this day or later, UTC, such as 2026-01-31"}, {Name: "data2", In: "query", Text: "that began on this day or before"},
				{Name: "hostname", In: "query"}, {Name: "userCredencial", In: "query", Text: "user name of the credential"}, {Name: "username", In: "query", Text: "the person"}},
				Returns: []route.Field{{Name: "sessions", Type: "object", Text: "enabled, historic"}, {Name: "sessoes", Type: "object", Text: "the same: ativas, historico"}}},
			Handle: func(_ context.Context, r *route.Request) (compat.Reply, error) { return countSessions(s, r, kinds) },
		}
	}
	list := []route.Route{one("all", sessionKinds)}
	for _, k := range sessionKinds {
		list = append(list, one(k, []string{k}))
	}
	return list
}

func countSessions(s Service, r *route.Request, kinds []string) (compat.Reply, error) {
	f := SessionFilter{Hostname: r.Query("hostname"), Username: r.Query("userCredencial"), Person: r.Query("username")}
	active, err := r.QueryBool("ativo")
	if err != nil {
		return compat.Reply{}, err
	}
	for _, day := range []struct {
		name string
		to   *model.Time
		plus int
	}{{"data1", &f.From, 0}, {"data2", &f.Until, 1}} {
		text := r.Query(day.name)
		if text == "" {
			continue
		}
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return compat.Reply{}, model.Errorf(model.Invalid, "%s is a day such as 2026-01-31", day.name).WithField(day.name)
		}
		*day.to = model.TimeOf(at.AddDate(0, 0, day.plus))
	}
	live, over, err := s.SessionUse(r.Actor, r.At, f)
	if err != nil {
		return compat.Reply{}, err
	}
	numbers := func(of map[string]int) (o compat.Object) {
		for _, k := range kinds {
			o = append(o, compat.Member{Name: k, Value: strconv.Itoa(of[k])})
		}
		return o
	}
	english, portuguese := compat.Object{{Name: "enabled", Value: numbers(live)}}, compat.Object{{Name: "ativas", Value: numbers(live)}}
	if !active {
		english, portuguese = append(english, compat.Member{Name: "historic", Value: numbers(over)}), append(portuguese, compat.Member{Name: "historico", Value: numbers(over)})
	}
	return compat.OK("Sessions", compat.Member{Name: "sessions", Value: english}, compat.Member{Name: "sessoes", Value: portuguese}), nil
}

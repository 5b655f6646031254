package audit

import (
	"context"
	"net/http"
	"strconv"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Ends are the first and the last line of an export: what stands between them are the lines of events From to Last. The
// last line is signed by the cluster and covers all others, so a client that fetches the events in pages, from any node,
// puts together a file that verifies offline, or finds out.
type Ends struct {
	Header  string `json:"header"`
	Trailer string `json:"trailer"`
	From    uint64 `json:"from"`
	Last    uint64 `json:"last"`
	More    bool   `json:"more" doc:"the trail goes on behind the last event: it is for the next export"`
}

// MaxExport is how many events one export holds: the cluster walks all of them before it signs.
const MaxExport = 200_000

// Exporter is what exports need.
type Exporter interface {
	// Ends checks the chain of events from..last and signs its end; last 0 is the newest.
	Ends(ctx context.Context, actor model.Actor, at model.Time, from, last uint64) (Ends, error)
	// Lines gives the lines of up to limit events after a sequence number, and the number of the last one.
	Lines(ctx context.Context, actor model.Actor, at model.Time, after uint64, limit int) (lines []string, last uint64, err error)
}

// ExportRoutes offers exports of the trail.
func ExportRoutes(x Exporter) []route.Route {
	add := func(path string, h route.Handler, d route.Doc) route.Route {
		d.Tag = "audit"
		return route.Route{Method: http.MethodGet, Path: "/api/v1/audit/export" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: route.NoEvent, Doc: d, Handle: h}
	}
	return []route.Route{
		add("", func(ctx context.Context, r *route.Request) (compat.Reply, error) {
			from, err := r.QueryNumber("from", 1, 1<<62)
			if err != nil {
				return compat.Reply{}, err
			}
			last, err := r.QueryNumber("last", 0, 1<<62)
			if err != nil {
				return compat.Reply{}, err
			}
			ends, err := x.Ends(ctx, r.Actor, r.At, max(1, from), last)
			if err != nil {
				return compat.Reply{}, err
			}
			return compat.JSON(ends), nil
		}, route.Doc{Needs: route.Reads("", model.AuditRead), Summary: "Start an export that verifies offline", Text: "Needs audit.read. Gives the header and the signed end; the lines between them come from /audit/export/lines. `cofre audit export` puts the file together.", Returns: Ends{},
			Fields: []route.Field{{Name: "from", In: "query", Type: "integer", Text: "first event, 1 by default"}, {Name: "last", In: "query", Type: "integer", Text: "last event, the newest by default; 200000 events at most"}}}),
		add("/lines", func(ctx context.Context, r *route.Request) (compat.Reply, error) {
			limit, err := r.Limit()
			if err != nil {
				return compat.Reply{}, err
			}
			after, err := r.QueryNumber("after", 0, 1<<62)
			if err != nil {
				return compat.Reply{}, err
			}
			lines, last, err := x.Lines(ctx, r.Actor, r.At, after, limit)
			if err != nil {
				return compat.Reply{}, err
			}
			page := route.Listed[string]{Items: lines}
			if len(lines) == limit {
				page.Next = strconv.FormatUint(last, 10)
			}
			return compat.JSON(page), nil
		}, route.Doc{Needs: route.Reads("", model.AuditRead), Summary: "List events as the lines of an export", Text: "Needs audit.read.", Returns: route.Listed[string]{}, Fields: route.PageFields}),
	}
}

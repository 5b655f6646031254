// Package dashboard is the management resource of the numbers that dashboards show: how many credentials are managed,
// updated, expired, waiting or failed, by site and by executor, what the operations do, and what they did by day. It counts
// what the caller reaches; nothing of it holds a secret.
package dashboard

import (
	"context"
	"net/http"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Counts are numbers of credentials.
type Counts struct {
	Name       string `json:"name,omitempty"`
	Total      int    `json:"total" doc:"enabled credentials"`
	Managed    int    `json:"managed" doc:"policies may change them"`
	NotManaged int    `json:"not_managed"`
	Updated    int    `json:"updated" doc:"managed, and nothing is to be done"`
	Expired    int    `json:"expired" doc:"managed, and the change is due and not begun"`
	Waiting    int    `json:"waiting" doc:"managed, and an operation waits or is at work"`
	Failed     int    `json:"error" doc:"managed, and no known password logs in, or the last change failed"`
}

// Open are operations that are not final.
type Open struct {
	State    string              `json:"state"`
	Kind     model.OperationKind `json:"kind"`
	Executor model.ExecutorName  `json:"executor"`
	Count    int                 `json:"count"`
}

// Day is what ended on one day, UTC, but for what changes nothing, such as verifications.
type Day struct {
	Date      string `json:"date"`
	Succeeded int    `json:"succeeded"`
	Failed    int    `json:"failed"`
	Cancelled int    `json:"cancelled"`
}

// View is the answer.
type View struct {
	Credentials  Counts      `json:"credentials"`
	Sites        []Counts    `json:"sites"`
	Executors    []Counts    `json:"executors"`
	Operations   []Open      `json:"operations" doc:"that are not final"`
	WaitingSince compat.Time `json:"waiting_since,omitempty" doc:"since when the operation that waits longest could have begun"`
	OutOfSync    int         `json:"out_of_sync" doc:"credentials of which no known password logs in"`
	Debt         int         `json:"debt" doc:"dynamic users whose removal keeps failing"`
	Days         []Day       `json:"days" doc:"what ended, oldest first, without verifications and dry runs"`
}

// Service is what the resource needs.
type Service interface {
	// CredentialUse counts credentials whose change is overdue, and those in custody.
	CredentialUse(actor model.Actor, at model.Time) (expired, using int, err error)
	// SessionUse counts sessions by kind: those that are going on, and those that are over.
	SessionUse(actor model.Actor, at model.Time, f SessionFilter) (live, over map[string]int, err error)
	Summary(ctx context.Context, actor model.Actor, at model.Time, days int) (*View, error)
}

// Routes offers the resource.
func Routes(s Service) []route.Route {
	return append(append(vendorRoutes(s), sessionRoutes(s)...), route.Route{
		Method: http.MethodGet, Path: "/api/v1/dashboards/changes", Auth: route.Authenticated, Dialect: compat.Management, Event: route.NoEvent,
		Doc: route.Doc{Tag: "dashboard", Needs: route.Reads(model.ModulePAM, ""), Summary: "Count credentials and operations", Text: "What the caller reaches. Every credential is read once: meant for a screen that asks every minute, not every second.",
			Fields: []route.Field{{Name: "days", In: "query", Type: "integer", Text: "how many days of finished operations, today included; 30 by default, 90 at most"}}, Returns: View{}},
		Handle: func(ctx context.Context, r *route.Request) (compat.Reply, error) {
			days, err := r.QueryNumber("days", 30, 90)
			if err != nil {
				return compat.Reply{}, err
			}
			v, err := s.Summary(ctx, r.Actor, r.At, int(days))
			if err != nil {
				return compat.Reply{}, err
			}
			return compat.JSON(v), nil
		},
	})
}

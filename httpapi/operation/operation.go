// Package operation is the management resource of operations: ask for a change or a verify of a credential, follow it,
// cancel it, try it again. Nothing it shows holds a secret: transcripts say what a program did, with holes for values.
package operation

import (
	"context"
	"net/http"
	"time"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Described is an operation with its target and attempts.
type Described struct {
	Operation  model.Operation
	Credential model.Credential // without versions
	Device     model.Device
	Attempts   []model.Attempt
	Templates  map[model.TemplateID]string // names
	Requester  string                      // "application/authorization" that asked for it
	Key        string                      // what the list is ordered by
	Captured   map[model.Pos]int           // bytes that the target said, of the attempts of which it is kept
	WaitsFor   string                      // what keeps it from starting, in words
}

// Wish asks for an operation.
type Wish struct {
	Credential string // as people name it
	Kind       model.OperationKind
	Reconcile  bool // a change by the reconciliation account
	Capture    bool // what the target says is kept
	NotBefore  model.Time
}

// Service is what the resource needs.
type Service interface {
	Request(ctx context.Context, actor model.Actor, w Wish) (id model.OperationID, created bool, err error)
	Get(ctx context.Context, actor model.Actor, at model.Time, name string) (*Described, error)
	// Wait returns when the operation is final, or ctx ends.
	Wait(ctx context.Context, actor model.Actor, at model.Time, name string) (*Described, error)
	List(ctx context.Context, actor model.Actor, at model.Time, f Filter) ([]Described, error)
	Cancel(ctx context.Context, actor model.Actor, at model.Time, name string) error
	Retry(ctx context.Context, actor model.Actor, at model.Time, name string) error
	RunNow(ctx context.Context, actor model.Actor, at model.Time, name string) error
	// Capture lets what the target says be kept from the next attempt on, or no longer.
	Capture(ctx context.Context, actor model.Actor, at model.Time, name string, on bool) error
	// ReadCapture reads what the target said in an attempt; 0: the last one of which it is kept. The read is committed first.
	ReadCapture(ctx context.Context, actor model.Actor, at model.Time, name string, attempt int) (Said, error)
	Explain(ctx context.Context, actor model.Actor, at model.Time, credential string) (*Explanation, error)
}

// MaxWait is the longest poll.
const MaxWait = 60 * time.Second

// Routes offers the resource.
func Routes(s Service) []route.Route {
	m := &management{s}
	wait := []route.Field{{Name: "wait", In: "query", Text: "answer when it is final, at the latest after this span such as 30s (60s at most)"}}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = "operation"
		return route.Route{Method: method, Path: "/api/v1/operations" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	get := add(http.MethodGet, "/{id}", route.NoEvent, m.get, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Follow an operation", Text: "With its attempts and their steps.", Fields: wait, Returns: View{}})
	get.Waits = MaxWait
	explain := route.Route{Method: http.MethodGet, Path: "/api/v1/credentials/{name}/explain", Auth: route.Authenticated, Dialect: compat.Management, Event: route.NoEvent, Handle: m.explain,
		Doc: route.Doc{Tag: "operation", Needs: route.Reads(model.ModulePAM, ""), Summary: "Explain a credential", Text: "Which policy holds for it and why, when it changes next, and what holds that back; which execution profile it took, and which would fit.", Returns: Explanation{}}}
	return []route.Route{
		explain,
		add(http.MethodGet, "/{id}/capture", "operation.captured", m.captured, route.Doc{Needs: route.Reads(model.ModulePAM, model.SecretRead), Summary: "Read what a target said in an attempt", Text: "Kept on demand, for a week, without the secrets that the attempt was handed. It is for who may read every secret that the attempt worked with.",
			Fields: []route.Field{{Name: "attempt", In: "query", Type: "integer", Text: "from 1; absent: the last one of which it is kept"}}, Returns: saidFields}),
		add(http.MethodPut, "/{id}/capture", "operation.capture", m.capture(true), route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Keep what the target says from the next attempt on", Text: "Asking needs the right to read every secret that the operation works with. An operation that failed keeps it once it is started again.", Returns: View{}}),
		add(http.MethodDelete, "/{id}/capture", "operation.capture", m.capture(false), route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Keep what the target says no longer, and drop what was kept", Returns: View{}}),
		add(http.MethodPost, "/bulk", "operation.created", m.bulk, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Ask for, run, cancel or retry many operations", Text: "Each is decided for itself; the answer tells what became of each.", Body: BulkBody{}, Returns: Bulk{}}),
		add(http.MethodPost, "/{id}/run", "operation.hurried", m.runNow, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Run an operation that waits now", Text: "Its schedule, a freeze and a stop of the automation do not hold it back any more.", Returns: View{}}),
		add(http.MethodGet, "", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List operations", Text: "The newest first, unless `sort` says otherwise.", CSV: true, Returns: route.Listed[View]{}, Fields: append(filterFields(), route.TableFields...)}),
		add(http.MethodGet, "/attempts", route.NoEvent, m.attempts, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List attempts", Text: "What each attempt came to, of the operations that the parameters choose; `limit` counts operations.", CSV: true, Returns: route.Listed[Tried]{}, Fields: append(filterFields(), route.TableFields...)}),
		add(http.MethodPost, "", "operation.created", m.request, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Ask for an operation", Text: "An open operation that does the same is given instead of a second one.", Status: http.StatusCreated, Body: Body{}, Returns: View{}}),
		get,
		add(http.MethodPost, "/{id}/cancel", "operation.cancelled", m.cancel, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Cancel an operation that waits", Returns: View{}}),
		add(http.MethodPost, "/{id}/retry", "operation.created", m.retry, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Start a failed operation again", Returns: View{}}),
	}
}

type management struct{ s Service }

func (m *management) request(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b Body
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if b.Credential == "" {
		return compat.Reply{}, model.Errorf(model.Invalid, "credential is missing").WithField("credential")
	}
	kind, reconcile := b.Kind, b.Kind == "reconcile"
	switch kind {
	case "", "change", "reconcile":
		kind = model.PasswordChange
	case model.PasswordChange, model.Verify:
	default:
		return compat.Reply{}, model.Errorf(model.Invalid, "kind is change, verify or reconcile").WithField("kind")
	}
	id, created, err := m.s.Request(ctx, r.Actor, Wish{b.Credential, kind, reconcile, b.Capture, model.Time(b.NotBefore)})
	if err != nil {
		return compat.Reply{}, err
	}
	reply, err := m.show(ctx, r, string(id))
	if created {
		reply.Status = http.StatusCreated
	}
	return reply, err
}

func (m *management) show(ctx context.Context, r *route.Request, name string) (compat.Reply, error) {
	d, err := m.s.Get(ctx, r.Actor, r.At, name)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(d)), nil
}

func (m *management) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	wait, err := r.QuerySpan("wait", MaxWait)
	if err != nil {
		return compat.Reply{}, err
	}
	if wait == 0 {
		return m.show(ctx, r, r.Param("id"))
	}
	until, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	d, err := m.s.Wait(until, r.Actor, r.At, r.Param("id"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(d)), nil
}

func (m *management) cancel(ctx context.Context, r *route.Request) (compat.Reply, error) {
	if err := m.s.Cancel(ctx, r.Actor, r.At, r.Param("id")); err != nil {
		return compat.Reply{}, err
	}
	return m.show(ctx, r, r.Param("id"))
}

func (m *management) retry(ctx context.Context, r *route.Request) (compat.Reply, error) {
	if err := m.s.Retry(ctx, r.Actor, r.At, r.Param("id")); err != nil {
		return compat.Reply{}, err
	}
	return m.show(ctx, r, r.Param("id"))
}

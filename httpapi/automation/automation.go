// Package automation is the management resource of what the system starts by itself: its bounds, the freezes in which it
// starts no change, and its brakes.
package automation

import (
	"context"
	"net/http"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Service is what the resource needs.
type Service interface {
	Automation(actor model.Actor, at model.Time) (*Now, error)
	PutAutomation(ctx context.Context, actor model.Actor, s model.AutomationSettings, revision uint64) error
	Freeze(ctx context.Context, actor model.Actor, name string, from, until model.Time) error
	Thaw(ctx context.Context, actor model.Actor, name string) error
	Stop(ctx context.Context, actor model.Actor) error
	Resume(ctx context.Context, actor model.Actor) error
}

// Now is the automation with what its bounds are measured against.
type Now struct {
	model.Automation
	Due         int        // automatic changes that are due
	ClosedUntil model.Time // when the execution hours begin; 0: it is not outside of them
	Credentials uint64     // that were ever registered
}

// View is the automation as it is now.
type View struct {
	State       string       `json:"state" doc:"running, closed, frozen, braked or stopped"`
	Reason      string       `json:"reason,omitempty" doc:"why it is stopped"`
	Stopped     compat.Time  `json:"stopped,omitempty"`
	FrozenUntil compat.Time  `json:"frozen_until,omitempty"`
	ClosedUntil compat.Time  `json:"closed_until,omitempty" doc:"when the execution hours begin"`
	Due         int          `json:"due" doc:"automatic changes that are due now"`
	Started     int          `json:"started" doc:"changes that triggers started in this hour"`
	Left        int          `json:"left" doc:"changes that triggers may still start in this hour; -1: no bound"`
	Cycle       int          `json:"cycle" doc:"changes that triggers started in this minute"`
	Failed      int          `json:"failed" doc:"automatic changes that failed in a row"`
	Freezes     []FreezeView `json:"freezes"`
	Settings    Settings     `json:"settings"`
	Revision    uint64       `json:"revision"`
}

// FreezeView is a span without automatic changes.
type FreezeView struct {
	Name  string      `json:"name"`
	From  compat.Time `json:"from"`
	Until compat.Time `json:"until"`
}

// Settings are the bounds.
type Settings struct {
	Share         int             `json:"share" doc:"at most this percentage of all credentials is changed by triggers in an hour; 100: no bound"`
	Least         int             `json:"least" doc:"but always so many"`
	Failures      int             `json:"failures" doc:"so many automatic changes that fail in a row stop the automation; 0: never"`
	Lanes         int             `json:"lanes" doc:"operations on one device at once, unless it has a limit of its own"`
	Executors     []Limit         `json:"executors" doc:"operations of an executor at once, in the cluster"`
	ErrorInterval compat.Duration `json:"error_interval" doc:"after a change that failed for good triggers leave the credential alone so long; 24h to 168h"`

	Attempts       int             `json:"attempts" doc:"number of change attempts: tries per operation, unless the policy says; 1 to 10"`
	RetryInterval  compat.Duration `json:"retry_interval" doc:"interval between attempts: first pause between tries, unless the policy says; it doubles up to an hour; 0s to 24h"`
	ConnectTimeout compat.Duration `json:"connect_timeout" doc:"connection timeout, 1s to 300s; 0s: that of each executor. What a template says goes before it"`
	ReadTimeout    compat.Duration `json:"read_timeout" doc:"readout timeout, the longest wait for an answer of the target: 1s to 300s; 0s: that of each executor. What a template says goes before it"`
	Records        int             `json:"records" doc:"total records per cycle: triggers start at most so many changes in a minute, and the rest in the next ones; 1 to 10000"`
	Window         compat.Window   `json:"window" doc:"execution hours, outside of which nothing starts that nobody asked for"`
}

// Limit bounds an executor.
type Limit struct {
	Executor model.ExecutorName `json:"executor"`
	Limit    int                `json:"limit"`
}

// Body changes settings; what is absent stays.
type Body struct {
	Share         *int             `json:"share"`
	Least         *int             `json:"least"`
	Failures      *int             `json:"failures"`
	Lanes         *int             `json:"lanes"`
	Executors     *[]Limit         `json:"executors" doc:"replaces all of them"`
	ErrorInterval *compat.Duration `json:"error_interval" doc:"24h to 168h"`

	Attempts       *int             `json:"attempts" doc:"1 to 10"`
	RetryInterval  *compat.Duration `json:"retry_interval" doc:"0s to 24h"`
	ConnectTimeout *compat.Duration `json:"connect_timeout" doc:"1s to 300s; 0s: that of each executor"`
	ReadTimeout    *compat.Duration `json:"read_timeout" doc:"1s to 300s; 0s: that of each executor"`
	Records        *int             `json:"records" doc:"1 to 10000"`
	Window         *compat.Window   `json:"window" doc:"replaces the execution hours"`

	Revision uint64 `json:"revision" doc:"refuse if it is not the current one"`
}

// FreezeBody plans a freeze.
type FreezeBody struct {
	Name  string      `json:"name"`
	From  compat.Time `json:"from" doc:"absent: now"`
	Until compat.Time `json:"until" doc:"within a year"`
}

// Routes offers the resource.
func Routes(s Service) []route.Route {
	m := &management{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag, d.Returns = "automation", View{}
		return route.Route{Method: method, Path: "/api/v1/automation" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	return []route.Route{
		add(http.MethodGet, "", route.NoEvent, m.show, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show what the system starts by itself, and what holds it back"}),
		add(http.MethodPut, "", "automation.put", m.put, route.Doc{Needs: route.Writes(model.ModulePAM, model.PolicyWrite), Summary: "Change the bounds", Body: Body{}}),
		add(http.MethodPost, "/freezes", "automation.frozen", m.freeze, route.Doc{Needs: route.Writes(model.ModulePAM, model.PolicyWrite), Summary: "Plan a span without automatic changes", Text: "What people ask for still runs, and so does what settles a change that was begun.", Body: FreezeBody{}}),
		add(http.MethodDelete, "/freezes/{name}", "automation.thawed", m.thaw, route.Doc{Needs: route.Writes(model.ModulePAM, model.PolicyWrite), Summary: "Remove such a span", Text: "What it held back begins within seconds."}),
		add(http.MethodPost, "/stop", "automation.stopped", m.stop, route.Doc{Needs: route.Writes(model.ModulePAM, model.PolicyWrite), Summary: "Start no change and no verification any more"}),
		add(http.MethodPost, "/resume", "automation.resumed", m.resume, route.Doc{Needs: route.Writes(model.ModulePAM, model.PolicyWrite), Summary: "Go on, with a new bound for this hour", Text: "due in the answer of GET says how many changes begin."}),
	}
}

type management struct{ s Service }

func (m *management) show(_ context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.s.Automation(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(ViewOf(a, r.At)), nil
}

func (m *management) after(ctx context.Context, r *route.Request, err error) (compat.Reply, error) {
	if err != nil {
		return compat.Reply{}, err
	}
	return m.show(ctx, r)
}

func (m *management) put(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b Body
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	a, err := m.s.Automation(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	s := a.Settings
	for _, f := range []struct{ to, from *int }{{&s.Share, b.Share}, {&s.Least, b.Least}, {&s.Failures, b.Failures}, {&s.Lanes, b.Lanes}, {&s.Attempts, b.Attempts}, {&s.Records, b.Records}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	for _, f := range []struct {
		to   *int64
		from *compat.Duration
	}{{&s.ErrorInterval, b.ErrorInterval}, {&s.RetryInterval, b.RetryInterval}, {&s.ConnectTimeout, b.ConnectTimeout}, {&s.ReadTimeout, b.ReadTimeout}} {
		if f.from != nil {
			*f.to = int64(*f.from)
		}
	}
	if b.Window != nil {
		if s.Window, err = b.Window.Model(); err != nil {
			return compat.Reply{}, err
		}
	}
	if b.Executors != nil {
		s.Executors = nil
		for _, l := range *b.Executors {
			s.Executors = append(s.Executors, model.ExecutorLimit(l))
		}
	}
	revision := b.Revision
	if revision == 0 {
		revision = a.Revision
	}
	return m.after(ctx, r, m.s.PutAutomation(ctx, r.Actor, s, revision))
}

func (m *management) freeze(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b FreezeBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if err := m.s.Freeze(ctx, r.Actor, b.Name, model.Time(b.From), model.Time(b.Until)); err != nil {
		return compat.Reply{}, err
	}
	a, err := m.s.Automation(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	at := r.At
	for _, f := range a.Freezes { // one that begins at once begins when it was committed, which is after the request came
		if f.Name == b.Name && model.Time(b.From) <= r.At {
			at = max(at, f.From)
		}
	}
	return compat.JSON(ViewOf(a, at)), nil
}

func (m *management) thaw(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return m.after(ctx, r, m.s.Thaw(ctx, r.Actor, r.Param("name")))
}

func (m *management) stop(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return m.after(ctx, r, m.s.Stop(ctx, r.Actor))
}

func (m *management) resume(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return m.after(ctx, r, m.s.Resume(ctx, r.Actor))
}

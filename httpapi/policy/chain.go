package policy

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// MaxWait bounds how long a request waits for the end of a run.
const MaxWait = 30 * time.Second

// Chain is a chained exchange with the names of what it points at, by id, and the number of the run at work; 0: none.
type Chain struct {
	Chain   model.Chain
	Names   map[string]string
	Running uint64
}

// Run is a run of a chain with the names of its credentials, and its operations, by id.
type Run struct {
	Run        model.ChainRun
	Chain      string
	Names      map[string]string
	Operations map[model.OperationID]model.Operation
}

// ChainService is what the resource of chains needs. Names stand for chains, by name or id.
type ChainService interface {
	Chains(actor model.Actor, at model.Time) ([]Chain, error)
	Chain(ctx context.Context, actor model.Actor, at model.Time, name string) (*Chain, error)
	// PutChain creates the chain with an empty name, else changes that one.
	PutChain(ctx context.Context, actor model.Actor, at model.Time, name string, b *ChainBody) (*Chain, error)
	RemoveChain(ctx context.Context, actor model.Actor, at model.Time, name string) error
	RunChain(ctx context.Context, actor model.Actor, at model.Time, name string) (*Run, error)
	ChainRuns(ctx context.Context, actor model.Actor, at model.Time, name string, before uint64, limit int) ([]Run, error)
	// ChainRun waits so long for the end of the run.
	ChainRun(ctx context.Context, actor model.Actor, at model.Time, name string, number uint64, wait time.Duration) (*Run, error)
	Pools(actor model.Actor, at model.Time) ([]Pool, error)
	Pool(ctx context.Context, actor model.Actor, at model.Time, name string) (*Pool, error)
	// PutPool creates the pool with an empty name, else changes that one.
	PutPool(ctx context.Context, actor model.Actor, at model.Time, name string, b *PoolBody) (*Pool, error)
	RemovePool(ctx context.Context, actor model.Actor, at model.Time, name string) error
}

// ChainView is a chained exchange.
type ChainView struct {
	ID        model.ChainID   `json:"id"`
	Name      string          `json:"name"`
	Enabled   bool            `json:"enabled"`
	Policy    string          `json:"policy" doc:"whose strength the common password has"`
	Script    string          `json:"script"`
	CheckConn bool            `json:"check_conn" doc:"every target is reached first"`
	Rollback  bool            `json:"rollback" doc:"all are restored if one change failed"`
	Linked    string          `json:"linked_template,omitempty"`
	Members   []MemberView    `json:"members"`
	Automatic bool            `json:"automatic"`
	Window    compat.Window   `json:"window"`
	Every     compat.Duration `json:"every" doc:"between the starts of two runs, at least"`
	Started   bool            `json:"started" doc:"a run that somebody asked for has succeeded with this script: automatic ones may follow"`
	Running   uint64          `json:"running,omitempty" doc:"number of the run at work"`
	LastRunAt compat.Time     `json:"last_run_at,omitempty"`
	NextAt    compat.Time     `json:"next_at,omitempty" doc:"when the next run may begin by itself, within the window"`
	Revision  uint64          `json:"revision"`
}

// MemberView is a credential or a pool of a chain.
type MemberView struct {
	Credential string `json:"credential,omitempty"`
	Pool       string `json:"pool,omitempty"`
	Linked     bool   `json:"linked,omitempty"`
}

// ChainBody is a chain to create or change; what is absent stays.
type ChainBody struct {
	Name      *string          `json:"name"`
	Enabled   *bool            `json:"enabled" doc:"true by default"`
	Policy    *string          `json:"policy" doc:"name of a policy; empty: the default one"`
	Script    *string          `json:"script" doc:"one command in a line: check_conn, rollback, linked_tpl TEMPLATE, change cred ID [linked], change pool ID [linked]; # begins a comment"`
	Automatic *bool            `json:"automatic" doc:"runs begin by themselves once one by hand has succeeded"`
	Window    *compat.Window   `json:"window" doc:"when they may begin"`
	Every     *compat.Duration `json:"every" doc:"1h to 366 days"`
	Revision  uint64           `json:"revision" doc:"refuse if it is not the current one"`
}

// Apply puts what was sent into a chain, but for the policy's name.
func (b *ChainBody) Apply(c *model.Chain) (err error) {
	set(&c.Name, b.Name)
	set(&c.Enabled, b.Enabled)
	set(&c.Script, b.Script)
	set(&c.Automatic, b.Automatic)
	span(&c.Every, b.Every)
	if b.Revision != 0 {
		c.Revision = b.Revision
	}
	if b.Window != nil {
		c.Window, err = b.Window.Model()
	}
	return err
}

// RunView is a run of a chain.
type RunView struct {
	Number    uint64          `json:"number"`
	Chain     string          `json:"chain"`
	State     string          `json:"state" doc:"checking, changing, rolling_back, succeeded, aborted (a target could not be reached: nothing was changed), rolled_back, failed (the others have the new password) or broken (not every member could be restored)"`
	Trigger   string          `json:"trigger" doc:"request or schedule"`
	Requester string          `json:"requester,omitempty" doc:"id of the authorization"`
	Members   []RunMemberView `json:"members"`
	StartedAt compat.Time     `json:"started_at"`
	EndedAt   compat.Time     `json:"ended_at,omitempty"`
}

// RunMemberView is a credential in a run, with the numbers of its operations.
type RunMemberView struct {
	Credential string `json:"credential"`
	Result     string `json:"result,omitempty" doc:"reached, unreachable, changed, unchanged, out_of_sync, restored or not_restored; absent: nothing yet"`
	Check      uint64 `json:"check,omitempty"`
	Change     uint64 `json:"change,omitempty"`
	Restore    uint64 `json:"restore,omitempty"`
	Message    string `json:"message,omitempty" doc:"of the newest of them"`
}

func chainView(c *Chain) ChainView {
	r := &c.Chain
	v := ChainView{ID: r.ID, Name: r.Name, Enabled: r.Enabled, Policy: "default", Script: r.Script, CheckConn: r.Orders.CheckConn, Rollback: r.Orders.Rollback, Linked: c.Names[string(r.Orders.Linked)], Members: []MemberView{},
		Automatic: r.Automatic, Window: compat.WindowOf(&r.Window), Every: compat.Duration(r.Every), Started: r.Started, Running: c.Running, LastRunAt: compat.Time(r.LastRunAt), NextAt: compat.Time(r.NextAt), Revision: r.Revision}
	if r.Policy != "" {
		v.Policy = c.Names[string(r.Policy)]
	}
	for _, m := range r.Orders.Members {
		v.Members = append(v.Members, MemberView{Credential: c.Names[string(m.Credential)], Pool: c.Names[string(m.Pool)], Linked: m.Linked})
	}
	return v
}

func runView(r *Run) RunView {
	v := RunView{Number: r.Run.Number, Chain: r.Chain, State: string(r.Run.State), Trigger: r.Run.Trigger, Requester: string(r.Run.Requester), Members: []RunMemberView{}, StartedAt: compat.Time(r.Run.StartedAt), EndedAt: compat.Time(r.Run.EndedAt)}
	for _, m := range r.Run.Members {
		one := RunMemberView{Credential: r.Names[string(m.Credential)], Result: string(m.Result)}
		for _, of := range []struct {
			id model.OperationID
			n  *uint64
		}{{m.Check, &one.Check}, {m.Change, &one.Change}, {m.Restore, &one.Restore}} {
			if o, ok := r.Operations[of.id]; ok {
				*of.n, one.Message = o.Number, o.Message
			}
		}
		v.Members = append(v.Members, one)
	}
	return v
}

// ChainRoutes offers the resources of chains and pools.
func ChainRoutes(s ChainService) []route.Route {
	m := &chains{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = "chain"
		return route.Route{Method: method, Path: "/api/v1" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	rights := "For who may run operations on every credential of it, and read its secret."
	run := add(http.MethodGet, "/chains/{name}/runs/{number}", route.NoEvent, m.run, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Follow a run", Fields: []route.Field{{Name: "wait", In: "query", Text: "wait so long for its end, such as 20s"}}, Returns: RunView{}})
	run.Waits = MaxWait
	return []route.Route{
		add(http.MethodGet, "/chains", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List chained exchanges", Text: "Those of which the caller reaches every credential.", Returns: route.Listed[ChainView]{}, Fields: route.PageFields}),
		add(http.MethodPost, "/chains", "chain.put", m.put, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Create a chained exchange", Text: "A run gives several credentials the same new password. " + rights, Status: http.StatusCreated, Body: ChainBody{}, Returns: ChainView{}}),
		add(http.MethodGet, "/chains/{name}", route.NoEvent, m.get, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show a chained exchange", Returns: ChainView{}}),
		add(http.MethodPut, "/chains/{name}", "chain.put", m.put, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Change a chained exchange", Text: rights, Body: ChainBody{}, Returns: ChainView{}}),
		add(http.MethodDelete, "/chains/{name}", "chain.put", m.remove, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Delete a chained exchange", Text: "Its credentials stay as they are."}),
		add(http.MethodPost, "/chains/{name}/runs", "chain.started", m.start, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Begin a run", Text: rights, Status: http.StatusCreated, Returns: RunView{}}),
		add(http.MethodGet, "/chains/{name}/runs", route.NoEvent, m.runs, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List the runs of a chained exchange, newest first", Returns: route.Listed[RunView]{}, Fields: route.PageFields}),
		run,
		add(http.MethodGet, "/pools", route.NoEvent, m.pools, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List pools of credentials", Returns: route.Listed[PoolView]{}, Fields: route.PageFields}),
		add(http.MethodPost, "/pools", "pool.put", m.putPool, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Create a pool", Text: rights, Status: http.StatusCreated, Body: PoolBody{}, Returns: PoolView{}}),
		add(http.MethodGet, "/pools/{name}", route.NoEvent, m.pool, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show a pool", Returns: PoolView{}}),
		add(http.MethodPut, "/pools/{name}", "pool.put", m.putPool, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Change a pool", Text: "For who may run operations on all credentials of the chains that name it, and read their secrets: they will share a password.", Body: PoolBody{}, Returns: PoolView{}}),
		add(http.MethodDelete, "/pools/{name}", "pool.put", m.removePool, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Delete a pool that no chain names"}),
	}
}

type chains struct{ s ChainService }

func (m *chains) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	all, err := m.s.Chains(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	page, err := route.Page(r, all, func(c Chain) string { return string(c.Chain.ID) })
	if err != nil {
		return compat.Reply{}, err
	}
	out := route.Listed[ChainView]{Items: []ChainView{}, Next: page.Next}
	for i := range page.Items {
		out.Items = append(out.Items, chainView(&page.Items[i]))
	}
	return compat.JSON(out), nil
}

func (m *chains) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	c, err := m.s.Chain(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(chainView(c)), nil
}

func (m *chains) put(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b ChainBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	c, err := m.s.PutChain(ctx, r.Actor, r.At, r.Param("name"), &b)
	if err != nil {
		return compat.Reply{}, err
	}
	return made(r, compat.JSON(chainView(c))), nil
}

// made says that something was created, where no name stands in the path.
func made(r *route.Request, reply compat.Reply) compat.Reply {
	if r.Param("name") == "" {
		reply.Status = http.StatusCreated
	}
	return reply
}

func (m *chains) remove(ctx context.Context, r *route.Request) (compat.Reply, error) {
	if err := m.s.RemoveChain(ctx, r.Actor, r.At, r.Param("name")); err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(struct{}{}), nil
}

func (m *chains) start(ctx context.Context, r *route.Request) (compat.Reply, error) {
	run, err := m.s.RunChain(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	reply := compat.JSON(runView(run))
	reply.Status = http.StatusCreated
	return reply, nil
}

func (m *chains) runs(ctx context.Context, r *route.Request) (compat.Reply, error) {
	limit, before, err := r.Cursor()
	if err != nil {
		return compat.Reply{}, err
	}
	all, err := m.s.ChainRuns(ctx, r.Actor, r.At, r.Param("name"), before, limit+1)
	if err != nil {
		return compat.Reply{}, err
	}
	page := route.Listed[RunView]{Items: []RunView{}}
	for i := range all {
		if i == limit {
			page.Next = strconv.FormatUint(page.Items[limit-1].Number, 10)
			break
		}
		page.Items = append(page.Items, runView(&all[i]))
	}
	return compat.JSON(page), nil
}

func (m *chains) run(ctx context.Context, r *route.Request) (compat.Reply, error) {
	wait, err := r.QuerySpan("wait", MaxWait)
	if err != nil {
		return compat.Reply{}, err
	}
	n, err := strconv.ParseUint(r.Param("number"), 10, 64)
	if err != nil {
		return compat.Reply{}, model.Errorf(model.Invalid, "a run has a number").WithField("number")
	}
	run, err := m.s.ChainRun(ctx, r.Actor, r.At, r.Param("name"), n, wait)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(runView(run)), nil
}

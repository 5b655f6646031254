package operation

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Span is a time from a moment on, and before another one; 0: no bound.
type Span struct{ From, To model.Time }

// Filter narrows a list; what is empty is not looked at. Objects are named as people name them.
type Filter struct {
	Credential string
	Device     string
	States     []model.OperationState
	Kind       model.OperationKind
	Executor   model.ExecutorName
	Site       string
	Trigger    string
	Module     string
	Requester  string
	Reconcile  *bool
	Username   string
	Vendor     string
	Model      string
	Tag        string
	Created    Span
	Scheduled  Span
	Finished   Span

	Sort  string // one of sorts
	Up    bool
	After *Place
	Limit int

	Attempts bool // with their attempts
}

// Place is where an operation stands in a list.
type Place struct {
	Key    string // "" in the order of the numbers
	Number uint64
}

var (
	sorts   = []string{"number", "scheduled", "finished", "state", "kind", "executor", "username", "hostname"}
	modules = []string{model.ModuleCore, model.ModuleExecutions, model.ModuleDSM}
)

// Filters are the parameters of the list with what they mean, for the API's reference and for flags.
var Filters = []string{
	"credential", "number, identifier or user@host",
	"device", "number, host name or id",
	"state", "one or several, with commas: ready, leased, running, uncertain, settling, succeeded, cancelled, dead, out_of_sync; open: any that is not final; failed: dead or out_of_sync",
	"kind", "password_change, child_password_change, verify, provision, deprovision, credential_activation, credential_inactivation, ephemeral_create, ephemeral_remove, secret_management_automation, preflight or orphan_search",
	"executor", "only of this executor",
	"site", "only of this site",
	"trigger", "request, expiry, view, session, timeout, release, parent, heartbeat, reconcile ...",
	"module", "the module that it works for: " + strings.Join(modules, ", "),
	"requester", "the authorization that asked for it: its id, as an operation shows it",
	"reconcile", "true: only by the reconciliation account; false: only others",
	"username", "of the account",
	"vendor", "of the device",
	"model", "of the device",
	"tag", "of the credential",
	"since", "created at or after this time",
	"until", "created before this time",
	"scheduled-since", "may begin at or after this time",
	"scheduled-until", "may begin before this time",
	"finished-since", "ended at or after this time",
	"finished-until", "ended before this time",
	"sort", "what orders the list: " + strings.Join(sorts, ", ") + "; with - before it the greatest first. Default: -number. Every operation is looked at, except for number",
}

// Parameter is a filter's name in a URL.
func Parameter(name string) string { return strings.ReplaceAll(name, "-", "_") }

func filterFields() []route.Field {
	var out []route.Field
	for i := 0; i < len(Filters); i += 2 {
		out = append(out, route.Field{Name: Parameter(Filters[i]), In: "query", Text: Filters[i+1]})
	}
	return out
}

func (m *management) list(ctx context.Context, r *route.Request) (compat.Reply, error) {
	f, err := readFilter(r)
	if err != nil {
		return compat.Reply{}, err
	}
	all, next, err := m.page(ctx, r, f)
	if err != nil {
		return compat.Reply{}, err
	}
	page := route.Listed[View]{Items: []View{}, Next: next}
	for i := range all {
		page.Items = append(page.Items, view(&all[i]))
	}
	return route.ListReply(r, page, strings.Fields(Wide), View.WideRow)
}

// page gives the operations of one page, and the cursor of the next.
func (m *management) page(ctx context.Context, r *route.Request, f Filter) (all []Described, next string, err error) {
	limit := f.Limit
	f.Limit++
	if all, err = m.s.List(ctx, r.Actor, r.At, f); err != nil || len(all) <= limit {
		return all, "", err
	}
	return all[:limit], f.cursor(&all[limit-1]), nil
}

func readFilter(r *route.Request) (f Filter, err error) {
	f = Filter{Credential: r.Query("credential"), Device: r.Query("device"), Kind: model.OperationKind(r.Query("kind")), Executor: model.ExecutorName(r.Query("executor")),
		Site: r.Query("site"), Trigger: r.Query("trigger"), Module: r.Query("module"), Requester: r.Query("requester"), Username: r.Query("username"), Vendor: r.Query("vendor"),
		Model: r.Query("model"), Tag: r.Query("tag"), Sort: "number"}
	if f.Limit, err = r.Limit(); err != nil {
		return f, err
	}
	for _, s := range strings.Split(r.Query("state"), ",") {
		states := model.OperationStates(strings.TrimSpace(s))
		if len(states) == 0 && s != "" {
			return f, model.Errorf(model.Invalid, "state is one or more of %s", strings.Join(model.OperationStateNames(), ", ")).WithField("state")
		}
		f.States = append(f.States, states...)
	}
	if _, known := kindLabels[f.Kind]; f.Kind != "" && !known {
		return f, model.Errorf(model.Invalid, "kind is one of %s", strings.Join(kindNames(), ", ")).WithField("kind")
	}
	if f.Module != "" && !slices.Contains(modules, f.Module) {
		return f, model.Errorf(model.Invalid, "module is one of %s", strings.Join(modules, ", ")).WithField("module")
	}
	switch s := r.Query("reconcile"); s {
	case "":
	case "true", "false":
		on := s == "true"
		f.Reconcile = &on
	default:
		return f, model.Errorf(model.Invalid, "reconcile is true or false").WithField("reconcile")
	}
	for name, to := range map[string]*model.Time{
		"since": &f.Created.From, "until": &f.Created.To, "scheduled_since": &f.Scheduled.From, "scheduled_until": &f.Scheduled.To,
		"finished_since": &f.Finished.From, "finished_until": &f.Finished.To,
	} {
		var t compat.Time
		if err := t.UnmarshalText([]byte(r.Query(name))); err != nil {
			return f, model.Errorf(model.Invalid, "%s: %v", name, err).WithField(name)
		}
		*to = model.Time(t)
	}
	if s := r.Query("sort"); s != "" {
		name, down := strings.CutPrefix(s, "-")
		if !slices.Contains(sorts, name) {
			return f, model.Errorf(model.Invalid, "sort is one of %s, with - before it for the greatest first", strings.Join(sorts, ", ")).WithField("sort")
		}
		f.Sort, f.Up = name, !down
	}
	return f, f.behind(r.Query("after"))
}

// cursor names the end of a page; behind reads it.
func (f *Filter) cursor(d *Described) string {
	number := strconv.FormatUint(d.Operation.Number, 10)
	if f.Sort == "number" {
		return number
	}
	return number + "." + base64.RawURLEncoding.EncodeToString([]byte(d.Key))
}

func (f *Filter) behind(cursor string) error {
	if cursor == "" {
		return nil
	}
	first, rest, keyed := strings.Cut(cursor, ".")
	n, err := strconv.ParseUint(first, 10, 62)
	key, kerr := base64.RawURLEncoding.DecodeString(rest)
	if err != nil || kerr != nil || keyed == (f.Sort == "number") {
		return model.Errorf(model.Invalid, "after is the cursor of a page of the same list, in the same order").WithField("after")
	}
	f.After = &Place{string(key), n}
	return nil
}

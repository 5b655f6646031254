package operation

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// maxBulk bounds one request; atOnce is how many of its commands are on their way together.
const (
	maxBulk = 1000
	atOnce  = 16
)

// BulkBody asks for the same with many credentials, or with many operations.
type BulkBody struct {
	Action      string      `json:"action" doc:"change, verify or reconcile, with credentials; run, cancel or retry, with operations"`
	Credentials []string    `json:"credentials" doc:"numbers, identifiers or user@host; 1000 at most"`
	Operations  []string    `json:"operations" doc:"numbers or ids; 1000 at most"`
	NotBefore   compat.Time `json:"not_before" doc:"for changes and verifications"`
}

// Bulk is what became of each, in the order of the request.
type Bulk struct {
	Items  []BulkItem `json:"items"`
	Failed int        `json:"failed" doc:"items with an error"`
}

// BulkItem is what became of one.
type BulkItem struct {
	Name   string `json:"name" doc:"as it was sent"`
	Number uint64 `json:"number,omitempty" doc:"of the operation"`
	State  string `json:"state,omitempty"`
	Error  string `json:"error,omitempty"`
}

func (m *management) bulk(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b BulkBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	names, one, err := m.action(r, &b)
	if err != nil {
		return compat.Reply{}, err
	}
	list, other, beside := "credentials", "operations", b.Operations
	if b.Action == "run" || b.Action == "cancel" || b.Action == "retry" {
		list, other, beside = other, list, b.Credentials
	}
	switch {
	case len(beside) > 0:
		return compat.Reply{}, model.Errorf(model.Invalid, "%s is for %s, not for %s", b.Action, list, other).WithField(other)
	case len(names) == 0 || len(names) > maxBulk:
		return compat.Reply{}, model.Errorf(model.Invalid, "%s names 1 to %d %s", b.Action, maxBulk, list).WithField(list)
	}
	out := Bulk{Items: make([]BulkItem, len(names))}
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, name := range names {
		g.Go(func() error {
			out.Items[i] = item(ctx, r, name, one)
			return nil
		})
	}
	_ = g.Wait() // each item tells its own error
	for _, i := range out.Items {
		if i.Error != "" {
			out.Failed++
		}
	}
	return compat.JSON(out), nil
}

// action tells what is done with which names.
func (m *management) action(r *route.Request, b *BulkBody) ([]string, func(context.Context, string) (*Described, error), error) {
	control := func(do func(context.Context, model.Actor, model.Time, string) error) func(context.Context, string) (*Described, error) {
		return func(ctx context.Context, name string) (*Described, error) {
			if err := do(ctx, r.Actor, r.At, name); err != nil {
				return nil, err
			}
			return m.s.Get(ctx, r.Actor, r.At, name)
		}
	}
	request := func(kind model.OperationKind) func(context.Context, string) (*Described, error) {
		return func(ctx context.Context, name string) (*Described, error) {
			id, _, err := m.s.Request(ctx, r.Actor, Wish{Credential: name, Kind: kind, Reconcile: b.Action == "reconcile", NotBefore: model.Time(b.NotBefore)})
			if err != nil {
				return nil, err
			}
			return m.s.Get(ctx, r.Actor, r.At, string(id))
		}
	}
	switch b.Action {
	case "change", "reconcile":
		return b.Credentials, request(model.PasswordChange), nil
	case "verify":
		return b.Credentials, request(model.Verify), nil
	case "run":
		return b.Operations, control(m.s.RunNow), nil
	case "cancel":
		return b.Operations, control(m.s.Cancel), nil
	case "retry":
		return b.Operations, control(m.s.Retry), nil
	}
	return nil, nil, model.Errorf(model.Invalid, "action is change, verify, reconcile, run, cancel or retry").WithField("action")
}

func item(ctx context.Context, r *route.Request, name string, one func(context.Context, string) (*Described, error)) BulkItem {
	i := BulkItem{Name: name}
	d, err := one(ctx, name)
	if err != nil {
		i.Error = "the request failed"
		var e *model.Error
		if errors.As(r.Withheld(err), &e) {
			i.Error = e.Error()
		}
		return i
	}
	i.Number, i.State = d.Operation.Number, d.Operation.State.String()
	return i
}

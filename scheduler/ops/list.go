package ops

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Span is a time from a moment on, and before another one; 0: no bound.
type Span struct{ From, To model.Time }

func (s Span) holds(t model.Time) bool {
	return t >= s.From && (s.To == 0 || t < s.To) && (s == Span{} || t != 0)
}

// Filter narrows a list of operations; what is empty is not looked at.
type Filter struct {
	Credential model.CredentialID
	Device     model.DeviceID
	States     []model.OperationState // one of them
	Kind       model.OperationKind
	Executor   model.ExecutorName
	Site       string
	Trigger    string
	Module     string
	Requester  model.AuthorizationID
	Reconcile  *bool
	Username   string
	Vendor     string // of the device, like Model; in any case
	Model      string
	Tag        string // of the credential
	Created    Span
	Scheduled  Span
	Finished   Span

	// Sort is number (""), scheduled, finished, state, kind, executor, username or hostname. In an order other than that of the
	// numbers every operation is looked at.
	Sort  string
	Up    bool   // the smallest first
	After *Place // nil: the first page
	Limit int    // 0: all

	Attempts bool // with their attempts
}

// Place is where an operation stands in a list.
type Place struct {
	Key    string // what Sort orders by; "" in the order of the numbers
	Number uint64
}

// PlaceOf tells where an operation stands.
func (f *Filter) PlaceOf(d *Described) Place {
	o, key := &d.Operation, ""
	switch f.Sort {
	case "scheduled":
		key = fmt.Sprintf("%020d", o.Scheduled())
	case "finished":
		key = fmt.Sprintf("%020d", o.FinishedAt)
	case "state":
		key = o.State.String()
	case "kind":
		key = string(o.Kind)
	case "executor":
		key = string(o.Executor)
	case "username":
		key = d.Credential.Username
	case "hostname":
		key = d.Device.Hostname
	}
	return Place{key, o.Number}
}

func (f *Filter) order(a, b Place) int {
	c := cmp.Or(strings.Compare(a.Key, b.Key), cmp.Compare(a.Number, b.Number))
	if f.Up {
		return c
	}
	return -c
}

// List gives operations on credentials that the caller reaches.
func (s *Service) List(actor model.Actor, at model.Time, f Filter) ([]Described, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, look, nil)
	if err != nil {
		return nil, err
	}
	out := []Described{}
	sorted := f.Sort == "" || f.Sort == "number"
	f.each(v, sorted, func(o *model.Operation) bool {
		if !f.wants(o) {
			return true
		}
		c, object, ok := target(v, o)
		if !ok || !p.Reaches(object) {
			return true
		}
		c.Versions = nil
		d := Described{Operation: *o, Credential: *c}
		if dev, ok := state.Devices.Get(v, string(o.Device)); ok {
			d.Device = *dev
		}
		if !f.suits(&d) || f.After != nil && f.order(f.PlaceOf(&d), *f.After) <= 0 {
			return true
		}
		out = append(out, d)
		if !sorted && f.Limit > 0 && len(out) >= 4*f.Limit {
			out = f.first(out)
		}
		return !sorted || f.Limit == 0 || len(out) < f.Limit
	})
	if !sorted {
		out = f.first(out)
	}
	waits := s.waiting(v, at)
	for i := range out {
		if f.Attempts {
			out[i].attempts(v)
		}
		out[i].name(v)
		out[i].WaitsFor = waits(&out[i].Operation)
	}
	return out, nil
}

// first keeps the page.
func (f *Filter) first(all []Described) []Described {
	slices.SortFunc(all, func(a, b Described) int { return f.order(f.PlaceOf(&a), f.PlaceOf(&b)) })
	if f.Limit > 0 && len(all) > f.Limit {
		all = all[:f.Limit]
	}
	return all
}

// each goes through the operations, in the order of their numbers if that is the order of the list. Those of one credential
// are few, and have an index.
func (f *Filter) each(v *table.View, sorted bool, do func(*model.Operation) bool) {
	if f.Credential != "" {
		var own []*model.Operation
		for o := range state.Operations.By(v, "target", string(f.Credential)) {
			own = append(own, o)
		}
		slices.SortFunc(own, func(a, b *model.Operation) int { return f.order(Place{Number: a.Number}, Place{Number: b.Number}) })
		for _, o := range own {
			if !do(o) {
				return
			}
		}
		return
	}
	low, high := uint64(0), ^uint64(0)
	if sorted && f.After != nil && f.Up {
		low = f.After.Number + 1
	} else if sorted && f.After != nil {
		high = f.After.Number
	}
	walk := state.Operations.Reverse
	if f.Up {
		walk = state.Operations.Range
	}
	for o := range walk(v, "number", table.NumberKey(low), table.NumberKey(high)) {
		if !f.Up && o.CreatedAt < f.Created.From || f.Up && f.Created.To != 0 && o.CreatedAt >= f.Created.To {
			return // numbers are drawn in the order of time
		}
		if !do(o) {
			return
		}
	}
}

// wants looks at what the operation itself tells.
func (f *Filter) wants(o *model.Operation) bool {
	fits := func(want, have string) bool { return want == "" || want == have }
	return fits(string(f.Device), string(o.Device)) && fits(string(f.Kind), string(o.Kind)) && fits(string(f.Executor), string(o.Executor)) &&
		fits(f.Site, o.Site) && fits(f.Trigger, o.Trigger) && fits(f.Module, o.Module()) && fits(string(f.Requester), string(o.Requester)) &&
		(f.Reconcile == nil || *f.Reconcile == o.Reconcile) && (len(f.States) == 0 || slices.Contains(f.States, o.State)) &&
		f.Created.holds(o.CreatedAt) && f.Scheduled.holds(o.Scheduled()) && f.Finished.holds(o.FinishedAt)
}

// suits looks at the account and its device.
func (f *Filter) suits(d *Described) bool {
	return (f.Username == "" || f.Username == d.Credential.Username) && (f.Vendor == "" || strings.EqualFold(f.Vendor, d.Device.Vendor)) &&
		(f.Model == "" || strings.EqualFold(f.Model, d.Device.Model)) && (f.Tag == "" || slices.Contains(d.Credential.Tags, f.Tag))
}

// attempts reads the records of what was tried.
func (d *Described) attempts(r table.Reader) {
	for a := range state.Attempts.All(r, string(d.Operation.ID)+"/") {
		if a.Operation != d.Operation.ID {
			return
		}
		d.Attempts = append(d.Attempts, *a)
		if c, ok := state.CaptureOf(r, a); ok {
			if d.Captured == nil {
				d.Captured = map[model.Pos]int{}
			}
			d.Captured[a.Token] = c.Bytes
		}
	}
}

// name finds the names of what the operation points at; what is gone has none.
func (d *Described) name(r table.Reader) {
	d.Templates = map[model.TemplateID]string{d.Operation.Template: ""}
	for i := range d.Attempts {
		d.Templates[d.Attempts[i].Template] = ""
	}
	for id := range d.Templates {
		if t, ok := state.Templates.Get(r, string(id)); ok {
			d.Templates[id] = t.Name
		}
	}
	if a, ok := state.Authorizations.Get(r, string(d.Operation.Requester)); ok {
		d.Requester = a.Name
		if app, ok := state.Applications.Get(r, string(a.Application)); ok {
			d.Requester = app.Name + "/" + a.Name
		}
	}
}

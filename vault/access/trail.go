package access

import (
	"iter"
	"slices"
	"sort"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Trail says which audit events are wanted. What is zero narrows nothing.
type Trail struct {
	After        uint64 // the event before the first, in the order of the list; 0: from its beginning
	Kind         string
	Since, Until model.Time // at or after the first, before the second
	About        string     // an id, a name, a number or an address that stands in the event, or who did it
	Newest       bool       // newest first
}

func (t *Trail) fits(e *audit.Event) bool {
	return t.About == "" || t.About == string(e.Authorization) || t.About == e.Name || t.About == e.Source || slices.ContainsFunc(e.Fields, func(f audit.Field) bool {
		return f.Value == t.About && audit.ClassOf(e.Kind, f.Name) != audit.Secret // nobody asks for what is not shown
	})
}

// Audit lists events for who may read the trail. Times and kinds are found without walking there; who looks for something that stands
// in events reads all that these leave.
func (s *Service) Audit(actor model.Actor, at model.Time, t Trail, limit int) ([]audit.Event, error) {
	v := s.views.View()
	defer v.Close()
	if _, err := command.Authorize(v, actor, at, authz.Action{Right: model.AuditRead}, nil); err != nil {
		return nil, err
	}
	out := []audit.Event{}
	for e := range t.walk(v) {
		if !t.fits(e) {
			continue
		}
		if out = append(out, *e); len(out) == limit {
			break
		}
	}
	return out, nil
}

// walk gives the events of the wanted kind and time, in the wanted order.
func (t *Trail) walk(v *table.View) iter.Seq[*audit.Event] {
	from, below := span(v)
	if t.Since != 0 {
		from = firstAt(v, from, below, t.Since)
	}
	if t.Until != 0 {
		below = firstAt(v, from, below, t.Until)
	}
	switch {
	case t.Newest && t.After != 0:
		below = min(below, t.After)
	case !t.Newest:
		from = max(from, t.After+1)
	}
	if t.Kind != "" {
		kind := func(seq uint64) string { return t.Kind + "\x00" + table.NumberKey(seq) }
		if t.Newest {
			return table.Audit.Reverse(v, "kind", kind(from), kind(below))
		}
		return table.Audit.Range(v, "kind", kind(from), kind(below))
	}
	if t.Newest {
		return table.Audit.Down(v, table.NumberKey(from), table.NumberKey(below))
	}
	return table.Audit.Up(v, table.NumberKey(from), table.NumberKey(below))
}

// span is where the trail begins, since old events are pruned, and the number behind its end.
func span(v *table.View) (from, below uint64) {
	for e := range table.Audit.All(v, "") {
		from = e.Seq
		break
	}
	return from, table.TrailHead(v).Seq + 1
}

// firstAt finds the first event at or after a time, by halving: numbers have no holes, and state time never goes back.
func firstAt(v *table.View, from, below uint64, at model.Time) uint64 {
	if below <= from {
		return from
	}
	return from + uint64(sort.Search(int(below-from), func(i int) bool {
		e, ok := table.Audit.Get(v, table.NumberKey(from+uint64(i)))
		return !ok || e.At >= at
	}))
}

// WhoDid names the authorizations of events as application/authorization. One that is deleted has no name.
func (s *Service) WhoDid(events []audit.Event) map[model.AuthorizationID]string {
	v := s.views.View()
	defer v.Close()
	names := map[model.AuthorizationID]string{}
	for i := range events {
		id := events[i].Authorization
		if _, known := names[id]; known || id == "" {
			continue
		}
		names[id] = ""
		if auth, ok := state.Authorizations.Get(v, string(id)); ok {
			if app, ok := state.Applications.Get(v, string(auth.Application)); ok {
				names[id] = app.Name + "/" + auth.Name
			}
		}
	}
	return names
}

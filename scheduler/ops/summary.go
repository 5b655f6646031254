package ops

import (
	"maps"
	"slices"
	"strings"
	"time"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Counts are the numbers of credentials of one group (product.md 1.15). A credential is managed if policies may change it;
// of the managed ones, each is exactly one of updated, expired, waiting and failed.
type Counts struct {
	Name       string
	Total      int // enabled credentials
	Managed    int
	NotManaged int
	Updated    int // nothing is to be done
	Expired    int // its change is due and not begun
	Waiting    int // an operation waits or is at work
	Failed     int // no known password logs in, or the last change failed
}

// OpenCount counts operations that are not final.
type OpenCount struct {
	State    model.OperationState
	Kind     model.OperationKind
	Executor model.ExecutorName
	N        int
}

// Day counts the operations that ended on one day, UTC, but for those that change nothing: heartbeats would hide the rest.
type Day struct {
	Date      string // 2026-01-31
	Succeeded int
	Failed    int
	Cancelled int
}

// Summary are the numbers of dashboards and alarms.
type Summary struct {
	All       Counts
	Sites     []Counts
	Executors []Counts
	Open      []OpenCount
	Oldest    model.Time // since when the operation that waits longest could have begun; 0: none waits
	OutOfSync int        // credentials of which no known password logs in
	OpenDebt  int        // accounts whose inactivation after the last session keeps failing
	Debt      int        // dynamic users whose removal keeps failing
	Days      []Day      // oldest first
}

// maxDays is how far back a summary looks; longer ago the operations themselves go.
const maxDays = 90

// Summary counts what the caller reaches, and the operations of the last days on it.
func (s *Service) Summary(actor model.Actor, at model.Time, days int) (*Summary, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, look, nil)
	if err != nil {
		return nil, err
	}
	if days < 0 || days > maxDays {
		return nil, model.Errorf(model.Invalid, "days is a number up to %d", maxDays).WithField("days")
	}
	return Summarize(v, at, days, func(o *authz.Object) bool { return p.Reaches(o) }), nil
}

// Summarize counts on a view what sees lets through; it reads every credential once.
func Summarize(r table.Reader, at model.Time, days int, sees func(*authz.Object) bool) *Summary {
	s := &Summary{All: Counts{Name: "all"}}
	open := s.operations(r, at, sees)
	groups := map[string]map[string]*Counts{"site": {}, "executor": {}}
	group := func(kind, name string) *Counts {
		c, ok := groups[kind][name]
		if !ok {
			c = &Counts{Name: name}
			groups[kind][name] = c
		}
		return c
	}
	sites := map[model.DeviceID]string{}
	for d := range state.Devices.All(r, "") {
		sites[d.ID] = d.Site
	}
	for c := range state.Credentials.All(r, "") {
		if !c.Enabled || !sees(authz.ObjectOf(c)) {
			continue
		}
		if c.Sync == model.SyncOutOfSync {
			s.OutOfSync++
		}
		if c.Overdue() {
			s.OpenDebt++
		}
		overdue := c.Execution.Automatic && state.Overdue(r, c, at)
		for _, to := range []*Counts{&s.All, group("site", sites[c.Device]), group("executor", string(c.Execution.Executor))} {
			to.add(c, open[c.ID], overdue)
		}
	}
	s.Sites, s.Executors = sorted(groups["site"]), sorted(groups["executor"])
	for u := range state.DynamicUsers.All(r, "") {
		if u.Debt() && sees(&authz.Object{CreatedBy: u.Owner}) {
			s.Debt++
		}
	}
	if days > 0 {
		s.days(r, at, days, sees)
	}
	return s
}

func (c *Counts) add(row *model.Credential, open, overdue bool) {
	c.Total++
	if !row.Execution.Automatic {
		c.NotManaged++
		return
	}
	c.Managed++
	switch {
	case open:
		c.Waiting++
	case row.Sync == model.SyncOutOfSync || row.DriftedAt != 0 || row.RestUntil != 0: // a change that succeeds ends the rest
		c.Failed++
	case overdue:
		c.Expired++
	default:
		c.Updated++
	}
}

func sorted(m map[string]*Counts) []Counts {
	out := []Counts{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, *m[name])
	}
	return out
}

// operations counts those that are not final, and tells which credentials have one.
func (s *Summary) operations(r table.Reader, at model.Time, sees func(*authz.Object) bool) map[model.CredentialID]bool {
	open, counts := map[model.CredentialID]bool{}, map[OpenCount]int{}
	for st := model.OpReady; !st.Final(); st++ {
		for o := range state.Operations.By(r, "state", st.String()) {
			if _, object, ok := target(r, o); !ok || !sees(object) {
				continue
			}
			counts[OpenCount{State: o.State, Kind: o.Kind, Executor: o.Executor}]++
			if o.Target.Kind == model.TargetCredential {
				open[model.CredentialID(o.Target.ID)] = true
			}
			if since := max(o.NotBefore, o.CreatedAt); o.State == model.OpReady && since <= at && (s.Oldest == 0 || since < s.Oldest) {
				s.Oldest = since
			}
		}
	}
	for c, n := range counts {
		c.N = n
		s.Open = append(s.Open, c)
	}
	slices.SortFunc(s.Open, func(a, b OpenCount) int {
		if a.State != b.State {
			return int(a.State) - int(b.State)
		}
		return strings.Compare(string(a.Kind)+"/"+string(a.Executor), string(b.Kind)+"/"+string(b.Executor))
	})
	return open
}

// days counts operations by the day on which they ended, whenever they were made.
func (s *Summary) days(r table.Reader, at model.Time, days int, sees func(*authz.Object) bool) {
	today := at.Std().UTC().Truncate(24 * time.Hour)
	first := today.AddDate(0, 0, 1-days)
	s.Days = make([]Day, days)
	for i := range s.Days {
		s.Days[i].Date = first.AddDate(0, 0, i).Format(time.DateOnly)
	}
	for o := range state.Operations.Range(r, "finished", table.TimeKey(model.TimeOf(first)), table.TimeKey(model.TimeOf(first.AddDate(0, 0, days)))) {
		if !o.Changes() {
			continue
		}
		i := int(o.FinishedAt.Std().UTC().Sub(first) / (24 * time.Hour))
		if _, object, ok := target(r, o); !ok || !sees(object) {
			continue
		}
		switch o.State {
		case model.OpSucceeded:
			s.Days[i].Succeeded++
		case model.OpCancelled:
			s.Days[i].Cancelled++
		default:
			s.Days[i].Failed++
		}
	}
}

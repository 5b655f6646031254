package edge

import (
	"context"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/dashboard"
	"cofre/scheduler/ops"
	"cofre/vault/access"
)

// dashboards adapts ops to the dashboard resource.
type dashboards struct {
	*ops.Service
	access *access.Service
}

func (d *dashboards) CredentialUse(actor model.Actor, at model.Time) (expired, using int, err error) {
	return d.access.CredentialUse(actor, at)
}

func (d *dashboards) SessionUse(actor model.Actor, at model.Time, f dashboard.SessionFilter) (live, over map[string]int, err error) {
	return d.access.SessionUse(actor, at, access.SessionUseFilter(f))
}

func (d *dashboards) Summary(_ context.Context, actor model.Actor, at model.Time, days int) (*dashboard.View, error) {
	s, err := d.Service.Summary(actor, at, days)
	if err != nil {
		return nil, err
	}
	v := &dashboard.View{Credentials: counts(s.All), Sites: []dashboard.Counts{}, Executors: []dashboard.Counts{}, Operations: []dashboard.Open{}, WaitingSince: compat.Time(s.Oldest),
		OutOfSync: s.OutOfSync, Debt: s.Debt, Days: []dashboard.Day{}}
	v.Credentials.Name = ""
	for _, c := range s.Sites {
		v.Sites = append(v.Sites, counts(c))
	}
	for _, c := range s.Executors {
		v.Executors = append(v.Executors, counts(c))
	}
	for _, o := range s.Open {
		v.Operations = append(v.Operations, dashboard.Open{State: o.State.String(), Kind: o.Kind, Executor: o.Executor, Count: o.N})
	}
	for _, day := range s.Days {
		v.Days = append(v.Days, dashboard.Day(day))
	}
	return v, nil
}

func counts(c ops.Counts) dashboard.Counts { return dashboard.Counts(c) }

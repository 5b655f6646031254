package automation

import (
	"cofre/fsm/model"
	"cofre/httpapi/compat"
)

// ViewOf shows the automation as it is at a moment.
func ViewOf(a *Now, at model.Time) View {
	s := &a.Settings
	v := View{State: "running", Reason: a.Reason, Stopped: compat.Time(a.Stopped), FrozenUntil: compat.Time(a.FrozenUntil(at)), ClosedUntil: compat.Time(a.ClosedUntil), Due: a.Due, Left: -1, Failed: a.Failed,
		Freezes: []FreezeView{}, Revision: a.Revision,
		Settings: Settings{Share: s.Share, Least: s.Least, Failures: s.Failures, Lanes: s.Lanes, Executors: []Limit{}, ErrorInterval: compat.Duration(s.ErrorInterval),
			Attempts: s.Attempts, RetryInterval: compat.Duration(s.RetryInterval), ConnectTimeout: compat.Duration(s.ConnectTimeout), ReadTimeout: compat.Duration(s.ReadTimeout),
			Records: s.Records, Window: compat.WindowOf(&s.Window)}}
	for _, l := range s.Executors {
		v.Settings.Executors = append(v.Settings.Executors, Limit(l))
	}
	for _, f := range a.Freezes {
		if f.Until > at {
			v.Freezes = append(v.Freezes, FreezeView{f.Name, compat.Time(f.From), compat.Time(f.Until)})
		}
	}
	if a.Hour == model.HourOf(at) {
		v.Started = a.Started
	}
	if a.Cycle == model.CycleOf(at) {
		v.Cycle = a.Begun
	}
	if s.Share < 100 {
		v.Left = a.LeftInHour(at, a.Credentials)
	}
	switch {
	case a.Stopped != 0:
		v.State = "stopped"
	case v.ClosedUntil != 0:
		v.State = "closed"
	case v.FrozenUntil != 0:
		v.State = "frozen"
	case v.Left == 0:
		v.State = "braked"
	}
	return v
}

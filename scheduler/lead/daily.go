package lead

import (
	"context"
	"time"

	"cofre/fsm/authz"
	"cofre/fsm/automation"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/scheduler/ops"
)

// daily is how often the leader looks whether a day ended. It waits as long first: a new leader has other things to do.
const daily = time.Minute

// sumUpDays tells of each day that ended what it came to, until ctx ends. It reads every credential, once a day, beside the loop.
func (c Config) sumUpDays(ctx context.Context) {
	for {
		timer := time.NewTimer(daily)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			c.sumUp(ctx)
		}
	}
}

// sumUp tells of yesterday, unless somebody has.
func (c Config) sumUp(ctx context.Context) {
	v := c.View()
	now := c.stamped(state.SystemRow(v).At)
	day := model.DayOf(now) - model.Time(model.Day)
	told := state.Automation(v).Told
	var s *ops.Summary
	if told < day {
		s = ops.Summarize(v, now, 2, func(*authz.Object) bool { return true })
	}
	v.Close()
	if s == nil {
		return
	}
	all, done := s.All, s.Days[0]
	_ = propose(ctx, c, automation.SumUp, automation.DailyArgs{ // an error is logged, and a minute later it is tried again
		Day: day, Total: all.Total, Managed: all.Managed, Updated: all.Updated, Expired: all.Expired, Waiting: all.Waiting, Failed: all.Failed, OutOfSync: s.OutOfSync,
		Succeeded: done.Succeeded, Dead: done.Failed, Cancelled: done.Cancelled,
	})
}

// stamped is the time that a command has if it is proposed now. A leader whose clock is far off would else sum up, each minute, a day that
// the reducer does not take for yesterday.
func (c Config) stamped(state model.Time) model.Time {
	if now := c.now(); now > state && now <= state.Add(model.MaxStep) {
		return now
	}
	return state
}

package model_test

import (
	"testing"
	"time"

	"cofre/fsm/model"
)

// TestSettingsStoredBefore: a row of the time before there were execution parameters works with their defaults, and rests a day.
func TestSettingsStoredBefore(t *testing.T) {
	t.Parallel()
	s := model.AutomationSettings{Share: 10, Least: 5, Lanes: 2, ErrorInterval: model.Hour}
	s.Complete()
	d := model.DefaultAutomation()
	if s.Attempts != d.Attempts || s.RetryInterval != d.RetryInterval || s.Records != d.Records || s.ErrorInterval != model.Day || s.Share != 10 {
		t.Errorf("%+v", s)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	s.RetryInterval, s.ErrorInterval = 0, 3*model.Day // set so since
	if s.Complete(); s.RetryInterval != 0 || s.ErrorInterval != 3*model.Day {
		t.Errorf("%+v", s)
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		interval          time.Duration
		attempt           int
		backoff, patience time.Duration
	}{
		{10 * time.Second, 1, 10 * time.Second, 10 * time.Second},
		{10 * time.Second, 3, 40 * time.Second, 40 * time.Second},
		{10 * time.Second, 99, time.Hour, time.Hour},
		{0, 5, 0, 160 * time.Second}, // what is tried until it succeeds never runs without a pause
		{24 * time.Hour, 1, 24 * time.Hour, time.Hour},
		{24 * time.Hour, 4, 24 * time.Hour, time.Hour},
	} {
		p := model.Policy{RetryInterval: c.interval.Milliseconds()}
		if b, w := p.Backoff(c.attempt), p.Patience(c.attempt); b != c.backoff || w != c.patience {
			t.Errorf("%s, attempt %d: %s and %s", c.interval, c.attempt, b, w)
		}
	}
}

// TestBounds: what triggers may start in an hour, by share and at least, and in a minute.
func TestBounds(t *testing.T) {
	t.Parallel()
	now := model.Time(10 * model.Hour)
	for name, c := range map[string]struct {
		a    model.Automation
		want int
	}{
		"a quarter of all":              {model.Automation{Settings: model.AutomationSettings{Share: 25, Least: 100, Records: 10_000}}, 250},
		"but at least so many":          {model.Automation{Settings: model.AutomationSettings{Share: 25, Least: 400, Records: 10_000}}, 400},
		"less those of the hour":        {model.Automation{Settings: model.AutomationSettings{Share: 25, Least: 100, Records: 10_000}, Hour: now, Started: 200}, 50},
		"and none above":                {model.Automation{Settings: model.AutomationSettings{Share: 25, Least: 100, Records: 10_000}, Hour: now, Started: 300}, 0},
		"another hour's do not count":   {model.Automation{Settings: model.AutomationSettings{Share: 25, Least: 100, Records: 10_000}, Hour: now - model.Time(model.Hour), Started: 200}, 250},
		"no bound but the minute's":     {model.Automation{Settings: model.AutomationSettings{Share: 100, Least: 100, Records: 7000}, Hour: now, Started: 5000}, 7000},
		"less those of the minute":      {model.Automation{Settings: model.AutomationSettings{Share: 100, Least: 100, Records: 7000}, Cycle: now, Begun: 6999}, 1},
		"another minute's do not count": {model.Automation{Settings: model.AutomationSettings{Share: 100, Least: 100, Records: 7000}, Cycle: now - 60_000, Begun: 6999}, 7000},
	} {
		if got := c.a.Left(now+59_999, 1000); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	a := model.Automation{Settings: model.AutomationSettings{Share: 25, Least: 5, Records: 10}}
	for range 3 {
		a.Count(now, 3)
	}
	if a.Started != 9 || a.Begun != 9 {
		t.Errorf("%+v", a)
	}
	if a.Count(now+60_000, 1); a.Started != 10 || a.Begun != 1 {
		t.Errorf("%+v", a)
	}
	if a.Count(now.Add(time.Hour), 2); a.Started != 2 || a.Begun != 2 {
		t.Errorf("%+v", a)
	}
}

// TestFreezesThatTouch: freezes of which one begins where the other ends, or before, are one; its end is that of the last.
func TestFreezesThatTouch(t *testing.T) {
	t.Parallel()
	a := model.Automation{Freezes: []model.Freeze{{From: 10, Until: 20}, {From: 15, Until: 18}, {From: 20, Until: 30}, {From: 31, Until: 40}}}
	for at, want := range map[model.Time]model.Time{9: 0, 10: 30, 19: 30, 20: 30, 29: 30, 30: 0, 31: 40, 40: 0} {
		if got := a.FrozenUntil(at); got != want {
			t.Errorf("at %d: until %d, want %d", at, got, want)
		}
	}
}

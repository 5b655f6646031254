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

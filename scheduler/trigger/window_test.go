package trigger_test

import (
	"testing"
	"time"

	"cofre/fsm/model"
	"cofre/scheduler/trigger"
)

// Windows are on the wall clock of a zone. Zones change their clocks at 01:00 UTC in Lisbon, at night in New York; Kathmandu
// is 5 hours and 45 minutes ahead.
func TestOpens(t *testing.T) {
	t.Parallel()
	night := []model.HourSpan{{From: 22, To: 6}}
	for name, c := range map[string]struct {
		window model.Window
		now    string
		want   string
	}{
		"no window":                               {model.Window{}, "2026-03-29T00:30:00Z", "2026-03-29T00:30:00Z"},
		"open":                                    {model.Window{Hours: night}, "2026-05-01T23:10:05Z", "2026-05-01T23:10:05Z"},
		"closed until the evening":                {model.Window{Hours: night}, "2026-05-01T06:00:00Z", "2026-05-01T22:00:00Z"},
		"the last minute":                         {model.Window{Hours: night}, "2026-05-01T05:59:59Z", "2026-05-01T05:59:59Z"},
		"a zone behind":                           {model.Window{Hours: night, Zone: "America/Sao_Paulo"}, "2026-05-01T22:00:00Z", "2026-05-02T01:00:00Z"},
		"a zone with quarters of an hour":         {model.Window{Hours: []model.HourSpan{{From: 9, To: 10}}, Zone: "Asia/Kathmandu"}, "2026-05-01T00:00:00Z", "2026-05-01T03:15:00Z"},
		"a day of the week":                       {model.Window{Days: []int{0}}, "2026-05-01T12:00:00Z", "2026-05-03T00:00:00Z"},
		"days and hours":                          {model.Window{Days: []int{1}, Hours: night}, "2026-05-04T07:00:00Z", "2026-05-04T22:00:00Z"},
		"the hour that summer time skips":         {model.Window{Hours: []model.HourSpan{{From: 1, To: 2}}, Zone: "Europe/Lisbon"}, "2026-03-29T00:30:00Z", "2026-03-30T00:00:00Z"},
		"a window around the hour that is missed": {model.Window{Hours: []model.HourSpan{{From: 2, To: 4}}, Zone: "America/New_York"}, "2026-03-08T06:50:00Z", "2026-03-08T07:00:00Z"},
		"an hour that comes twice, first":         {model.Window{Hours: []model.HourSpan{{From: 1, To: 2}}, Zone: "America/New_York"}, "2026-11-01T05:30:00Z", "2026-11-01T05:30:00Z"},
		"an hour that comes twice, again":         {model.Window{Hours: []model.HourSpan{{From: 1, To: 2}}, Zone: "America/New_York"}, "2026-11-01T06:30:00Z", "2026-11-01T06:30:00Z"},
		"and is over":                             {model.Window{Hours: []model.HourSpan{{From: 1, To: 2}}, Zone: "America/New_York"}, "2026-11-01T07:00:00Z", "2026-11-02T06:00:00Z"},
		"the hour that Berlin skips":              {model.Window{Hours: []model.HourSpan{{From: 2, To: 3}}, Zone: "Europe/Berlin"}, "2026-03-29T00:30:00Z", "2026-03-30T00:00:00Z"},
		"the hour that Berlin has twice":          {model.Window{Hours: []model.HourSpan{{From: 2, To: 3}}, Zone: "Europe/Berlin"}, "2026-10-25T01:59:59Z", "2026-10-25T01:59:59Z"},
		"a midnight that is skipped":              {model.Window{Hours: []model.HourSpan{{From: 0, To: 1}}, Zone: "America/Sao_Paulo"}, "2018-11-04T02:30:00Z", "2018-11-05T02:00:00Z"},
		"a day without its midnight":              {model.Window{Days: []int{0}, Zone: "America/Sao_Paulo"}, "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"},
		"the last hour of a day, twice":           {model.Window{Days: []int{6}, Hours: []model.HourSpan{{From: 23, To: 24}}, Zone: "America/Sao_Paulo"}, "2018-02-18T02:30:00Z", "2018-02-18T02:30:00Z"},
		"a zone that nobody knows counts as UTC":  {model.Window{Hours: night, Zone: "Mars/Base"}, "2026-05-01T21:00:00Z", "2026-05-01T22:00:00Z"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := trigger.Opens(&c.window, model.TimeOf(now)).Std().Format(time.RFC3339); got != c.want {
			t.Errorf("%s: opens at %s, not at %s", name, got, c.want)
		}
	}
}

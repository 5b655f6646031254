package trigger

import (
	"slices"
	"time"

	"cofre/fsm/model"
)

// quarter is the step in which a window is searched: every zone's offset is a multiple of it.
const quarter = 15 * time.Minute

// searched is how far ahead an opening is looked for: a week that may lose an hour, and a day.
const searched = 8 * 24 * time.Hour

// Opens tells when a window is open next, at or after a moment; the moment itself if it is open. A window whose only hours
// are those that a change to summer time skips stays closed that day; an hour that comes twice is open twice. A zone that
// this binary does not know counts as UTC.
func Opens(w *model.Window, now model.Time) model.Time {
	if w.Always() || open(w, zoneOf(w), now) {
		return now
	}
	zone := zoneOf(w)
	for t := model.TimeOf(now.Std().Truncate(quarter)).Add(quarter); t <= now.Add(searched); t = t.Add(quarter) {
		if open(w, zone, t) {
			return t
		}
	}
	return now.Add(searched) // looked at again then
}

// Closed tells when the execution hours begin, outside of which nothing starts that nobody asked for; 0: it is not outside.
func Closed(a *model.Automation, now model.Time) model.Time {
	if opens := Opens(&a.Settings.Window, now); opens > now {
		return opens
	}
	return 0
}

func zoneOf(w *model.Window) *time.Location {
	zone, err := time.LoadLocation(w.Zone)
	if err != nil {
		return time.UTC
	}
	return zone
}

func open(w *model.Window, zone *time.Location, t model.Time) bool {
	local := t.Std().In(zone)
	if len(w.Days) > 0 && !slices.Contains(w.Days, int(local.Weekday())) {
		return false
	}
	return len(w.Hours) == 0 || slices.ContainsFunc(w.Hours, func(s model.HourSpan) bool { return s.Holds(local.Hour()) })
}

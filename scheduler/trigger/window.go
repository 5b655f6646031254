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
	if w.Always() || open(w, now) {
		return now
	}
	for t := model.TimeOf(now.Std().Truncate(quarter)).Add(quarter); t <= now.Add(searched); t = t.Add(quarter) {
		if open(w, t) {
			return t
		}
	}
	return now.Add(searched) // looked at again then
}

func open(w *model.Window, t model.Time) bool {
	zone, err := time.LoadLocation(w.Zone)
	if err != nil {
		zone = time.UTC
	}
	local := t.Std().In(zone)
	if len(w.Days) > 0 && !slices.Contains(w.Days, int(local.Weekday())) {
		return false
	}
	return len(w.Hours) == 0 || slices.ContainsFunc(w.Hours, func(s model.HourSpan) bool { return s.Holds(local.Hour()) })
}

package model

// Window says on which days and at which hours automatic changes may begin, on the wall clock of a zone. An empty list means
// always. What the clock of a zone shows is not for reducers: two nodes may know different rules for a zone.
type Window struct {
	Days  []int      `cbor:"days,omitempty"` // 0 is Sunday
	Hours []HourSpan `cbor:"hours,omitempty"`
	Zone  string     `cbor:"zone,omitempty"` // IANA name; empty: UTC
}

// HourSpan is from an hour of the day until before another: {22, 6} is the night, {0, 24} the whole day.
type HourSpan struct {
	From int `cbor:"from"`
	To   int `cbor:"to"`
}

// Holds tells whether an hour of the day, 0 to 23, lies in the span.
func (s HourSpan) Holds(hour int) bool {
	if s.From < s.To {
		return s.From <= hour && hour < s.To
	}
	return hour >= s.From || hour < s.To
}

// Always tells whether the window never closes.
func (w *Window) Always() bool { return len(w.Days) == 0 && len(w.Hours) == 0 }

// Check refuses days and hours that no clock shows.
func (w *Window) Check() error {
	for _, d := range w.Days {
		if d < 0 || d > 6 {
			return Errorf(Invalid, "a day of the week is 0 (Sunday) to 6, not %d", d).WithField("window.days")
		}
	}
	for _, s := range w.Hours {
		if s.From < 0 || s.From > 23 || s.To < 0 || s.To > 24 || s.From == s.To {
			return Errorf(Invalid, "hours are written as 22-6 or 0-24, not %d-%d", s.From, s.To).WithField("window.hours")
		}
	}
	if len(w.Days) > 7 || len(w.Hours) > 24 {
		return Errorf(Invalid, "a window has at most 7 days and 24 spans of hours").WithField("window")
	}
	return CheckText("window.zone", w.Zone, 64)
}

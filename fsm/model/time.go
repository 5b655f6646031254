package model

import "time"

// Time is a moment in UTC milliseconds since the Unix epoch; zero means "not set". Rows and log entries hold
// Time and never time.Time, because a decoded time.Time depends on the zone of the node that decodes it.
type Time int64

// MaxStep is how far one entry of the log may move state time (RULES 1).
const MaxStep = 10 * time.Minute

// TimeOf converts a clock reading.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

// Std returns the moment as time.Time in UTC.
func (t Time) Std() time.Time { return time.UnixMilli(int64(t)).UTC() }

// Add returns the moment d later; a zero Time stays zero.
func (t Time) Add(d time.Duration) Time {
	if t == 0 {
		return 0
	}
	return t + Time(d.Milliseconds())
}

// Sub returns the span from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t-u) * time.Millisecond }

// IsZero tells whether the moment is not set.
func (t Time) IsZero() bool { return t == 0 }

// String is RFC 3339 with milliseconds, or "" when not set.
func (t Time) String() string {
	if t == 0 {
		return ""
	}
	return t.Std().Format("2006-01-02T15:04:05.000Z07:00")
}

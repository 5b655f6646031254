package compat

import (
	"errors"
	"regexp"
	"time"

	"cofre/fsm/model"
)

// Time is a moment in management calls: written as RFC 3339 in JSON, left out when zero.
type Time model.Time

// MarshalText writes RFC 3339 in UTC with milliseconds.
func (t Time) MarshalText() ([]byte, error) { return []byte(model.Time(t).String()), nil }

// written are the ways in which people write a moment: as JSON and tables show it, and as a day, which is its beginning in UTC.
var written = []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", time.DateOnly}

// UnmarshalText reads one of them; "" is zero.
func (t *Time) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*t = 0
		return nil
	}
	for _, layout := range written {
		if at, err := time.Parse(layout, string(b)); err == nil && at.Year() >= 1970 && at.Year() <= 9999 {
			*t = Time(model.TimeOf(at))
			return nil
		}
	}
	return errors.New("a time is written like 2026-01-31T12:00:00Z, or like 2026-01-31 for its first moment in UTC")
}

// Duration is a span in management calls, in milliseconds; in JSON "720h", "90s" or "1h30m".
type Duration int64

// MarshalText writes the shortest form.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(trimZero(model.Span(int64(d)).String())), nil
}

// trimZero turns 720h0m0s into 720h.
func trimZero(s string) string {
	for _, tail := range []string{"m0s", "h0m"} {
		if len(s) > len(tail) && s[len(s)-len(tail):] == tail {
			s = s[:len(s)-2]
		}
	}
	return s
}

// longSpan is a span in the right form: what cannot be read of it is its length.
var longSpan = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`)

// UnmarshalText reads a span of at least zero.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	switch {
	case err != nil && longSpan.Match(b):
		return errors.New("a span has 2562047 hours at most")
	case err != nil:
		return errors.New(`a span is written like "720h", "30m" or "90s"`)
	case v < 0:
		return errors.New("a span is not negative")
	case v%time.Millisecond != 0:
		return errors.New("a span has whole milliseconds")
	}
	*d = Duration(v.Milliseconds())
	return nil
}

// Short is the time for tables, to the second; "" if there is none.
func (t Time) Short() string {
	if t == 0 {
		return ""
	}
	return model.Time(t).Std().Format("2006-01-02 15:04:05Z")
}

// Short is the span for tables: "off" for none.
func (d Duration) Short() string {
	if d == 0 {
		return "off"
	}
	b, _ := d.MarshalText() // never fails
	return string(b)
}

// Word says yes or no in a table's words.
func Word(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

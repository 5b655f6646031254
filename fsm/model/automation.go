package model

import (
	"slices"
	"time"
)

// AutomationSettings bound what the system starts by itself.
type AutomationSettings struct {
	Share         int             `cbor:"share"`    // at most this percentage of all credentials is changed by triggers in an hour; 100: no bound
	Least         int             `cbor:"least"`    // but always so many
	Failures      int             `cbor:"failures"` // so many automatic changes that fail in a row stop the automation; 0: never
	Lanes         int             `cbor:"lanes"`    // operations on one device at once
	Executors     []ExecutorLimit `cbor:"executors,omitempty"`
	ErrorInterval int64           `cbor:"error_interval"` // milliseconds: after a change that failed for good, triggers leave the credential alone so long

	Attempts       int    `cbor:"attempts,omitempty"`        // tries per operation, where the policy does not say
	RetryInterval  int64  `cbor:"retry_interval,omitempty"`  // milliseconds: first pause between tries, where the policy does not say; 0: none
	ConnectTimeout int64  `cbor:"connect_timeout,omitempty"` // milliseconds; 0: that of the executor
	ReadTimeout    int64  `cbor:"read_timeout,omitempty"`    // milliseconds: longest wait for an answer of the target; 0: that of the executor
	Records        int    `cbor:"records,omitempty"`         // at most so many changes are started by triggers in a cycle, which is a minute
	Window         Window `cbor:"window,omitzero"`           // outside of it nothing starts that nobody asked for
}

// ExecutorLimit bounds how many operations of an executor run at once in the cluster.
type ExecutorLimit struct {
	Executor ExecutorName `cbor:"executor"`
	Limit    int          `cbor:"limit"`
}

// DefaultAutomation is what a new cluster starts with.
func DefaultAutomation() AutomationSettings {
	return AutomationSettings{Share: 25, Least: 100, Failures: 20, Lanes: 4, ErrorInterval: Day,
		Attempts: 5, RetryInterval: (10 * time.Second).Milliseconds(), Records: 10_000}
}

// Complete gives settings that were stored before there were execution parameters the defaults of those, and a rest after
// errors that is not below today's least one.
func (s *AutomationSettings) Complete() {
	if s.Attempts == 0 { // never stored since
		d := DefaultAutomation()
		s.Attempts, s.RetryInterval, s.Records = d.Attempts, d.RetryInterval, d.Records
	}
	s.ErrorInterval = max(s.ErrorInterval, Day)
}

// Check refuses settings out of their ranges (product.md 1.12).
func (s *AutomationSettings) Check() error {
	second := time.Second.Milliseconds()
	for _, f := range []struct {
		name     string
		v        int64
		min, max int64
	}{
		{"share", int64(s.Share), 1, 100}, {"least", int64(s.Least), 1, 1_000_000}, {"failures", int64(s.Failures), 0, 100_000},
		{"lanes", int64(s.Lanes), 1, MaxLanes}, {"attempts", int64(s.Attempts), 1, MaxAttempts}, {"records", int64(s.Records), 1, 10_000},
	} {
		if f.v < f.min || f.v > f.max {
			return Errorf(Invalid, "%s is %d, it must be between %d and %d", f.name, f.v, f.min, f.max).WithField(f.name)
		}
	}
	for _, f := range []struct {
		name     string
		v        int64
		min, max int64
		off      bool // 0 is allowed too
	}{
		{"error_interval", s.ErrorInterval, Day, 7 * Day, false}, {"retry_interval", s.RetryInterval, 0, Day, false},
		{"connect_timeout", s.ConnectTimeout, second, 300 * second, true}, {"read_timeout", s.ReadTimeout, second, 300 * second, true},
	} {
		if (f.v < f.min || f.v > f.max) && !(f.off && f.v == 0) {
			return Errorf(Invalid, "%s is %s, it must be between %s and %s%s", f.name, Span(f.v), Span(f.min), Span(f.max), map[bool]string{true: ", or 0s for that of each executor"}[f.off]).WithField(f.name)
		}
	}
	for i, l := range s.Executors {
		double := slices.ContainsFunc(s.Executors[:i], func(o ExecutorLimit) bool { return o.Executor == l.Executor })
		if l.Executor == "" || len(l.Executor) > 32 || l.Limit < 1 || l.Limit > 1000 || double {
			return Errorf(Invalid, "an executor's limit is 1 to 1000, once for each executor").WithField("executors")
		}
	}
	return s.Window.Check()
}

// Day and Hour are spans in milliseconds.
const (
	Hour = int64(60 * 60 * 1000)
	Day  = 24 * Hour
)

// Freeze is a span in which the system starts no change by itself.
type Freeze struct {
	Name  string          `cbor:"name"` // unique
	From  Time            `cbor:"from"`
	Until Time            `cbor:"until"`
	By    AuthorizationID `cbor:"by,omitempty"`
}

// Automation is the one row about what the system starts by itself: the bounds, and what happened under them.
type Automation struct {
	Settings AutomationSettings `cbor:"settings"`
	Freezes  []Freeze           `cbor:"freezes,omitempty"` // by start; those that are over leave with the next change
	Hour     Time               `cbor:"hour,omitempty"`    // start of the hour that Started counts in
	Started  int                `cbor:"started,omitempty"` // changes that triggers started in that hour
	Cycle    Time               `cbor:"cycle,omitempty"`   // start of the minute that Begun counts in
	Begun    int                `cbor:"begun,omitempty"`   // changes that triggers started in that minute
	Braked   Time               `cbor:"braked,omitempty"`  // the hour whose bound was met and told
	Failed   int                `cbor:"failed,omitempty"`  // automatic changes that failed in a row
	Stopped  Time               `cbor:"stopped,omitempty"` // nothing is started since; 0: running
	Reason   string             `cbor:"reason,omitempty"`
	Restored Time               `cbor:"restored,omitempty"` // it is stopped since the cluster was restored from a backup: what waited then waits on
	Told     Time               `cbor:"told,omitempty"`     // start of the last day, UTC, that was summed up
	Revision uint64             `cbor:"revision"`
}

// FrozenUntil tells when the freeze that holds at a moment ends; 0: none holds. Freezes that touch are one.
func (a *Automation) FrozenUntil(at Time) Time {
	var until Time
	for _, f := range a.Freezes {
		if t := max(at, until); f.From <= t && t < f.Until {
			until = f.Until
		}
	}
	return until
}

// Holds tells whether an operation that waits is held back: by a freeze, a stop or, when closed, the execution hours. What waited when the
// cluster was restored may have run in the life that was lost, whoever asked for it, so all of it waits for a person.
func (a *Automation) Holds(o *Operation, closed bool) bool {
	waits := o.State == OpReady || o.State == OpUncertain
	return o.Holdable(closed) || a.Restored != 0 && o.CreatedAt <= a.Restored && waits && !o.Immediate
}

// Left is how many changes triggers may still start in the cycle, and in the hour, of a moment, of so many credentials. What is
// due beyond that waits for the next.
func (a *Automation) Left(at Time, credentials uint64) int {
	begun := a.Begun
	if a.Cycle != CycleOf(at) {
		begun = 0
	}
	return min(max(0, a.Settings.Records-begun), a.LeftInHour(at, credentials))
}

// Count notes that triggers start so many changes.
func (a *Automation) Count(at Time, n int) {
	if hour := HourOf(at); a.Hour != hour {
		a.Hour, a.Started = hour, 0
	}
	if cycle := CycleOf(at); a.Cycle != cycle {
		a.Cycle, a.Begun = cycle, 0
	}
	a.Started, a.Begun = a.Started+n, a.Begun+n
}

// LeftInHour is the hour's part of Left.
func (a *Automation) LeftInHour(at Time, credentials uint64) int {
	if a.Settings.Share >= 100 {
		return 1 << 30
	}
	started := a.Started
	if a.Hour != HourOf(at) {
		started = 0
	}
	return max(0, max(a.Settings.Least, int(credentials)*a.Settings.Share/100)-started)
}

// CycleOf is the start of the cycle of a moment: a minute of the clock.
func CycleOf(t Time) Time { return t - t%Time(time.Minute.Milliseconds()) }

// HourOf is the start of the hour of a moment.
func HourOf(t Time) Time { return t - t%Time(Hour) }

// DayOf is the start of the day, UTC, of a moment.
func DayOf(t Time) Time { return t - t%Time(Day) }

// Limit is the bound of an executor; 0: none.
func (s *AutomationSettings) Limit(e ExecutorName) int {
	for _, l := range s.Executors {
		if l.Executor == e {
			return l.Limit
		}
	}
	return 0
}

package model

// AutomationSettings bound what the system starts by itself.
type AutomationSettings struct {
	Share         int             `cbor:"share"`    // at most this percentage of all credentials is changed by triggers in an hour; 100: no bound
	Least         int             `cbor:"least"`    // but always so many
	Failures      int             `cbor:"failures"` // so many automatic changes that fail in a row stop the automation; 0: never
	Lanes         int             `cbor:"lanes"`    // operations on one device at once
	Executors     []ExecutorLimit `cbor:"executors,omitempty"`
	ErrorInterval int64           `cbor:"error_interval"` // milliseconds: after a change that failed for good, triggers leave the credential alone so long
}

// ExecutorLimit bounds how many operations of an executor run at once in the cluster.
type ExecutorLimit struct {
	Executor ExecutorName `cbor:"executor"`
	Limit    int          `cbor:"limit"`
}

// DefaultAutomation is what a new cluster starts with.
func DefaultAutomation() AutomationSettings {
	return AutomationSettings{Share: 25, Least: 100, Failures: 20, Lanes: 4, ErrorInterval: Day}
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
	Braked   Time               `cbor:"braked,omitempty"`  // the hour whose bound was met and told
	Failed   int                `cbor:"failed,omitempty"`  // automatic changes that failed in a row
	Stopped  Time               `cbor:"stopped,omitempty"` // nothing is started since; 0: running
	Reason   string             `cbor:"reason,omitempty"`
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

// Left is how many changes triggers may still start in the hour of a moment, of so many credentials.
func (a *Automation) Left(at Time, credentials uint64) int {
	if a.Settings.Share >= 100 {
		return 1 << 30
	}
	started := a.Started
	if a.Hour != HourOf(at) {
		started = 0
	}
	return max(0, max(a.Settings.Least, int(credentials)*a.Settings.Share/100)-started)
}

// HourOf is the start of the hour of a moment.
func HourOf(t Time) Time { return t - t%Time(Hour) }

// Limit is the bound of an executor; 0: none.
func (s *AutomationSettings) Limit(e ExecutorName) int {
	for _, l := range s.Executors {
		if l.Executor == e {
			return l.Limit
		}
	}
	return 0
}

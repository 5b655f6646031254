package operation

// What tests see of the room.
var (
	Record     = record
	AttemptsOf = attemptsOf
)

// The bounds of what is kept.
const (
	FirstAttempts = firstAttempts
	KeptAttempts  = keptAttempts
)

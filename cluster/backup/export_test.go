package backup

// FirstLine begins a file, Formerly one of format 1.
const (
	FirstLine = firstLine
	Formerly  = formerly
)

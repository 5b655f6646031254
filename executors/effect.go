package executors

// Effect is what an attempt knows of its effect on a target whose commands each stand by themselves.
type Effect struct {
	Exposed bool // a command may have reached the target
	Done    bool // a command has had its effect
}

// Outcome is what may be claimed of an attempt that ended with an error; refused says that the error is the target's clear
// no to its last command. After the first command that was done, a refusal says nothing about the whole.
func (e Effect) Outcome(refused bool) Outcome {
	switch {
	case !e.Exposed:
		return NotStarted
	case refused && !e.Done:
		return Rejected
	}
	return Uncertain
}

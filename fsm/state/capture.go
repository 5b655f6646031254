package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// Captures are what targets said in attempts, under the keys of those.
var Captures = table.Define(90, "capture", func(c *model.Capture) string { return captureKey(c.Operation, c.Token) },
	table.Index[model.Capture]{Name: "number", Unique: true, Drawn: true, Keys: func(c *model.Capture) []string { return []string{table.NumberKey(c.Number)} }},
	sealedIndex(captureValues))

func captureValues(c *model.Capture) []Value { return []Value{{c.Row, &c.Output}} }

func captureKey(o model.OperationID, token model.Pos) string {
	return AttemptKey(&model.Attempt{Operation: o, Token: token})
}

// CaptureOf finds what the target said in an attempt.
func CaptureOf(r table.Reader, a *model.Attempt) (*model.Capture, bool) {
	return Captures.Get(r, AttemptKey(a))
}

// CapturesOf lists the captures of an operation, oldest first.
func CapturesOf(r table.Reader, id model.OperationID) []*model.Capture {
	var out []*model.Capture
	for c := range Captures.All(r, string(id)+"/") {
		if c.Operation != id {
			break
		}
		out = append(out, c)
	}
	return out
}

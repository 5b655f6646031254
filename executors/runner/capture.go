package runner

import (
	"crypto/rand"
	"encoding/hex"

	"cofre/executors"
	"cofre/fsm/model"
	"cofre/fsm/operation"
)

// listen begins to keep what the target says, if somebody asked for it.
func (l *lease) listen(o *model.Operation) {
	if o.Capture {
		l.capture = &executors.Capture{}
	}
}

// captured seals what was kept. What cannot be sealed is forgotten: a report waits for nothing.
func (r *Runner) captured(l *lease) *operation.Captured {
	if l.capture == nil {
		return nil
	}
	output, n := l.capture.Output()
	defer output.Wipe()
	if n == 0 {
		return nil
	}
	var row [16]byte
	_, _ = rand.Read(row[:])
	c := &operation.Captured{Row: hex.EncodeToString(row[:]), Bytes: n}
	var err error
	if c.Output, err = r.Keys.Encrypt(r.Place(c.Row), output); err != nil {
		r.Log.WithError(err).WithField("operation", l.operation).Warn("what the target said could not be sealed, and is not kept")
		return nil
	}
	return c
}

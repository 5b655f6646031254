package siem

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	"cofre/fsm/audit"
	"cofre/vault/disk"
)

// refusals is since when a receiver refuses events. It stands in a file beside the cursor, so that a restart does not begin the hours
// anew, and neither does a while in which another node led and sent the events of a dead one.
type refusals struct {
	path  string               // "": they are not kept
	since map[uint64]time.Time // by sequence number
	warn  func(error)          // is told that they could not be kept
}

// forgotten is the age of a refusal that nobody came back to: another node dealt with the event.
const forgotten = 30 * 24 * time.Hour

type refusalsFile struct {
	Format int                  `json:"format"`
	Since  map[uint64]time.Time `json:"since"`
}

// openRefusals reads what is kept. A damaged file counts as none: the hours begin anew, and nothing is lost by that.
func openRefusals(path string, warn func(error)) *refusals {
	r := &refusals{path: path, since: map[uint64]time.Time{}, warn: warn}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r
	}
	var f refusalsFile
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil || f.Format != 1 {
		warn(errors.Join(errors.New("since when events are refused cannot be read and is counted from now"), err))
		return r
	}
	now := time.Now()
	for seq, at := range f.Since {
		if age := now.Sub(at); age >= 0 && age < forgotten { // a clock may have been wrong
			r.since[seq] = at
		}
	}
	return r
}

// note tells for how long the receiver has refused an event that it refuses now.
func (r *refusals) note(e *audit.Event) time.Duration {
	if _, known := r.since[e.Seq]; !known {
		r.since[e.Seq] = time.Now()
		r.keep()
	}
	return time.Since(r.since[e.Seq])
}

// drop forgets events that were dealt with.
func (r *refusals) drop(events []audit.Event) {
	before := len(r.since)
	for i := range events {
		delete(r.since, events[i].Seq)
	}
	if len(r.since) != before {
		r.keep()
	}
}

func (r *refusals) keep() {
	if r.path == "" {
		return
	}
	b, err := json.Marshal(refusalsFile{Format: 1, Since: r.since})
	if err == nil {
		err = disk.WriteFile(r.path, append(b, '\n'))
	}
	if err != nil {
		r.warn(err)
	}
}

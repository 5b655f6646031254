package executors

import (
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"cofre/fsm/model"
)

// Bounds of a recorded transcript.
const (
	MaxSteps = 200
	MaxField = 256
)

// Recorder is a Transcript in memory, bounded in steps and in bytes per field.
type Recorder struct {
	start time.Time

	mu    sync.Mutex // guards steps
	steps []model.Step
}

// NewRecorder starts the clock of a transcript.
func NewRecorder() *Recorder { return &Recorder{start: time.Now()} }

// Step adds a step and stamps it. After MaxSteps the last one is replaced, so that the end is always there.
func (r *Recorder) Step(s model.Step) {
	s.At = time.Since(r.start).Milliseconds()
	s.Text, s.Matched, s.Error = clip(s.Text), clip(s.Matched), clip(s.Error)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.steps) == MaxSteps {
		r.steps[MaxSteps-1] = s
		return
	}
	r.steps = append(r.steps, s)
}

// Steps copies what was recorded.
func (r *Recorder) Steps() []model.Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]model.Step(nil), r.steps...)
}

func clip(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= MaxField {
		return s
	}
	end := MaxField - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

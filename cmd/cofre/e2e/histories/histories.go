// Package histories judges what clients of a cluster saw: whether the recorded operations on each object could have
// happened one after the other, each at some moment between its request and its answer. It owns the recorder and one
// model per kind of object; the search is porcupine's. Only tests use it.
//
// An operation whose outcome is not known may have happened at any time after its request, or never. A read without an
// answer tells nothing and is not recorded.
package histories

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// Recorder collects the operations of many clients. It may be used by many goroutines.
type Recorder struct {
	start time.Time

	mu      sync.Mutex // guards what follows
	objects map[string][]porcupine.Operation
	models  map[string]porcupine.Model
}

// NewRecorder is empty.
func NewRecorder() *Recorder {
	return &Recorder{start: time.Now(), objects: map[string][]porcupine.Operation{}, models: map[string]porcupine.Model{}}
}

// Object says which model an object has to follow.
func (r *Recorder) Object(name string, m porcupine.Model) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.models[name] = m
}

// Outcome is what a client knows of an operation.
type Outcome int

// The outcomes.
const (
	Unknown Outcome = iota // it may have happened
	Done                   // it happened: the output counts
	Nothing                // certainly nothing happened: nothing is recorded
)

// Do records one operation of a client on an object. The operation answers its output, which counts only if it is done.
func (r *Recorder) Do(client int, object string, input any, operation func() (any, Outcome)) Outcome {
	call := time.Since(r.start)
	output, outcome := operation()
	back := time.Since(r.start)
	o := porcupine.Operation{ClientId: client, Input: input, Call: int64(call), Output: output, Return: int64(back)}
	switch {
	case outcome == Nothing, outcome == Unknown && readOnly(input):
		return outcome
	case outcome == Unknown:
		o.Output, o.Return = nil, math.MaxInt64
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.objects[object] = append(r.objects[object], o)
	return outcome
}

func readOnly(input any) bool {
	r, ok := input.(interface{ ReadOnly() bool })
	return ok && r.ReadOnly()
}

// Check judges every object and gives the complaints; limit is for each of them.
func (r *Recorder) Check(limit time.Duration) (complaints []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, ops := range r.objects {
		m, ok := r.models[name]
		if !ok {
			complaints = append(complaints, name+": no model")
			continue
		}
		switch porcupine.CheckOperationsTimeout(m, settle(ops), limit) {
		case porcupine.Illegal:
			complaints = append(complaints, name+": no order explains what the clients saw:\n"+describe(m, ops))
		case porcupine.Unknown:
			complaints = append(complaints, fmt.Sprintf("%s: %d operations could not be judged in %s:\n%s", name, len(ops), limit, describe(m, settle(ops))))
		}
	}
	slices.Sort(complaints)
	return complaints
}

// settle gives unknown operations whose effect can be recognised the end that they must have had: the first answer that
// showed it. One that no answer shows can be left out, because it fits at the end as well as never. Without this a
// search would try every place for each of them.
func settle(ops []porcupine.Operation) (settled []porcupine.Operation) {
	for _, o := range ops {
		in, recognisable := o.Input.(interface{ SeenIn(output any) bool })
		if o.Return != math.MaxInt64 || !recognisable {
			settled = append(settled, o)
			continue
		}
		for _, other := range ops {
			if in.SeenIn(other.Output) {
				o.Return = min(o.Return, other.Return)
			}
		}
		if o.Return != math.MaxInt64 {
			settled = append(settled, o)
		}
	}
	return settled
}

// Counts tells how many operations are recorded, and of how many the outcome is unknown.
func (r *Recorder) Counts() (all, unknown int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ops := range r.objects {
		all += len(ops)
		for _, o := range ops {
			if o.Return == math.MaxInt64 {
				unknown++
			}
		}
	}
	return all, unknown
}

// describe prints a history in order of its requests.
func describe(m porcupine.Model, ops []porcupine.Operation) string {
	ops = slices.Clone(ops)
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var b strings.Builder
	for _, o := range ops {
		end := "?"
		if o.Return != math.MaxInt64 {
			end = time.Duration(o.Return).Round(100 * time.Microsecond).String()
		}
		fmt.Fprintf(&b, "  client %d, %s to %s: %s\n", o.ClientId, time.Duration(o.Call).Round(100*time.Microsecond), end, m.DescribeOperation(o.Input, o.Output))
	}
	return b.String()
}

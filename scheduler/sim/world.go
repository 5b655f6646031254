package sim

import (
	"container/heap"
	"fmt"
	"hash"
	"math/rand/v2"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cofre/fsm"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// start is the wall clock at virtual time zero.
var start = model.TimeOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

// world is one seed: virtual time, chance, and everything that lives in them.
type world struct {
	options   Options
	rng       *rand.Rand
	now       time.Duration
	away      time.Duration // how long the whole cluster was off: wall clocks are ahead by it
	events    events
	seq       uint64
	trail     hash.Hash
	report    Report
	over      bool
	calm      bool // no more faults
	machine   *fsm.FSM
	raft      log
	nodes     []*node
	accounts  []*account
	directory *directory
	joint     joint
	leases    ledger
	policy    model.Policy
	timing    model.Leases
	stirred   bool          // something was applied that the scheduler looks for
	landing   time.Duration // when the last packet that is on its way lands
}

func (w *world) open() error {
	r, err := command.NewRegistry(fsm.Level, Planted(w.options.Plant, fsm.Features)...)
	if err != nil {
		return err
	}
	w.machine, err = fsm.Open("state", r, table.Options{FS: vfs.NewMem(), Cache: 1 << 20, Logger: silent{}})
	return err
}

func (w *world) close() {
	for _, n := range w.nodes {
		n.forget()
	}
	if err := w.machine.Close(); err != nil {
		w.fail("close the state: %v", err)
	}
}

// silent drops what Pebble logs.
type silent struct{}

func (silent) Infof(string, ...any)      {}
func (silent) Errorf(string, ...any)     {}
func (silent) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

type happening struct {
	at  time.Duration
	seq uint64 // ties: in the order of planning
	do  func()
}

type events []happening

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(happening)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// after plans something in the world: networks and targets. What nodes do goes through node.after.
func (w *world) after(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.events, happening{w.now + d, w.seq, do})
}

// until plays events up to a moment, or until stop says so.
func (w *world) until(end time.Duration, stop func() bool) {
	for !w.over && len(w.events) > 0 && w.events[0].at <= end {
		h := heap.Pop(&w.events).(happening)
		w.now = h.at
		h.do()
		if stop != nil && stop() {
			return
		}
		if w.report.Commands > w.options.Commands {
			w.fail("more than %d commands: something repeats itself", w.options.Commands)
		}
	}
	if !w.over {
		w.now = max(w.now, end)
	}
}

// chance is true p times of 1000.
func (w *world) chance(p int) bool { return w.rng.IntN(1000) < p }

// between draws a span.
func (w *world) between(a, b time.Duration) time.Duration {
	return a + time.Duration(w.rng.Int64N(int64(b-a)+1))
}

func (w *world) id() (id command.ID) {
	for i := 0; i < len(id); i += 8 {
		u := w.rng.Uint64()
		for j := range 8 {
			id[i+j] = byte(u >> (8 * j))
		}
	}
	return id
}

// logf writes the trace: hashed always, shown if somebody wants to read it.
func (w *world) logf(format string, args ...any) {
	line := fmt.Sprintf("%12.3f  ", w.now.Seconds()) + fmt.Sprintf(format, args...)
	w.trail.Write([]byte(line))
	if w.options.Trace != nil {
		w.options.Trace(line)
	}
}

func (w *world) count(what string) { w.report.Events[what]++ }

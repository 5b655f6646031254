// Package sim proves the core by accident: it plays clusters that crash, stall, are cut off and lose their clocks, on one
// goroutine and in virtual time, everything drawn from one seed, so that whatever it finds happens again.
//
// Real are the state machine with every reducer (fsm), the triggers, the plan, the observation of leases, and what a slot
// decides (fsm/operation: Trust, Begun, Reusable, Settling ...). Modelled are raft (an ordered log with terms, lost,
// late and doubled proposals), the interpreter of a slot's decisions, which is goroutines in executors/runner, and the
// targets: each holds one password and gets packets that may be lost, doubled, or outlive every lease.
//
// It guarantees that equal seeds give equal traces. Tests run it; besides them, only a binary built to be found wrong
// (build tag cofre_planted, the controls of the crash matrix) takes its mistakes.
package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"
)

// Plant is a mistake put into the simulation's own layer, to show that it would be found.
type Plant string

// The mistakes.
const (
	Nothing       Plant = ""
	DropCandidate Plant = "drop the candidate"     // a failed attempt forgets the secret that it may have sent
	IgnoreFence   Plant = "ignore the fence"       // a report under a stale token is taken as the present holder's
	RetryBlindly  Plant = "retry blindly"          // an uncertain change is tried again without asking the target
	NoQuarantine  Plant = "no quarantine"          // old versions are dropped as soon as one was proven
	LateCreate    Plant = "late create after drop" // one proof is enough: the removal ends before late packets land
	ForgetLogins  Plant = "forget failing logins"  // only what settling reports is counted
	ForgetJumps   Plant = "forget jump hosts"      // what failed on the way is not counted
)

// Plants lists the mistakes.
var Plants = []Plant{DropCandidate, IgnoreFence, RetryBlindly, NoQuarantine, LateCreate, ForgetLogins, ForgetJumps}

// Options say how to play. The zero value is the real thing.
type Options struct {
	Plant    Plant
	Trace    func(line string) // nil: no readable trace
	Commands int               // most commands of one seed; 0: 1000
}

// Report is what a seed came to.
type Report struct {
	Seed     uint64
	Hash     string // of the trace and the final state
	Commands int    // applied, repeats included
	Span     time.Duration
	Faults   map[string]int // by kind
	Hits     map[string]int // those that met an operation at work
	Events   map[string]int // what else is worth counting
	Failures []string       // invariants that broke, the first one first
}

const maxCommands = 1000

// Run plays one seed.
func Run(seed uint64, o Options) Report {
	if o.Commands == 0 {
		o.Commands = maxCommands
	}
	w := &world{
		options: o, rng: rand.New(rand.NewPCG(seed, 0x636f667265)), trail: sha256.New(),
		report: Report{Seed: seed, Faults: map[string]int{}, Hits: map[string]int{}, Events: map[string]int{}},
	}
	if err := w.open(); err != nil {
		w.fail("the world did not open: %v", err)
		return w.report
	}
	defer w.close()
	w.setup()
	w.play()
	w.finish()
	hash := w.machine.View()
	w.logf("state %s", hash.StateHash())
	hash.Close()
	w.report.Hash, w.report.Span = hex.EncodeToString(w.trail.Sum(nil)[:8]), w.now
	return w.report
}

// fail notes a broken invariant and ends the seed.
func (w *world) fail(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	w.logf("FAILURE %s", msg)
	w.report.Failures = append(w.report.Failures, msg)
	w.over = true
}

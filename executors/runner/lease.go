package runner

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cofre/executors"
	"cofre/fsm/model"
	"cofre/fsm/operation"
)

// lease is the right to work on one operation, as far as this node may trust it: until TTL minus margin after it *sent* the
// last renewal that was accepted (river's trust window). Targets cannot check tokens, so time protects them.
type lease struct {
	token     model.Pos
	operation model.OperationID
	parent    context.Context // the runner's: reports go on after the lease
	ctx       context.Context // ends with the trust
	cancel    context.CancelFunc
	done      bool // guarded by Runner.mu
	capture   *executors.Capture

	mu     sync.Mutex // guards belief and timer
	belief operation.Trust
	timer  *time.Timer
}

func newLease(ctx context.Context, token model.Pos, id model.OperationID, t model.Leases) *lease {
	l := &lease{token: token, operation: id, parent: ctx, belief: operation.NewTrust(t)}
	l.ctx, l.cancel = context.WithCancel(ctx)
	return l
}

// bootClock is CLOCK_BOOTTIME: it counts the time that a machine sleeps, which the monotonic clock does not.
func bootClock() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("runner: no boot-time clock: " + err.Error()) // every supported kernel has one
	}
	return time.Duration(ts.Nano())
}

// trust extends the window from the moment when an accepted renewal was sent.
func (l *lease) trust(sent time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.belief.Extend(sent) {
		return
	}
	if l.timer != nil {
		l.timer.Stop()
	}
	l.timer = time.AfterFunc(l.belief.Until()-bootClock(), l.lose)
}

// lose ends the work at once.
func (l *lease) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.belief.Lose()
	l.cancel()
}

// end releases what the lease holds.
func (l *lease) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
	l.cancel()
}

// check is asked before each step that changes the target.
func (l *lease) check(string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.belief.Holds(bootClock()) {
		return &executors.Failure{Class: executors.ClassRefused, Msg: "the lease cannot be trusted any more"}
	}
	return nil
}

package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"cofre/cluster/rpc"
	"cofre/fsm/model"
)

// Recall is how members remember for each other how far each had applied the log. What a node has applied stands in its log, so one
// that starts with less than an earlier process of it told is an older copy, and must not vote (see ErrPutBack). It costs no log entry,
// and lasts as long as the processes that remember; hash reports last longer (Divergence).
type Recall struct {
	process uint64 // this one's name; 0 is none
	began   uint64
	applied func() uint64
	report  func(model.NodeID) uint64 // index of a member's newest hash report in the local replica
	found   chan uint64               // holds one

	mu    sync.Mutex // guards what follows
	heard map[model.NodeID]heard
	asked map[model.NodeID]bool // who has answered this process
}

// heard is what a member told: of its newest process, and of all before it.
type heard struct{ process, applied, before uint64 }

type recallArgs struct {
	Process uint64 `cbor:"process"`
	Applied uint64 `cbor:"applied"`
}

type recallResult struct {
	Before uint64 `cbor:"before"` // last entry that an earlier process of the asking node had applied; 0: nothing is known
	Report uint64 `cbor:"report"` // last entry that its hash reports name, those of this process too
}

// NewRecall makes the memory of one process, which has applied the log as far as applied says.
func NewRecall(applied func() uint64, report func(model.NodeID) uint64) *Recall {
	return &Recall{process: rand.Uint64() | 1, applied: applied, report: report, found: make(chan uint64, 1), heard: map[model.NodeID]heard{}, asked: map[model.NodeID]bool{}} //nolint:gosec // a name, no secret
}

// Handler answers rpc.Recall.
func (r *Recall) Handler() rpc.Handler {
	return rpc.Handle(func(_ context.Context, peer model.NodeID, a recallArgs) (recallResult, error) {
		r.mu.Lock()
		h := r.heard[peer]
		if h.process != a.Process {
			h = heard{process: a.Process, before: max(h.before, h.applied)}
		}
		h.applied = max(h.applied, a.Applied)
		r.heard[peer] = h
		r.mu.Unlock()
		return recallResult{Before: h.before, Report: r.report(peer)}, nil
	})
}

// recallTime is how long a start waits for members that do not answer, whose machines may be off; recallRest how long it still waits for them
// once a majority, with itself, remembered it: those who are there answer within milliseconds.
const recallTime, recallRest = 2 * time.Second, 300 * time.Millisecond

// Before asks the others, all at once, before this process takes part, when its log ends at began. Who does not answer is asked again by
// Tell: a cluster that starts as a whole finds nobody. Who remembers nothing counts for nothing: it may have started a moment ago.
func (r *Recall) Before(ctx context.Context, call Caller, others []model.NodeID, began uint64) error {
	r.began = began
	if began == 0 {
		return nil // new here
	}
	ctx, cancel := context.WithTimeout(ctx, recallTime)
	defer cancel()
	type answer struct {
		from model.NodeID
		recallResult
	}
	answers := make(chan answer, len(others))
	var wg sync.WaitGroup
	for _, id := range others {
		wg.Go(func() {
			a, _ := r.ask(ctx, call, id, 0)
			answers <- answer{id, a}
		})
	}
	go func() { wg.Wait(); close(answers) }() // ends with them, at the latest when ctx does
	remember, enough := 1, (len(others)+1)/2+1
	for a := range answers { // to the last one, since asked counts them all
		if index := max(a.Before, a.Report); index > began {
			return fmt.Errorf("%w: node %s knows that it had applied entry %d, and its log ends at %d", ErrPutBack, a.from, index, began)
		}
		if a.Before == 0 {
			continue
		}
		if remember++; remember == enough {
			time.AfterFunc(recallRest, cancel)
		}
	}
	return nil
}

// Tell tells another member how far this node has applied the log.
func (r *Recall) Tell(ctx context.Context, call Caller, id model.NodeID) {
	r.mu.Lock()
	known := r.asked[id]
	r.mu.Unlock()
	a, err := r.ask(ctx, call, id, r.applied())
	if err != nil || known || a.Before <= r.began {
		return // a message of an earlier process may come late: only the first answer counts
	}
	select {
	case r.found <- a.Before:
	default:
	}
}

// PutBack gives the last entry that an earlier process of this node had applied, if it is not in the log.
func (r *Recall) PutBack() <-chan uint64 { return r.found }

func (r *Recall) ask(ctx context.Context, call Caller, id model.NodeID, applied uint64) (a recallResult, err error) {
	if err := call.Call(ctx, id, rpc.Recall, recallArgs{r.process, applied}, &a); err != nil {
		return recallResult{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[id] = true
	return a, nil
}

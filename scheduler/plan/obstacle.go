package plan

import (
	"slices"

	"cofre/fsm/model"
	"cofre/fsm/table"
)

// Block says what kind of thing keeps an operation from starting.
type Block uint8

// The blocks.
const (
	Nothing      Block = iota // its turn comes
	Early                     // its time has not come
	HeldBack                  // a freeze, a stop or the execution hours hold it back
	DeviceFull                // a device that it works on or passes through has as many operations as it takes
	PatternsMeet              // a change of another SSH key may open the same hosts
	ExecutorFull              // so has its executor
	TargetBusy                // another operation works on its target
	LoginsSpent               // one more failing login could lock an account
	NoSlot                    // every slot that could take it is taken
	NoSite                    // no node that works and offers its executor reaches its site
	NoExecutor                // no node that works offers its executor
	NoNode                    // no node works
)

// Obstacle is what keeps an operation from starting, with what it is about.
type Obstacle struct {
	Block
	Device     model.DeviceID
	Credential model.CredentialID
	Operation  model.OperationID
}

// Outlook tells of operations that wait what they wait for, as Assign decides it: for people who ask. What waits longer and will be
// served before is not looked at.
type Outlook struct {
	*assigning
	alive func(model.NodeID) bool
}

// NewOutlook reads what is at work. alive is as in Look.
func NewOutlook(r table.Reader, now model.Time, alive func(model.NodeID) bool) *Outlook {
	return &Outlook{newAssigning(r, Look{Now: now, Alive: alive, Share: 100}), alive}
}

// Of tells what an operation waits for that no slot has.
func (l *Outlook) Of(o *model.Operation) Obstacle {
	s := l.look(o)
	switch {
	case s.Block == HeldBack: // it was put off: its time is that of the next look
	case o.NotBefore > l.now:
		return Obstacle{Block: Early}
	case s.Block == NoSlot:
		return Obstacle{Block: l.nobody(o)}
	}
	return s.Obstacle
}

// nobody tells why no node takes an operation: all slots are taken, or none may.
func (l *Outlook) nobody(o *model.Operation) Block {
	why := NoNode
	for n := range working(l.r, l.alive) {
		switch {
		case !slices.Contains(n.Announced.Executors, o.Executor):
			why = min(why, NoExecutor)
		case !atSite(n, o.Site):
			why = min(why, NoSite)
		default:
			return NoSlot
		}
	}
	return why
}

package lead

import (
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm/command"
)

// refusals logs proposals that were not taken, of each kind of command once a minute: while the disk of the leader is nearly full, all are
// refused, hundreds in each round, and a line for each would fill it.
type refusals struct {
	mu    sync.Mutex // guards what follows
	kinds map[command.Kind]*refused
}

type refused struct {
	told time.Time
	more int // since then
}

const tellEvery = time.Minute

func newRefusals() *refusals { return &refusals{kinds: map[command.Kind]*refused{}} }

func (r *refusals) tell(log *logrus.Entry, kind command.Kind, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.kinds[kind]
	if of == nil {
		of = &refused{}
		r.kinds[kind] = of
	}
	if !of.told.IsZero() && time.Since(of.told) < tellEvery {
		of.more++
		return
	}
	if of.more > 0 {
		log = log.WithField("more", of.more)
	}
	log.WithField("command", kind).WithError(err).Warn("the scheduler's proposal was not taken")
	*of = refused{told: time.Now()}
}

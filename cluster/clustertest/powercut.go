package clustertest

import (
	"math/rand/v2"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cofre/fsm/model"
)

// cuts keeps what a host would hold if it lost power just before each write of its state store.
type cuts struct {
	mu   sync.Mutex // guards what follows
	list []func()
	rng  *rand.Rand
}

// PowerCuts watches a host whose member is not running: from its next start on it keeps what a power cut before each write of the state
// store would leave. all tells of each so far how to put that back; it is for a host that is stopped, in a cluster that committed
// nothing since.
func (c *Cluster) PowerCuts(id model.NodeID, seed uint64) (all func() (putBack []func())) {
	h := c.host(id)
	h.cuts = &cuts{rng: rand.New(rand.NewPCG(seed, 9))}
	return func() []func() {
		k := h.cuts
		h.cuts = nil
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.list
	}
}

// stateFS is the file system of a host's state store.
func (h *host) stateFS() vfs.FS {
	k, state, log, files := h.cuts, h.state, h.log, h.files
	if k == nil {
		return state
	}
	return errorfs.Wrap(state, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		// All that was not synced, or nothing: in between a folder's newer entry may be there without an older one, which no file
		// system with a journal does, and Pebble does not expect of its manifests.
		cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: 100 * k.rng.IntN(2), RNG: k.rng}
		s, l, f := state.CrashClone(cfg), log.CrashClone(cfg), files.clone()
		k.list = append(k.list, func() { h.state, h.log, h.files = s, l, f })
		return nil
	}))
}

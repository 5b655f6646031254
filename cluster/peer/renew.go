package peer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

// Holder keeps the newest identity of this node.
type Holder struct {
	id atomic.Pointer[Identity]
	mu sync.Mutex // one change at a time
}

// NewHolder holds an identity.
func NewHolder(id *Identity) *Holder {
	h := &Holder{}
	h.id.Store(id)
	return h
}

// Get is the newest identity; callers do not change it.
func (h *Holder) Get() *Identity { return h.id.Load() }

// Set replaces it. Connections that are open keep the old one.
func (h *Holder) Set(id *Identity) { h.id.Store(id) }

// Update changes a copy of the identity, saves it, and then replaces the one in use. Several parts of a node change their
// own fields of it; none undoes what another did meanwhile.
func (h *Holder) Update(save func(*Identity) error, change func(*Identity)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := *h.id.Load()
	change(&id)
	if err := save(&id); err != nil {
		return err
	}
	h.id.Store(&id)
	return nil
}

// Renewer keeps this node's certificate young. The long-lived key stays: it is what others pinned.
type Renewer struct {
	Holder *Holder
	Issue  func(ctx context.Context, csr []byte) (cert []byte, err error) // signs with the authority; fails while sealed
	Save   func(*Identity) error
	Log    logrus.FieldLogger
}

const (
	renewEvery = time.Hour
	retryRenew = 10 * time.Second
)

// Run looks every hour until ctx ends. While it fails it tries often: a cluster that was off for months is opened by
// people, and its API has no valid certificate until then.
func (r *Renewer) Run(ctx context.Context) error {
	var told bool
	for {
		next := renewEvery
		err := r.Renew(ctx, time.Now())
		if err != nil {
			next = retryRenew
			if !told {
				r.Log.WithError(err).Warn("renew the peer certificate")
			}
		}
		told = err != nil
		select {
		case <-time.After(next):
		case <-ctx.Done():
			return nil
		}
	}
}

// Renew gets a new certificate if the present one has 10 days or less to live.
func (r *Renewer) Renew(ctx context.Context, now time.Time) error {
	old := r.Holder.Get()
	if len(old.Chain) > 0 && !NeedsRenewal(old.Chain[0], now) {
		return nil
	}
	csr, err := NewRequest(old.Key, old.Node)
	if err != nil {
		return err
	}
	cert, err := r.Issue(ctx, csr)
	if err != nil {
		return err
	}
	return r.Holder.Update(r.Save, func(id *Identity) { id.Chain = [][]byte{cert} })
}

package peer

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

// Holder keeps the newest identity of this node.
type Holder struct{ id atomic.Pointer[Identity] }

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

// Renewer keeps this node's certificate young. The long-lived key stays: it is what others pinned.
type Renewer struct {
	Holder *Holder
	Issue  func(ctx context.Context, csr []byte) (cert []byte, err error) // signs with the authority; fails while sealed
	Save   func(*Identity) error
	Log    logrus.FieldLogger
}

const renewEvery = time.Hour

// Run looks every hour until ctx ends.
func (r *Renewer) Run(ctx context.Context) error {
	for {
		if err := r.Renew(ctx, time.Now()); err != nil {
			r.Log.WithError(err).Warn("renew the peer certificate")
		}
		select {
		case <-time.After(renewEvery):
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
	id := *old
	id.Chain = [][]byte{cert}
	if err := r.Save(&id); err != nil {
		return err
	}
	r.Holder.Set(&id)
	return nil
}

package shamir

import (
	"fmt"
	"sync"

	"cofre/vault/seal"
	"cofre/vault/secret"
)

// Progress tells how many good shares there are, and how many it takes; Need is 0 before the first one.
type Progress struct{ Have, Need int }

// Complete tells whether the key can be combined.
func (p Progress) Complete() bool { return p.Need > 0 && p.Have >= p.Need }

// Collector takes shares one after the other, from several people. It may be used by many goroutines.
type Collector struct {
	kind Kind

	mu     sync.Mutex // guards shares
	shares []share    // distinct, of one set
}

// NewCollector starts a collection of shares of one kind.
func NewCollector(kind Kind) *Collector { return &Collector{kind: kind} }

// Add takes the text of a share. A refused share changes nothing. The text remains the caller's, to wipe.
func (c *Collector) Add(text secret.Value) (Progress, error) {
	s, err := parse(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		err = c.fits(s)
	}
	if err != nil {
		s.value.Wipe()
		return c.progress(), fmt.Errorf("add a share: %w", err)
	}
	if p := c.progress(); p.Complete() {
		s.value.Wipe() // more than needed: harmless, not used
		return p, nil
	}
	c.shares = append(c.shares, s)
	return c.progress(), nil
}

func (c *Collector) fits(s share) error {
	if s.kind != c.kind {
		return ErrKind
	}
	for _, other := range c.shares {
		switch {
		case other.set != s.set || other.threshold != s.threshold:
			return ErrForeign
		case other.index == s.index:
			return ErrDuplicate
		}
	}
	return nil
}

// Progress tells how far the collection is.
func (c *Collector) Progress() Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.progress()
}

func (c *Collector) progress() Progress {
	if len(c.shares) == 0 {
		return Progress{}
	}
	return Progress{Have: len(c.shares), Need: int(c.shares[0].threshold)}
}

// Key combines the shares once there are enough. Whether it is the right key shows when it opens something. The
// caller wipes it; the shares stay until Reset.
func (c *Collector) Key() (secret.Value, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.progress(); !p.Complete() {
		if p.Need == 0 {
			return secret.Value{}, fmt.Errorf("combine shares: there is none yet: %w", seal.ErrInput)
		}
		return secret.Value{}, fmt.Errorf("combine shares: there are %d of %d: %w", p.Have, p.Need, seal.ErrInput)
	}
	xs, ys := make([]byte, len(c.shares)), make([][]byte, len(c.shares))
	for i, s := range c.shares {
		xs[i] = s.index
		_ = s.value.Reveal(func(b []byte) error { ys[i] = b; return nil }) // lent until mu is released: nobody wipes it before
	}
	key := make([]byte, seal.KeySize)
	interpolate(key, xs, ys)
	return secret.New(key), nil
}

// Reset wipes all shares and starts again.
func (c *Collector) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.shares {
		s.value.Wipe()
	}
	c.shares = nil
}

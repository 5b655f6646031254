package shamir

import (
	"fmt"
	"slices"
	"sync"

	"cofre/vault/seal"
	"cofre/vault/secret"
)

// Progress tells how many good shares of one set there are, that of the newest one, and how many it takes; Need is 0 before the first one.
// Others counts the shares of other sets: of another cluster, or replaced.
type Progress struct{ Have, Need, Others int }

// Complete tells whether the key can be combined.
func (p Progress) Complete() bool { return p.Need > 0 && p.Have >= p.Need }

// Collector takes shares one after the other, from several people. Sets stand side by side: a share that was replaced long ago, brought by
// one of them, keeps nobody from opening the vault. It may be used by many goroutines.
type Collector struct {
	kind Kind

	mu     sync.Mutex // guards what follows
	shares []share    // distinct, oldest first
	newest [setSize]byte
}

// mostShares bounds what a collector keeps.
const mostShares = 8 * MaxShares

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
		return c.progress(), err
	}
	c.newest = s.set
	if p := c.progress(); p.Complete() {
		s.value.Wipe() // more than needed: harmless, not used
		return p, nil
	}
	if len(c.shares) == mostShares {
		c.shares[0].value.Wipe()
		c.shares = c.shares[1:]
	}
	c.shares = append(c.shares, s)
	return c.progress(), nil
}

func (c *Collector) fits(s share) error {
	if s.kind != c.kind {
		return fmt.Errorf("%w: it begins with the word %s, and those that are wanted here with %s", ErrKind, s.kind, c.kind)
	}
	for _, other := range c.shares {
		switch {
		case other.set != s.set:
		case other.threshold != s.threshold:
			return ErrMistyped // its check sum is right by chance, or somebody made it up
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

func (c *Collector) progress() (p Progress) {
	for _, s := range c.shares {
		if s.set == c.newest {
			p.Have, p.Need = p.Have+1, int(s.threshold)
		}
	}
	p.Others = len(c.shares) - p.Have
	return p
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
	var xs []byte
	var ys [][]byte
	for _, s := range c.shares {
		if s.set != c.newest {
			continue
		}
		xs = append(xs, s.index)
		_ = s.value.Reveal(func(b []byte) error { ys = append(ys, b); return nil }) // lent until mu is released: nobody wipes it before
	}
	key := make([]byte, seal.KeySize)
	interpolate(key, xs, ys)
	return secret.New(key), nil
}

// Drop wipes the shares of the newest set: their key opens nothing.
func (c *Collector) Drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shares = slices.DeleteFunc(c.shares, func(s share) bool {
		if s.set == c.newest {
			s.value.Wipe()
		}
		return s.set == c.newest
	})
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

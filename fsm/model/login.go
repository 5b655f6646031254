package model

import (
	"slices"
	"time"
)

// The budget of failing logins protects an account of a target from being locked by us. An attempt reserves, with its
// lease, every login that it may fail, on the account that it changes, on the one that logs in for it, and on those of the
// jump hosts and proxies on its way; its report, or the end of its lease, turns the reserve into what failed or may have
// failed. What is reserved counts as failed.

// LoginReserve is what one lease may still fail.
type LoginReserve struct {
	Token Pos `cbor:"token"`
	N     int `cbor:"n"`
}

const keptBadLogins = 16 // the greatest limit of a policy

// LoginBudget tells how many failing logins are left at a moment under a limit per window, and when the next one
// becomes available if none is; the moment itself if that depends on an attempt at work.
func (c *Credential) LoginBudget(limit int, window time.Duration, at Time) (left int, next Time) {
	var recent []Time
	for _, t := range c.BadLogins {
		if t.Add(window) > at {
			recent = append(recent, t)
		}
	}
	for _, r := range c.Reserved {
		limit -= r.N
	}
	switch left = limit - len(recent); {
	case left > 0:
		return left, at
	case limit <= 0:
		return 0, at
	}
	return 0, recent[len(recent)-limit].Add(window)
}

// ReserveLogins keeps n logins of the budget for a lease, besides what it has.
func (c *Credential) ReserveLogins(token Pos, n int) {
	for i := range c.Reserved {
		if c.Reserved[i].Token == token {
			c.Reserved = slices.Clone(c.Reserved)
			c.Reserved[i].N += n
			return
		}
	}
	c.Reserved = append(slices.Clip(c.Reserved), LoginReserve{token, n})
}

// ReservedLogins is what a lease may fail.
func (c *Credential) ReservedLogins(token Pos) int {
	for _, r := range c.Reserved {
		if r.Token == token {
			return r.N
		}
	}
	return 0
}

// SettleLogins gives a lease's reserve back and records how many of it failed, or may have.
func (c *Credential) SettleLogins(token Pos, failed int, at Time) {
	failed = min(failed, c.ReservedLogins(token))
	c.Reserved = slices.DeleteFunc(slices.Clone(c.Reserved), func(r LoginReserve) bool { return r.Token == token })
	if len(c.Reserved) == 0 {
		c.Reserved = nil
	}
	c.FailLogins(failed, at)
}

// FailLogins records that so many logins failed, or may have.
func (c *Credential) FailLogins(n int, at Time) {
	for range n {
		c.BadLogins = append(slices.Clip(c.BadLogins), at)
	}
	if extra := len(c.BadLogins) - keptBadLogins; extra > 0 {
		c.BadLogins = slices.Clone(c.BadLogins[extra:])
	}
}

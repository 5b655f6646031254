package authn

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"cofre/fsm/model"
)

// Rate is how often something may happen: per second, and at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Limiter allows each key a rate, and remembers the keys used last.
type Limiter struct {
	rate Rate

	mu   sync.Mutex // guards keys
	keys *lru[string, *rate.Limiter]
}

// NewLimiter remembers at most size keys.
func NewLimiter(r Rate, size int) *Limiter {
	return &Limiter{rate: r, keys: newLRU[string, *rate.Limiter](size)}
}

// Check answers as Allow would, and takes nothing.
func (l *Limiter) Check(key string, at time.Time) error {
	l.mu.Lock()
	k, ok := l.keys.get(key)
	l.mu.Unlock()
	if !ok || k.TokensAt(at) >= 1 {
		return nil
	}
	return &model.Error{Kind: model.Limited, Msg: "Too many requests", RetryAfter: 1}
}

// Left tells how many requests a key may make at once now, of how many at most, and when it may make that many again.
func (l *Limiter) Left(key string, at time.Time) (limit, left int, full time.Time) {
	l.mu.Lock()
	k, ok := l.keys.get(key)
	l.mu.Unlock()
	limit = l.rate.Burst
	if !ok {
		return limit, limit, at
	}
	tokens := max(0, k.TokensAt(at))
	missing := float64(limit) - tokens
	return limit, int(tokens), at.Add(time.Duration(math.Ceil(missing/l.rate.PerSecond)) * time.Second)
}

// Allow takes one from a key's allowance, or answers with a Limited error that says when to come back.
func (l *Limiter) Allow(key string, at time.Time) error {
	l.mu.Lock()
	k, ok := l.keys.get(key)
	if !ok {
		k = rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
		l.keys.put(key, k)
	}
	l.mu.Unlock()
	r := k.ReserveN(at, 1)
	if wait := r.DelayFrom(at); !r.OK() || wait > 0 {
		r.CancelAt(at)
		return &model.Error{Kind: model.Limited, Msg: "Too many requests", RetryAfter: max(1, int64(math.Ceil(min(wait, time.Hour).Seconds())))}
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
)

// parallel is how many rotations the load keeps going at once.
const parallel = 24

// load rotates every account again and again.
type load struct {
	api      *api
	accounts []*account
	cursor   atomic.Int64
	cancel   context.CancelFunc
	work     sync.WaitGroup
	ended    int // rotations that succeeded, counted at the end of each round
	errors   atomic.Int64
}

func newLoad(a *api, accounts []*account) *load {
	accounts = append([]*account(nil), accounts...)
	rand.Shuffle(len(accounts), func(i, j int) { accounts[i], accounts[j] = accounts[j], accounts[i] })
	return &load{api: a, accounts: accounts}
}

func (l *load) start(ctx context.Context) {
	ctx, l.cancel = context.WithCancel(ctx)
	for range parallel {
		l.work.Go(func() {
			for ctx.Err() == nil {
				a := l.accounts[int(l.cursor.Add(1))%len(l.accounts)]
				if err := l.rotate(ctx, a); err != nil && ctx.Err() == nil {
					l.errors.Add(1)
					_ = pause(ctx, idle)
				}
			}
		})
	}
}

// rotate asks for a change and waits for its end; a request whose answer was lost is settled by the lists.
func (l *load) rotate(ctx context.Context, a *account) error {
	var o op
	err := l.api.do(ctx, http.MethodPost, "/api/v1/operations", map[string]string{"credential": a.identifier, "kind": "change"}, &o)
	for err == nil && !o.Final && ctx.Err() == nil {
		err = l.api.do(ctx, http.MethodGet, fmt.Sprintf("/api/v1/operations/%d?wait=2s", o.Number), nil, &o)
	}
	return err
}

func (l *load) stop() {
	l.cancel()
	l.work.Wait()
}

func (l *load) done() int { return l.ended }

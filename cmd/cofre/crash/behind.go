package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// kept is how many entries of its log a leader keeps for those that fall back (TrailingLogs of cluster/raftnode, and
// what is written until it cuts the log again).
const kept = 10240 + 1024

// outrun kills a node and writes until the others have forgotten where it was: it must receive the whole state. It gives
// up after some minutes, without a fault.
func (m *matrix) outrun(ctx context.Context, n *node) error {
	if err := n.kill(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	first, others := uint64(0), m.api.besides(n.i)
	var work sync.WaitGroup
	defer work.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for i := range 8 {
		path := "/api/v1/credentials/" + m.targets.accounts[i%len(m.targets.accounts)].identifier + "/secret"
		work.Go(func() {
			for ctx.Err() == nil {
				_ = others.do(ctx, http.MethodGet, path, nil, nil) // a read is a write
			}
		})
	}
	for {
		for _, o := range m.nodes {
			if s, err := o.status(ctx); o != n && err == nil {
				for _, member := range s.Members {
					if member.ID == o.id && first == 0 {
						first = member.Applied
					}
					if member.ID == o.id && member.Applied > first+kept {
						return nil
					}
				}
			}
		}
		if pause(ctx, idle) != nil {
			return fmt.Errorf("the log does not grow by %d entries", kept)
		}
	}
}

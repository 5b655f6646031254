package peer_test

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cofre/cluster/peer"
)

func TestDialWaitsForAProcess(t *testing.T) {
	away, refused := errors.New("no route"), &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for name, c := range map[string]struct {
		answers []error       // of the machine, one after another; the last one stays
		stop    time.Duration // when the node is stopped; 0: never
		want    error
		took    time.Duration
	}{
		"a process that comes":   {answers: []error{refused, refused, refused, away}, want: away, took: 75 * time.Millisecond},
		"one that does not come": {answers: []error{refused}, want: syscall.ECONNREFUSED, took: 2*time.Second + 25*time.Millisecond},
		"a machine that is away": {answers: []error{away}, want: away},
		"a node that stops":      {answers: []error{refused}, stop: 10 * time.Millisecond, want: syscall.ECONNREFUSED, took: 10 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial := func(context.Context, string, string) (net.Conn, error) {
					err := c.answers[0]
					if len(c.answers) > 1 {
						c.answers = c.answers[1:]
					}
					return nil, err
				}
				ctx, cancel := context.WithCancel(t.Context())
				if c.stop != 0 {
					time.AfterFunc(c.stop, cancel)
				}
				defer cancel()
				start := time.Now()
				_, err := peer.NewStreams(ctx, &peer.Dialer{Dial: dial}, "n1@host:1").Dial("n2@host:2", 2*time.Second)
				if took := time.Since(start); !errors.Is(err, c.want) || took != c.took {
					t.Errorf("%v after %s, want %v after %s", err, took, c.want, c.took)
				}
			})
		})
	}
}

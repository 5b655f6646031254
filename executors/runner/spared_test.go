package runner_test

import (
	"context"
	"net"
	"testing"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/device"
	"cofre/fsm/model"
)

// TestOnlyFailingLoginsCount: an attempt that fails before anything was sent counts as a failing login unless the executor was let in, or
// the target's words show that it refused none.
func TestOnlyFailingLoginsCount(t *testing.T) {
	t.Parallel()
	address := listen(t)
	for name, c := range map[string]struct {
		enters bool
		f      executors.Failure
		bad    int
	}{
		"a refused login":                       {false, executors.Failure{Class: executors.ClassPolicy}, 1},
		"silence, who knows when":               {false, executors.Failure{Class: executors.ClassTimeout}, 1},
		"a server that takes nobody more":       {false, executors.Failure{Class: executors.ClassNetwork, Spared: true}, 0},
		"a pattern that did not come":           {true, executors.Failure{Class: executors.ClassTimeout}, 0},
		"a password that su refused":            {true, executors.Failure{Class: executors.ClassPolicy, Denied: mask.CurrentPassword}, 1},
		"a connection that was lost afterwards": {true, executors.Failure{Class: executors.ClassNetwork}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			own := h.device(h.credential().Device)
			own.IP = "127.0.0.1"
			as(h, device.Put, device.PutArgs{Device: *own})
			id, _ := h.grant()
			h.start(fake{run: func(ctx context.Context, s executors.Session) (executors.Outcome, error) {
				conn, err := s.Dial(ctx, "tcp", address)
				if err != nil {
					t.Error(err)
					return executors.NotStarted, err
				}
				defer func(c net.Conn) { _ = c.Close() }(conn)
				if c.enters {
					s.Entered()
				}
				f := c.f
				f.Msg = "it did not go"
				return executors.NotStarted, &f
			}})
			h.await(id, "ended", func(o *model.Operation) bool { return o.Lease == nil })
			if after := h.credential(); len(after.BadLogins) != c.bad || len(after.Reserved) != 0 {
				t.Errorf("%d bad logins, reserved %v; want %d", len(after.BadLogins), after.Reserved, c.bad)
			}
		})
	}
}

package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/cluster/rpc"
	"cofre/fsm/model"
)

func quiet() *logrus.Logger {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return l
}

type question struct {
	Text string        `cbor:"text"`
	Wait time.Duration `cbor:"wait"`
}

// answering is a peer that echoes after a while, refuses, or breaks.
func answering(log logrus.FieldLogger) *rpc.Server {
	return &rpc.Server{Log: log, Handlers: map[rpc.Method]rpc.Handler{
		rpc.Status: rpc.Handle(func(ctx context.Context, peer model.NodeID, q question) (string, error) {
			select {
			case <-time.After(q.Wait):
				return string(peer) + ":" + q.Text, nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}),
		rpc.Join: rpc.Handle(func(context.Context, model.NodeID, question) (string, error) {
			return "", &model.Error{Op: "join", Kind: model.Denied, Msg: "no", Err: errors.New("used")}
		}),
		rpc.Unwrap: rpc.Handle(func(context.Context, model.NodeID, question) (string, error) {
			return "", errors.New("a secret detail")
		}),
		rpc.ReadIndex: rpc.Handle(func(_ context.Context, _ model.NodeID, q question) (string, error) {
			return strings.Repeat("x", 5<<20), nil
		}),
	}}
}

// network connects a client to a server by pipes and counts connections.
func network(t *testing.T) (client *rpc.Client, dials *atomic.Int32, cut func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var last atomic.Pointer[net.Conn]
	dials = &atomic.Int32{}
	client = rpc.NewClient(func(context.Context, model.NodeID) (net.Conn, error) {
		dials.Add(1)
		a, b := net.Pipe()
		last.Store(&a)
		wg.Go(func() { answering(quiet()).Serve(ctx, b, "me") })
		return a, nil
	}, nil)
	t.Cleanup(func() { client.Close(); cancel(); wg.Wait() })
	return client, dials, func() { _ = (*last.Load()).Close() }
}

func TestManyInFlightOnOneConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, dials, _ := network(t)
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				var got string
				if err := c.Call(t.Context(), "p", rpc.Status, question{fmt.Sprint(i), time.Second}, &got); err != nil || got != fmt.Sprintf("me:%d", i) {
					t.Errorf("%d: %q %v", i, got, err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took != time.Second || dials.Load() != 1 {
			t.Errorf("100 questions of a second took %s on %d connections", took, dials.Load())
		}
	})
}

func TestDeadlineEndsBothSides(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := network(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := c.Call(ctx, "p", rpc.Status, question{"late", time.Hour}, nil)
		if !errors.Is(err, rpc.ErrNoAnswer) && !model.Is(err, model.Unavailable) {
			t.Errorf("%v", err)
		}
		// The connection goes on living.
		if err := c.Call(t.Context(), "p", rpc.Status, question{"next", 0}, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, dials, cut := network(t)
		done := make(chan error)
		go func() { done <- c.Call(t.Context(), "p", rpc.Status, question{"x", time.Hour}, nil) }()
		synctest.Wait()
		cut()
		if err := <-done; !errors.Is(err, rpc.ErrNoAnswer) {
			t.Errorf("cut in flight: %v", err)
		}
		if err := c.Call(t.Context(), "p", rpc.Status, question{"y", 0}, nil); err != nil || dials.Load() != 2 {
			t.Errorf("afterwards: %v, %d connections", err, dials.Load())
		}
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := network(t)
		for m, want := range map[rpc.Method]struct {
			kind model.Kind
			text string
		}{
			rpc.Join: {model.Denied, "used"}, rpc.Unwrap: {model.Internal, "see the log"}, rpc.Propose: {model.Invalid, "does not answer"},
			rpc.ReadIndex: {model.Internal, "too large"},
		} {
			err := c.Call(t.Context(), "p", m, question{}, nil)
			if model.KindOf(err) != want.kind || !strings.Contains(err.Error(), want.text) || strings.Contains(err.Error(), "secret detail") {
				t.Errorf("%s: %v", m, err)
			}
		}
		if err := c.Call(t.Context(), "p", rpc.Status, question{Text: strings.Repeat("x", 5<<20)}, nil); !errors.Is(err, rpc.ErrNotSent) {
			t.Errorf("large request: %v", err)
		}
		no := rpc.NewClient(func(context.Context, model.NodeID) (net.Conn, error) { return nil, errors.New("no route") }, nil)
		if err := no.Call(t.Context(), "p", rpc.Status, question{}, nil); !errors.Is(err, rpc.ErrNotSent) {
			t.Errorf("no route: %v", err)
		}
	})
}

func TestRepliesCarryTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		var seen model.Time
		var round time.Duration
		go answering(quiet()).Serve(t.Context(), b, "me")
		c := rpc.NewConn(a, "p", func(_ model.NodeID, clock model.Time, sent, received time.Time) {
			seen, round = clock, received.Sub(sent)
		})
		defer func() { _ = c.Close() }()
		if err := c.Call(t.Context(), rpc.Status, question{"", time.Second}, nil); err != nil {
			t.Fatal(err)
		}
		if seen != model.TimeOf(time.Now()) || round != time.Second {
			t.Errorf("clock %s, round %s", seen, round)
		}
	})
}

// Whatever bytes come, the server answers or hangs up, and ends.
func FuzzServe(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0xa0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, in []byte) {
		a, b := net.Pipe()
		done := make(chan struct{})
		go func() { defer close(done); answering(quiet()).Serve(t.Context(), b, "me") }()
		go func() { _, _ = io.Copy(io.Discard, a) }()
		_, _ = a.Write(in)
		_ = a.Close()
		<-done
	})
}

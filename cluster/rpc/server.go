package rpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm/codec"
	"cofre/fsm/model"
)

// Handler answers one question of a peer, whose identity cluster/peer has proven ("" on a join connection). The answer
// is encoded as CBOR; an error that is no *model.Error reaches the peer as Internal without its text.
type Handler func(ctx context.Context, peer model.NodeID, body codec.Raw) (any, error)

// Handle makes a Handler of a typed function.
func Handle[A, R any](fn func(ctx context.Context, peer model.NodeID, args A) (R, error)) Handler {
	return func(ctx context.Context, peer model.NodeID, body codec.Raw) (any, error) {
		var args A
		if err := codec.Decode(body, &args); err != nil {
			return nil, &model.Error{Kind: model.Invalid, Msg: "the request cannot be read", Err: err}
		}
		return fn(ctx, peer, args)
	}
}

const (
	maxInFlight = 256 // requests of one connection that are being answered
	maxBudget   = 60 * time.Second
	writeTime   = 10 * time.Second
)

// Server answers requests.
type Server struct {
	Handlers map[Method]Handler
	Log      logrus.FieldLogger
	Now      func() model.Time // the clock that replies carry; nil: that of the machine
}

// Serve answers the requests of one connection until it breaks or ctx ends, and waits for what it started. It closes
// the connection. It fits peer.Handler.
func (s *Server) Serve(ctx context.Context, conn net.Conn, peer model.NodeID) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	out := make(chan []byte, 16)
	wg.Go(func() { defer cancel(); writeFrames(ctx, conn, out) })
	in := bufio.NewReaderSize(conn, 64<<10)
	free := make(chan struct{}, maxInFlight)
	for {
		var q request
		if err := readFrame(in, &q); err != nil {
			if ctx.Err() == nil && !isClosed(err) {
				s.Log.WithError(err).WithField("node", string(peer)).Warn("read from a peer")
			}
			return
		}
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		wg.Go(func() {
			defer func() { <-free }()
			s.answer(ctx, peer, &q, out)
		})
	}
}

func (s *Server) answer(ctx context.Context, peer model.NodeID, q *request, out chan<- []byte) {
	budget, cancel := context.WithTimeout(ctx, min(time.Duration(q.Budget)*time.Millisecond, maxBudget))
	defer cancel()
	r := reply{ID: q.ID}
	body, err := s.call(budget, peer, q)
	if err == nil {
		r.Body, err = codec.Encode(body)
	}
	if err != nil {
		r.Body, r.Err = nil, s.public(peer, q.Method, err)
	}
	r.Clock = s.clock()
	frame, err := encodeFrame(&r)
	if err != nil {
		frame, _ = encodeFrame(&reply{ID: q.ID, Clock: r.Clock, Err: model.Errorf(model.Internal, "the answer is too large")})
	}
	select {
	case out <- frame:
	case <-ctx.Done():
	}
}

func (s *Server) clock() model.Time {
	if s.Now == nil {
		return model.TimeOf(time.Now())
	}
	return s.Now()
}

func (s *Server) call(ctx context.Context, peer model.NodeID, q *request) (any, error) {
	h, ok := s.Handlers[q.Method]
	if !ok {
		return nil, model.Errorf(model.Invalid, "this node does not answer %s", q.Method)
	}
	return h(ctx, peer, q.Body)
}

// public turns an error into what a peer may see.
func (s *Server) public(peer model.NodeID, m Method, err error) *model.Error {
	var me *model.Error
	if errors.As(err, &me) {
		c := *me
		if c.Err != nil {
			c.Msg, c.Err = fmt.Sprintf("%s: %v", c.Msg, c.Err), nil
		}
		return &c
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return model.Errorf(model.Unavailable, "%s was not answered in time", m)
	}
	s.Log.WithError(err).WithFields(logrus.Fields{"node": string(peer), "method": m.String()}).Error("answer a peer")
	return model.Errorf(model.Internal, "%s did not succeed: see the log of the answering node", m)
}

// writeFrames writes until the connection breaks. Frames that wait together go out in one write.
func writeFrames(ctx context.Context, conn net.Conn, out <-chan []byte) {
	w := bufio.NewWriterSize(conn, 64<<10)
	for {
		select {
		case frame := <-out:
			if conn.SetWriteDeadline(time.Now().Add(writeTime)) != nil {
				return
			}
			for more := true; more; {
				if _, err := w.Write(frame); err != nil {
					return
				}
				select {
				case frame = <-out:
				default:
					more = false
				}
			}
			if w.Flush() != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

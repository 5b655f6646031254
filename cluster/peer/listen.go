package peer

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm/model"
)

// Handler serves one connection until it returns; the listener closes the connection. peer is "" for a newcomer.
type Handler func(ctx context.Context, conn net.Conn, peer model.NodeID)

// maxHandshakes bounds connections that have not proven who they are.
const maxHandshakes = 64

// Listener is the peer port.
type Listener struct {
	Self     func() *Identity
	Pinned   Lookup
	Raft     Lookup             // for raft/1; nil: Pinned
	Handlers map[string]Handler // by protocol; raft's is Streams.Serve
	Log      logrus.FieldLogger
}

// Serve accepts connections until ctx ends, closes ln and every connection, and waits for the handlers.
func (l *Listener) Serve(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	free := make(chan struct{}, maxHandshakes)
	for {
		raw, err := ln.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // for example too many open files: keep serving those who are connected
			l.Log.WithError(err).Warn("accept a peer connection")
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		select {
		case free <- struct{}{}:
		default:
			_ = raw.Close() // full of strangers: refuse rather than queue
			continue
		}
		wg.Go(func() {
			defer func() { _ = raw.Close() }()
			conn, proto, node, err := l.secure(ctx, raw)
			<-free
			if err != nil {
				l.Log.WithError(err).WithField("remote", raw.RemoteAddr().String()).Warn("a peer connection was refused")
				return
			}
			one, done := context.WithCancel(ctx)
			cut := context.AfterFunc(one, func() { _ = conn.Close() })
			defer cut()
			var watching sync.WaitGroup
			defer watching.Wait()
			defer done()
			if node != "" {
				watching.Go(func() { watch(one, l.lookup(proto), node, done, l.Log) })
			}
			l.Handlers[proto](one, conn, node)
		})
	}
}

const watchEvery = time.Second

// watch cuts the connection of a node that was removed or whose key changed.
func watch(ctx context.Context, pinned Lookup, node model.NodeID, cut context.CancelFunc, log logrus.FieldLogger) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	was, _ := pinned(node)
	for {
		select {
		case <-tick.C:
			if key, ok := pinned(node); !ok || !bytes.Equal(key, was) {
				log.WithField("node", string(node)).Warn("the peer is not a member any more; its connection is cut")
				cut()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (l *Listener) secure(ctx context.Context, raw net.Conn) (net.Conn, string, model.NodeID, error) {
	self := l.Self()
	var protos []string
	for p := range l.Handlers {
		protos = append(protos, p)
	}
	conn := tls.Server(raw, &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: protos, Certificates: []tls.Certificate{*self.certificate()},
		ClientAuth: tls.RequestClientCert, SessionTicketsDisabled: true, // authorize decides, each time anew
	})
	state, err := handshake(ctx, conn, protos...)
	if err != nil {
		return nil, "", "", err
	}
	node, verdict := l.decide(state, self)
	if err := exchange(conn, verdict, false); err != nil {
		return nil, "", "", err
	}
	return conn, state.NegotiatedProtocol, node, conn.SetDeadline(time.Time{})
}

func (l *Listener) lookup(proto string) Lookup {
	if proto == ProtoRaft && l.Raft != nil {
		return l.Raft
	}
	return l.Pinned
}

func (l *Listener) decide(state tls.ConnectionState, self *Identity) (model.NodeID, error) {
	if state.NegotiatedProtocol == ProtoJoin {
		return "", nil // the join token decides
	}
	if len(state.PeerCertificates) == 0 {
		return "", errors.New("the peer shows no certificate")
	}
	return authorize(state.PeerCertificates[0], self, "", l.lookup(state.NegotiatedProtocol), time.Now(), l.Log)
}

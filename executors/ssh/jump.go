package ssh

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/dialogue"
)

// Jump logs in at a jump host as AUTH_USER and connects to an address from there. The login serves this connection alone and ends
// with it. Errors are *Failure and never of the class of a refused login, which is a statement about the secret of a target; Unpassed
// says that it was the login here.
func Jump(ctx context.Context, s executors.Session, address string) (net.Conn, error) {
	s, red := s.Guard()
	reached, dial := false, s.Dial
	s.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		reached = reached || err == nil
		return c, err
	}
	client, err := logIn(ctx, s, s.ConnectTimeout)
	if err != nil {
		f := executors.FailureOf(red, 0, err)
		switch f.Class {
		case executors.ClassAuth:
			f.Class, f.Unpassed = executors.ClassRefused, !f.Spared
		case executors.ClassNetwork, executors.ClassTimeout, executors.ClassProtocol:
			f.Unpassed = reached && !f.Spared
		}
		return nil, f
	}
	limit := s.ConnectTimeout
	if limit <= 0 {
		limit = dialogue.DefaultTimeout
	}
	dctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	stop := context.AfterFunc(dctx, func() { _ = client.Close() })
	channel, err := client.DialContext(dctx, "tcp", address)
	if err == nil && stop() {
		return newTunnel(client, channel), nil
	}
	_ = client.Close()
	var no *ssh.OpenChannelError
	switch {
	case dctx.Err() != nil:
		err = executors.Late(dctx, "connect onwards to "+address, limit)
	case errors.As(err, &no) && no.Reason == ssh.Prohibited:
		err = &executors.Failure{Class: executors.ClassRefused, Msg: "it does not let " + s.Target.Hostname + "'s users connect onwards: " + red.Text(no.Message)}
	case errors.As(err, &no):
		err = &executors.Failure{Class: executors.ClassNetwork, Msg: "it cannot connect onwards: " + red.Text(no.Message)}
	}
	return nil, executors.FailureOf(red, 0, err)
}

// tunnel is a channel as executors need a connection: with deadlines, which channels do not have, and an end that leaves nothing open.
type tunnel struct {
	net.Conn // our end of a pipe
	client   *ssh.Client
	pumps    sync.WaitGroup
}

func newTunnel(client *ssh.Client, channel net.Conn) *tunnel {
	ours, theirs := net.Pipe()
	t := &tunnel{Conn: ours, client: client}
	t.pumps.Go(func() {
		_, _ = io.Copy(theirs, channel) // however it ended, the peer is gone
		_ = theirs.Close()
	})
	t.pumps.Go(func() {
		_, _ = io.Copy(channel, theirs)
		_ = theirs.Close()
		_ = client.Close()
	})
	return t
}

// Close ends the connection and the login at the jump host.
func (t *tunnel) Close() error {
	err := errors.Join(t.Conn.Close(), ignoreClosed(t.client.Close()))
	t.pumps.Wait()
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

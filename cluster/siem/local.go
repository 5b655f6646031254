package siem

import (
	"context"
	"errors"
	"fmt"

	gsyslog "github.com/hashicorp/go-syslog"

	"cofre/fsm/audit"
)

// local writes to the syslog of this machine. Where there is none (a container without /dev/log) events wait, and the
// pipeline tries again.
type local struct {
	cfg   LocalConfig
	least audit.Class
	open  func() (gsyslog.Syslogger, error)
	log   gsyslog.Syslogger
	busy  chan struct{} // holds one token while a write is under way
}

func newLocal(c LocalConfig) *local {
	l := &local{cfg: c, least: audit.Public, busy: make(chan struct{}, 1)}
	if c.Mode == LocalFull {
		l.least = audit.Sensitive
	}
	l.open = func() (gsyslog.Syslogger, error) { return gsyslog.NewLogger(gsyslog.LOG_NOTICE, c.Facility, c.Tag) }
	return l
}

// Send writes the batch. A syslog daemon that stopped reading blocks a write without end and without a deadline; then
// Send returns when its context ends, and the write is left behind until the daemon reads again.
func (l *local) Send(ctx context.Context, batch []audit.Event) error {
	select {
	case l.busy <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("the local syslog does not read: %w", ctx.Err())
	}
	done := make(chan error, 1)
	go func() {
		err := l.write(batch)
		<-l.busy // before the answer, so that whoever has it can close
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the local syslog does not read: %w", ctx.Err())
	}
}

func (l *local) write(batch []audit.Event) error {
	if l.log == nil {
		log, err := l.open()
		if err != nil {
			return fmt.Errorf("open the local syslog: %w", err)
		}
		l.log = log
	}
	for i := range batch {
		e := &batch[i]
		if err := l.log.WriteLevel(gsyslog.Priority(e.Severity&7), localText(viewOf(e, l.least))); err != nil {
			err = errors.Join(fmt.Errorf("write to the local syslog: %w", err), l.log.Close())
			l.log = nil
			return err
		}
	}
	return nil
}

// Settled is true: a datagram that was taken is in the daemon's queue.
func (l *local) Settled() (bool, error) { return true, nil }

// Close gives the socket back, unless a write is stuck in it.
func (l *local) Close() error {
	select {
	case l.busy <- struct{}{}:
		defer func() { <-l.busy }()
	default:
		return nil
	}
	if l.log == nil {
		return nil
	}
	err := l.log.Close()
	l.log = nil
	return err
}

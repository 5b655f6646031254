package target

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

// Telnet is a telnetd whose accounts are accounts of this machine. An OpenSSH server beside it makes them, and answers
// which password is in force. It needs root.
type Telnet struct {
	*SSH

	port int
	proc *process
}

// Telnetd starts a server for a test.
func Telnetd(t testing.TB) *Telnet {
	t.Helper()
	s, err := StartTelnetd(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// StartTelnetd starts a server in a directory of its own.
func StartTelnetd(dir string) (*Telnet, error) {
	bin, err := find("inetutils-telnetd", "/usr/sbin/telnetd", "telnetd")
	if err != nil {
		return nil, err
	}
	activate, err := find("systemd", "systemd-socket-activate")
	if err != nil {
		return nil, err
	}
	s := &Telnet{}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	pam, err := quickPAM(dir)
	if err != nil {
		return nil, err
	}
	if s.SSH, err = startSSHD(dir, pam, nil); err != nil {
		return nil, err
	}
	// One process for each connection, as inetd does it.
	if s.proc, err = start(withPAM(pam, activate, "--inetd", "-a", "-l", s.Addr(), bin), filepath.Join(dir, "telnetd.log")); err != nil {
		return nil, errors.Join(err, s.SSH.Close())
	}
	return s, s.proc.ready(func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
		if err == nil {
			err = c.Close()
		}
		return err
	})
}

// Addr is host:port.
func (s *Telnet) Addr() string { return address(s.port) }

// Port is the port on loopback.
func (s *Telnet) Port() uint16 { return uint16(s.port) }

// Close stops the servers and removes the accounts.
func (s *Telnet) Close() error { return errors.Join(s.proc.stop(syscall.SIGTERM), s.SSH.Close()) }

package oracle

import (
	"bytes"
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"

	goora "github.com/sijms/go-ora/v2"
	"github.com/sijms/go-ora/v2/configurations"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

const defaultTimeout = 10 * time.Second // of connecting, and of each statement

const requested = 2 // Oracle's own encryption is wanted, not demanded

// login is how a template logs in.
type login struct {
	line     int // of CONN; 0 without it
	who      mask.Name
	password mask.Name
	service  []mask.Part
	sysdba   bool
}

// defaultService is a service, or sid:NAME, in the credential's additional information.
var defaultService = []mask.Part{{Hole: mask.AddInfo}}

// place is what may stand in a connect descriptor: nothing there can be quoted.
var place = regexp.MustCompile(`^(?i:(sid:))?([A-Za-z0-9][A-Za-z0-9._$#-]{0,254})$`)

// config is a driver's configuration with nothing but what the session says. Errors are *executors.Failure.
func (l login) config(s executors.Session, with secret.Value) (*configurations.ConnectionConfig, error) {
	user, err := s.Resolve(l.who)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, l.line, fmt.Errorf("%s: %w", l.who, err))
	}
	port := s.Target.Port
	if port == 0 {
		port = DefaultPort
	}
	host := s.Target.Hostname // the certificate's, and no more: the dialer knows the address
	if host == "" {
		host = s.Target.Address
	}
	cfg := &configurations.ConnectionConfig{
		ClientInfo: configurations.ClientInfo{
			ProgramPath: "cofre", ProgramName: "cofre", OSUserName: "cofre", HostName: "cofre", DriverName: "cofre", Language: "AMERICAN", Territory: "AMERICA",
		},
		SessionInfo: configurations.SessionInfo{Protocol: "tcps", SSL: true, SSLVerify: true, TransportDataUnitSize: 0x200000, SessionDataUnitSize: 0x200000},
		// A place for its clock, or the driver would ask the server for one.
		DatabaseInfo: configurations.DatabaseInfo{Servers: []configurations.ServerAddr{{Addr: host, Port: int(port)}}, Location: "UTC"},
		PrefetchRows: 1000,
	}
	if cfg.TLSConfig, err = executors.TLSConfig(s.Target); err != nil {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: err.Error()}
	}
	if s.Target.Protocol == Plain {
		if !s.Target.InsecureTLS {
			return nil, &executors.Failure{Class: executors.ClassTLS, Msg: "a listener without TLS needs the device's insecure_tls: list its TLS port as ORACLE instead, if it has one"}
		}
		cfg.Protocol, cfg.SSL, cfg.TLSConfig = "tcp", false, nil
		cfg.EncServiceLevel, cfg.IntServiceLevel = requested, requested
	}
	// The driver wants strings; they live as long as the connection.
	err = errors.Join(
		user.Reveal(func(b []byte) (err error) { cfg.UserID, err = loginName(b); return err }),
		with.Reveal(func(b []byte) error { cfg.Password = string(b); return fits(b, maxPassword) }),
	)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, l.line, err)
	}
	if l.sysdba || strings.EqualFold(strings.Trim(cfg.UserID, `"`), "sys") {
		cfg.DBAPrivilege = configurations.SYSDBA
	}
	return cfg, l.find(s, cfg)
}

// find fills in which database of the listener is meant.
func (l login) find(s executors.Session, cfg *configurations.ConnectionConfig) error {
	text, err := mask.Render(l.service, s.Resolve, mask.Raw)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, l.line, fmt.Errorf("the service: %w", err))
	}
	defer text.Wipe()
	err = text.Reveal(func(b []byte) error {
		m := place.FindSubmatch(bytes.TrimSpace(b))
		switch {
		case m == nil:
			return errors.New("expected the name of a service, or sid:NAME, in the credential's additional information or after CONN user@")
		case len(m[1]) > 0:
			cfg.SID = string(m[2])
		default:
			cfg.ServiceName = string(m[2])
		}
		return nil
	})
	if err != nil {
		return executors.Fail(executors.ClassTemplate, l.line, err)
	}
	return nil
}

// dialer gives the driver one connection: it would follow a listener that sends it on, and so reach another host.
type dialer struct {
	session executors.Session
	dial    executors.Dialer // the session's, watched
	limit   context.Context  // of connecting

	mu   sync.Mutex // guards the fields below
	conn net.Conn
	err  error
}

// DialContext opens the connection.
func (d *dialer) DialContext(_ context.Context, network, _ string) (net.Conn, error) {
	d.mu.Lock()
	again := d.conn != nil
	d.mu.Unlock()
	var c net.Conn
	err := error(&executors.Failure{Class: executors.ClassProtocol, Msg: "the listener sends us on to another place, which is not followed: make that one the device"})
	if !again {
		c, err = d.dial(d.limit, network, d.session.Address(DefaultPort))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn, d.err = c, err
	return c, err
}

// cut breaks the connection, so that whoever waits for it wakes up.
func (d *dialer) cut() {
	d.mu.Lock()
	c := d.conn
	d.mu.Unlock()
	if c != nil {
		_ = c.Close()
	}
}

func (d *dialer) failed() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// client is one connection, logged in.
type client struct {
	conn *goora.Connection
	dial *dialer
}

// guarded calls the driver, which panics where an answer is shorter than it should be.
func guarded(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &executors.Failure{Class: executors.ClassProtocol, Msg: "the server's answer cannot be read"}
		}
	}()
	return call()
}

// open logs in once. The driver gets no context: ours cuts the connection, after which it says nothing more to the server.
func (l login) open(ctx context.Context, s executors.Session, with secret.Value) (*client, error) {
	cfg, err := l.config(s, with)
	if err != nil {
		return nil, err
	}
	limit := s.ConnectTimeout
	if limit <= 0 {
		limit = defaultTimeout
	}
	first, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := &client{dial: &dialer{session: s, limit: first}}
	cfg.Dialer = c.dial
	var at executors.Threshold
	c.dial.dial = at.Dial(s.Dial)
	if cfg.TLSConfig != nil {
		at.Watch(cfg.TLSConfig)
	}
	if c.conn, err = goora.NewConnection("", cfg); err != nil {
		return nil, fmt.Errorf("prepare the driver: %w", err)
	}
	stop := context.AfterFunc(first, c.dial.cut)
	defer stop()
	err = guarded(func() error { return c.conn.OpenWithContext(context.WithoutCancel(ctx)) })
	if err == nil {
		return c, nil
	}
	c.dial.cut()
	var noTLS tls.RecordHeaderError
	switch failed := c.dial.failed(); {
	case first.Err() != nil:
		err = executors.Late(first, "log in at "+s.Address(DefaultPort), limit)
	case failed != nil:
		return nil, failed
	case errors.As(err, &noTLS):
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: "the listener does not speak TLS on this port: list its TLS port, or this one as " + Plain}
	}
	if !at.Heard() || cfg.TLSConfig != nil && !at.Encrypted() {
		return nil, executors.Spare(known(err))
	}
	return nil, known(err)
}

// exec runs one statement.
func (c *client) exec(ctx context.Context, sql string) error {
	return c.within(ctx, func() error {
		_, err := goora.NewStmt(sql, c.conn).ExecContext(context.WithoutCancel(ctx), []driver.NamedValue{})
		return err
	})
}

// within makes calls of the driver, until a context ends.
func (c *client) within(ctx context.Context, call func() error) error {
	began := time.Now()
	stop := context.AfterFunc(ctx, c.dial.cut)
	defer stop()
	err := guarded(call)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return executors.Late(ctx, "wait for the server", time.Since(began).Round(time.Second/10))
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the connection was lost: %w", io.ErrUnexpectedEOF)
	}
	return known(err)
}

// hangUp logs off, for which the server has a second; the outcome is known already.
func (c *client) hangUp() {
	timer := time.AfterFunc(time.Second, c.dial.cut)
	defer timer.Stop()
	_ = guarded(c.conn.Close)
	c.dial.cut()
}

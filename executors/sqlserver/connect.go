package sqlserver

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

const defaultTimeout = 10 * time.Second // of connecting, and of each statement

// loginFailed is the number of the error about a wrong name or password.
const loginFailed = 18456

// closedLogin are errors of a login after the password was looked at, or about an account that is closed.
var closedLogin = map[int32]bool{18470: true, 18486: true, 18487: true, 18488: true}

// unclear are errors after which nobody knows whether the statement had its effect.
var unclear = map[int32]bool{596: true, 1205: true, 3980: true, 3989: true, 6005: true, 6006: true}

// numbers lists the errors of an answer, nil for errors of another kind.
func numbers(err error) []mssql.Error {
	var e mssql.Error
	switch {
	case !errors.As(err, &e):
		return nil
	case len(e.All) > 0:
		return e.All
	}
	return []mssql.Error{e}
}

// only tells whether an answer says one thing and nothing else.
func only(err error, number int32) bool {
	all := numbers(err)
	for _, e := range all {
		if e.Number != number {
			return false
		}
	}
	return len(all) > 0
}

// refused tells whether an answer is a plain no: errors of class 17 and more are about the server's own state.
func refused(err error) bool {
	all := numbers(err)
	for _, e := range all {
		if unclear[e.Number] || e.Class > 16 {
			return false
		}
	}
	return len(all) > 0
}

// failure makes a Failure of any error. Our own words stay; everything else passes the redactor.
func failure(red *executors.Redactor, line int, err error) *executors.Failure {
	var f *executors.Failure
	if errors.As(err, &f) {
		return executors.Fail(f.Class, line, f)
	}
	out := &executors.Failure{Class: executors.ClassOf(err), Line: line, Msg: executors.Said(red, err), Spared: executors.IsSpared(err)}
	if all := numbers(err); len(all) > 0 {
		out.Class = executors.ClassPolicy
		for _, e := range all {
			if e.Number == loginFailed || closedLogin[e.Number] {
				out.Class = executors.ClassAuth
			}
		}
		out.Msg = red.Text(fmt.Sprintf("error %d: %s", all[0].Number, all[0].Message))
	}
	return out
}

// dialer gives the driver one connection: it would follow a server that sends it on, and so log in twice.
type dialer struct {
	session executors.Session

	mu   sync.Mutex // guards the fields below
	conn net.Conn
	err  error
}

// HostName makes the driver leave names to us.
func (d *dialer) HostName() string { return d.session.Target.Address }

// DialContext opens the connection.
func (d *dialer) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	d.mu.Lock()
	again := d.conn != nil
	d.mu.Unlock()
	var c net.Conn
	err := error(&executors.Failure{Class: executors.ClassProtocol, Msg: "the server sends us on to another place, which is not followed"})
	if !again {
		c, err = d.session.Dial(ctx, network, d.session.Address(DefaultPort))
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

// client is one connection, logged in. Its end is tied to a context.
type client struct {
	conn  driver.Conn
	dial  *dialer
	untie func() bool
}

// manager logs in as whoever changes others.
func manager(ctx context.Context, s executors.Session) (*client, error) {
	with, err := s.Resolve(mask.AuthPassword)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	return logIn(ctx, s, mask.AuthUser, with)
}

// logIn connects as the user that a name resolves to.
func logIn(ctx context.Context, s executors.Session, who mask.Name, with secret.Value) (*client, error) {
	user, err := s.Resolve(who)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", who, err))
	}
	cfg := msdsn.Config{
		Host: s.Target.Address, Port: DefaultPort, Encryption: msdsn.EncryptionRequired, HostInCertificateProvided: true, Protocols: []string{"tcp"},
		AppName: "Cofre", Workstation: "cofre", DisableRetry: true, NoTraceID: true, Parameters: map[string]string{},
	}
	if cfg.TLSConfig, err = executors.TLSConfig(s.Target); err != nil {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: err.Error()}
	}
	for _, v := range []struct {
		from secret.Value
		to   *string
	}{{user, &cfg.User}, {with, &cfg.Password}} {
		err := v.from.Reveal(func(b []byte) error {
			*v.to = string(b) // the driver wants strings
			return loginText(b)
		})
		if err != nil {
			return nil, executors.Fail(executors.ClassTemplate, 0, err)
		}
	}
	limit := s.ConnectTimeout
	if limit <= 0 {
		limit = defaultTimeout
	}
	first, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if s.Target.Protocol == browserProtocol {
		if s.Target.Port, err = locate(first, s); err != nil {
			return nil, err
		}
	}
	c := &client{dial: &dialer{session: s}}
	var at executors.Threshold
	at.Watch(cfg.TLSConfig)
	connector := mssql.NewConnectorConfig(cfg)
	connector.Dialer = c.dial
	stop := context.AfterFunc(first, c.dial.cut)
	c.conn, err = connector.Connect(first)
	stop()
	switch {
	case err == nil:
		c.untie = context.AfterFunc(ctx, c.dial.cut)
		return c, nil
	case first.Err() != nil:
		err = executors.Late(first, "log in at "+s.Address(DefaultPort), limit)
	case c.dial.err != nil:
		return nil, c.dial.err
	}
	if !at.Encrypted() { // the login follows the handshake
		return nil, executors.Spare(known(err))
	}
	return nil, known(err)
}

// known gives the driver's words for broken connections their meaning: it keeps no more of them than their text.
func known(err error) error {
	text := err.Error()
	switch {
	case len(numbers(err)) > 0:
		return err
	case strings.Contains(text, "x509:") || strings.Contains(text, "certificate"):
		return &executors.Failure{Class: executors.ClassTLS, Msg: "the server's certificate cannot be verified: its authority is the device's (cofre device update HOST --ca-file), and its name the device's host name"}
	case strings.Contains(text, "does not support encryption"):
		return &executors.Failure{Class: executors.ClassTLS, Msg: "the server offers no TLS"}
	case strings.Contains(text, "Handshake") || strings.Contains(text, "EOF") || errors.Is(err, driver.ErrBadConn):
		return fmt.Errorf("the connection was lost: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// exec runs one statement.
func (c *client) exec(ctx context.Context, sql []byte) error {
	prepare, ok := c.conn.(driver.ConnPrepareContext)
	if !ok {
		return errors.New("the driver cannot run statements")
	}
	stmt, err := prepare.PrepareContext(ctx, string(sql))
	if err != nil {
		return known(err)
	}
	run, ok := stmt.(driver.StmtExecContext)
	if !ok {
		return errors.New("the driver cannot run statements")
	}
	began := time.Now()
	if _, err = run.ExecContext(ctx, nil); err == nil {
		return stmt.Close()
	}
	if ctx.Err() != nil {
		return executors.Late(ctx, "wait for the server", time.Since(began).Round(time.Second/10))
	}
	return known(err)
}

// hangUp ends the connection; the outcome is known already.
func (c *client) hangUp() {
	c.untie()
	c.dial.cut()
	_ = c.conn.Close()
}

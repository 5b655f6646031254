package postgres

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

// session is a connection together with its socket.
type session struct {
	*pgconn.PgConn
	socket net.Conn
}

// connect logs in once. Nothing comes from the environment of the process.
func connect(ctx context.Context, s executors.Session, user, password secret.Value) (*session, error) {
	cfg, err := config(s)
	if err != nil {
		return nil, err
	}
	// The driver wants strings; they live as long as the connection.
	_ = user.Reveal(func(b []byte) error { cfg.User = string(b); return nil })
	_ = password.Reveal(func(b []byte) error { cfg.Password = string(b); return nil })
	if strings.ContainsRune(cfg.User, 0) || strings.ContainsRune(cfg.Password, 0) {
		return nil, &executors.Failure{Class: executors.ClassTemplate, Msg: "a user name or password with NUL cannot log in"}
	}
	limit := s.ConnectTimeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// The driver would open a second connection to cancel a statement; the outcome would be no clearer.
	var connected atomic.Bool
	var socket net.Conn
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if connected.Load() {
			return nil, net.ErrClosed
		}
		c, err := s.Dial(ctx, network, addr)
		socket = c
		return c, err
	}
	var said atomic.Int32 // messages of ours: after the first, which names the role, come those that answer to a question for its password
	cfg.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend { return pgproto3.NewFrontend(r, &counter{w, &said}) }
	c, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil && s.Target.InsecureTLS && strings.Contains(err.Error(), "server refused TLS connection") {
		// The device allows a connection that is not verified, and this server offers none that is encrypted.
		cfg.TLSConfig = nil
		c, err = pgconn.ConnectConfig(ctx, cfg)
	}
	connected.Store(true)
	switch {
	case err == nil:
		return &session{c, socket}, nil
	case ctx.Err() != nil:
		err = executors.Late(ctx, "log in at "+s.Address(DefaultPort), limit)
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: "the server offers no TLS, and the device does not allow a plain connection: cofre device update HOST --insecure-tls lets it, and is audited"}
	}
	if said.Load() <= 1 {
		err = executors.Spare(err)
	}
	return nil, err
}

// counter counts what is written, but for the farewell, which the driver may write on a goroutine of its own.
type counter struct {
	io.Writer
	n *atomic.Int32
}

// Write writes once.
func (c *counter) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(p, []byte("X")) {
		c.n.Add(1)
	}
	return c.Writer.Write(p)
}

// config is a driver configuration with nothing but what the session says.
func config(s executors.Session) (*pgconn.Config, error) {
	cfg, err := pgconn.ParseConfig("host=localhost user=none dbname=none sslmode=disable")
	if err != nil {
		return nil, fmt.Errorf("prepare the driver: %w", err)
	}
	cfg.Host, cfg.Port = s.Target.Address, s.Target.Port
	if cfg.Port == 0 {
		cfg.Port = DefaultPort
	}
	if cfg.Database, err = databaseOf(s); err != nil {
		return nil, err
	}
	if cfg.TLSConfig, err = executors.TLSConfig(s.Target); err != nil {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: err.Error()}
	}
	cfg.Fallbacks, cfg.ValidateConnect, cfg.AfterConnect, cfg.ConnectTimeout = nil, nil, nil, 0
	cfg.RuntimeParams = map[string]string{"standard_conforming_strings": "on", "client_encoding": "UTF8", "application_name": "cofre"}
	// The dialer resolves names, so that it can apply its rules to what it resolved.
	cfg.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	return cfg, nil
}

// databaseOf is the database that the credential names, or the usual one.
func databaseOf(s executors.Session) (database string, err error) {
	name, err := s.Resolve.Optional(mask.AddInfo)
	if err != nil {
		return "", executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AddInfo, err))
	}
	_ = name.Reveal(func(b []byte) error { database = string(b); return nil })
	return cmp.Or(database, DefaultDatabase), nil
}

// Restore undoes what the statements of an attempt left in the session: settings, roles, temporary tables, locks.
func (c *session) Restore(ctx context.Context) error {
	_, err := c.Exec(ctx, "DISCARD ALL").ReadAll()
	return err
}

// HangUp ends a connection and waits until the driver has let go of it, and the server, if it does so in time: until then it counts
// against the server's own limit, and the proof comes next.
func (c *session) HangUp() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if by, _ := ctx.Deadline(); !c.IsClosed() && c.socket.SetDeadline(by) == nil {
		c.Frontend().Send(&pgproto3.Terminate{})
		if c.Frontend().Flush() == nil {
			_, _ = io.Copy(io.Discard, c.Conn()) // it says no more
		}
	}
	_ = c.Close(ctx) // the outcome is known already
	_ = c.socket.Close()
	<-c.CleanupDone()
}

// unlisted tells whether pg_hba.conf lets nobody in from here, for this role and database: nobody was asked for a password. The class of
// its code is that of refused logins; only the place in the server, which no translation changes, tells it from those.
func unlisted(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "28000" && pg.Routine == "ClientAuthentication"
}

// spared tells whether the server's answer to a login says nothing against the password: it takes nobody more, is just starting, has no
// such database, or found the password right before it looked whether the role may log in. A server that ends a login, as one that takes too
// long (57014) or at its own end (57P01), may have refused it already: what it asks, such as PAM, keeps count.
func spared(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	return strings.HasPrefix(pg.Code, "53") || pg.Code == "57P03" || pg.Code == "3D000" || pg.Code == "42501" || pg.Code == "28000" && (unlisted(err) || pg.Routine == "InitializeSessionUserId")
}

// sqlState is the code of a server's answer; "" if the error is something else.
func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

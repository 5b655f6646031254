package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"cofre/executors"
	"cofre/vault/secret"
)

// session is one connection, without a pool around it.
type session struct{ sqldriver.Conn }

// connect logs in once. Nothing comes from the environment of the process.
func connect(ctx context.Context, s executors.Session, user, password secret.Value) (session, error) {
	limit := s.ConnectTimeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	cfg, err := config(s, limit)
	if err != nil {
		return session{}, err
	}
	// The driver wants strings; they live as long as the connection.
	_ = user.Reveal(func(b []byte) error { cfg.User = string(b); return nil })
	_ = password.Reveal(func(b []byte) error { cfg.Passwd = string(b); return nil })
	if cfg.User == "" || strings.ContainsRune(cfg.User, 0) || strings.ContainsRune(cfg.Passwd, 0) {
		return session{}, &executors.Failure{Class: executors.ClassTemplate, Msg: "an empty user name, or a name or password with NUL, cannot log in"}
	}
	var at executors.Threshold
	at.Watch(cfg.TLS)
	cfg.DialFunc = at.Dial(s.Dial)
	connector, err := driver.NewConnector(cfg)
	if err != nil {
		return session{}, fmt.Errorf("prepare the driver: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c, err := connector.Connect(ctx)
	switch {
	case err == nil:
		return session{c}, nil
	case ctx.Err() != nil:
		err = executors.Late(ctx, "log in at "+s.Address(DefaultPort), limit)
	case errors.Is(err, driver.ErrNoTLS):
		return session{}, &executors.Failure{Class: executors.ClassTLS, Msg: "the server offers no TLS, and the device does not allow a plain connection: cofre device update HOST --insecure-tls lets it, and is audited"}
	}
	// The server speaks first. Where clear text is allowed, what it says may be answered without a handshake.
	if !at.Heard() || !s.Target.InsecureTLS && !at.Encrypted() {
		return session{}, executors.Spare(lost(err))
	}
	return session{}, lost(err)
}

// config is a driver configuration with nothing but what the session says. What could send the password in clear, or a
// file of ours, on the word of the server stays off, as is the driver's default.
func config(s executors.Session, limit time.Duration) (*driver.Config, error) {
	cfg := driver.NewConfig()
	var err error
	if cfg.TLS, err = executors.TLSConfig(s.Target); err != nil {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: err.Error()}
	}
	cfg.AllowFallbackToPlaintext = s.Target.InsecureTLS
	cfg.Net, cfg.Addr, cfg.DialFunc = "tcp", s.Address(DefaultPort), s.Dial
	cfg.Logger, cfg.WriteTimeout = &driver.NopLogger{}, limit
	// The escaping of values rests on both settings, whatever the server's defaults are.
	cfg.Params = map[string]string{"sql_mode": "'STRICT_ALL_TABLES'"}
	if err := cfg.Apply(driver.Charset("utf8mb4", "utf8mb4_general_ci")); err != nil {
		return nil, fmt.Errorf("prepare the driver: %w", err)
	}
	return cfg, nil
}

// lost gives the driver's words for a connection that broke their meaning.
func lost(err error) error {
	if errors.Is(err, driver.ErrInvalidConn) || errors.Is(err, sqldriver.ErrBadConn) {
		return fmt.Errorf("the connection was lost: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// exec runs one statement as text.
func (c session) exec(ctx context.Context, sql []byte) error {
	run, ok := c.Conn.(sqldriver.ExecerContext)
	if !ok {
		return errors.New("the driver cannot run text")
	}
	_, err := run.ExecContext(ctx, string(sql), nil)
	return lost(err)
}

// ask runs a query whose answer is one text.
func (c session) ask(ctx context.Context, sql string) (string, error) {
	run, ok := c.Conn.(sqldriver.QueryerContext)
	if !ok {
		return "", errors.New("the driver cannot run text")
	}
	rows, err := run.QueryContext(ctx, sql, nil)
	if err != nil {
		return "", lost(err)
	}
	row := make([]sqldriver.Value, len(rows.Columns()))
	if err = rows.Next(row); err == nil {
		err = rows.Close()
	}
	if err != nil {
		return "", lost(err)
	}
	return text(row[0]), nil
}

func text(v sqldriver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}

// warning is a line of what the server says of the statement before.
type warning struct {
	code int
	text string
}

// warnings asks for them. A server that does not tell has none.
func (c session) warnings(ctx context.Context) (all []warning) {
	run, ok := c.Conn.(sqldriver.QueryerContext)
	if !ok {
		return nil
	}
	rows, err := run.QueryContext(ctx, "SHOW WARNINGS LIMIT 8", nil)
	if err != nil {
		return nil
	}
	defer func() { _ = rows.Close() }()
	row := make([]sqldriver.Value, len(rows.Columns()))
	for len(row) == 3 && rows.Next(row) == nil { // level, code, message
		code, _ := strconv.Atoi(text(row[1]))
		all = append(all, warning{code, text(row[2])})
	}
	return all
}

// Restore asks whether the server is there: a session is only kept after statements that leave nothing in it.
func (c session) Restore(ctx context.Context) error {
	ping, ok := c.Conn.(sqldriver.Pinger)
	if !ok {
		return errors.New("the driver cannot ping")
	}
	return ping.Ping(ctx)
}

// HangUp ends a connection; the outcome is known already.
func (c session) HangUp() { _ = c.Close() }

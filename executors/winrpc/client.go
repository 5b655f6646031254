package winrpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/oiweiwei/go-msrpc/dcerpc"
	"github.com/oiweiwei/go-msrpc/msrpc/samr/samr/v1"
	"github.com/oiweiwei/go-msrpc/smb2"
	"github.com/oiweiwei/go-msrpc/ssp"
	"github.com/oiweiwei/go-msrpc/ssp/credential"
	"github.com/oiweiwei/go-msrpc/ssp/gssapi"
	smb "github.com/oiweiwei/go-smb2.fork"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

// account is who logs in.
type account struct{ name, domain, password string } // the library wants strings

// login resolves who logs in; the domain may be missing.
func login(s executors.Session, name, domain mask.Name, with secret.Value) (a account, err error) {
	v, err := s.Resolve(name)
	if err != nil {
		return a, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", name, err))
	}
	_ = v.Reveal(func(b []byte) error { a.name = string(b); return nil })
	if v, err = s.Resolve.Optional(domain); err != nil {
		return a, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", domain, err))
	}
	_ = v.Reveal(func(b []byte) error { a.domain = string(b); return nil })
	err = with.Reveal(func(b []byte) error {
		a.password = string(b)
		_, err := wide(b)
		return err
	})
	if err != nil {
		return a, executors.Fail(executors.ClassTemplate, 0, err)
	}
	return a, nil
}

// negotiation is how SMB is spoken: the newest dialect, since the library mistakes the session's key if it may choose, signed and
// encrypted. Nothing of it is shared with other connections.
func negotiation(s executors.Session, a account) *smb.Dialer {
	host := s.Target.Hostname
	if host == "" {
		host = s.Target.Address
	}
	var opts []credential.Option
	if a.domain != "" {
		opts = append(opts, credential.Domain(a.domain))
	}
	return smb2.NewDialer(smb2.WithDialect(smb2.SMB311), smb2.WithSign(), smb2.WithSeal(), smb2.WithSecurity(
		gssapi.WithTargetName("cifs/"+host), gssapi.WithCredential(credential.NewFromPassword(a.name, a.password, opts...)),
		gssapi.WithMechanismFactory(ssp.SPNEGO), gssapi.WithMechanismFactory(ssp.NTLM)))
}

// line is a connection that tells when it is lost: the library may wait on for an answer that cannot come. It ends where a server lets
// us in as somebody else.
type line struct {
	net.Conn
	entry entry
	once  sync.Once
	lost  chan struct{}
}

func open(ctx context.Context, s executors.Session) (*line, error) {
	c, err := s.Dial(ctx, "tcp", s.Address(DefaultPort))
	if err != nil {
		return nil, err
	}
	return &line{Conn: c, lost: make(chan struct{})}, nil
}

// Read notes the end.
func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if l.entry.read(p[:n]); l.entry.guest.Load() {
		clear(p[:n])
		n, err = 0, errors.Join(errGuest, l.Conn.Close())
	}
	return l.note(n, err)
}

// Write notes the end.
func (l *line) Write(p []byte) (int, error) { return l.note(l.Conn.Write(p)) }

func (l *line) note(n int, err error) (int, error) {
	if err != nil {
		l.once.Do(func() { close(l.lost) })
	}
	return n, err
}

// last is how long an answer may take that had arrived before the line was lost.
const last = 200 * time.Millisecond

var errLost = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// guard runs a step of the library and stops waiting for it when the context or the line ends; the step then ends by itself
// with the context that the library was given. It tells whether the step is over.
func (l *line) guard(ctx context.Context, step func()) error {
	began, done := time.Now(), make(chan struct{})
	go func() {
		defer close(done)
		step()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		_ = l.Close()
		return executors.Late(ctx, "wait for the server", time.Since(began).Round(time.Second/10))
	case <-l.lost:
	}
	select {
	case <-done:
		return nil
	case <-time.After(last):
		return errLost
	}
}

// turnedAway is the error of a login: whatever the library makes of it, a guest was let in, or nobody has proven a password yet.
func (l *line) turnedAway(err error) error {
	switch {
	case err != nil && l.entry.guest.Load():
		return errGuest
	case err != nil && !l.entry.asked.Load():
		return executors.Spare(err)
	}
	return err
}

func limit(d, standard time.Duration) time.Duration {
	if d <= 0 {
		return standard
	}
	return d
}

// prove logs in and out again.
func prove(ctx context.Context, s executors.Session, a account) error {
	first, cancel := context.WithTimeout(ctx, limit(s.ConnectTimeout, DefaultTimeout))
	defer cancel()
	l, err := open(first, s)
	if err != nil {
		return err
	}
	defer l.Close()
	var told error
	if err := l.guard(first, func() {
		var session *smb.Session
		if session, told = negotiation(s, a).DialContext(first, l); told == nil {
			told = session.Logoff()
		}
	}); err != nil {
		return l.turnedAway(err)
	}
	return l.turnedAway(told)
}

// client is the accounts manager of a server, logged in.
type client struct {
	samr  samr.SamrClient
	key   []byte // of the SMB session
	line  *line
	limit time.Duration
	end   context.CancelFunc // of the library's goroutines
}

// dialer gives the library the one connection that it may have.
type dialer struct {
	line *line
	used bool
}

// DialContext hands it over, whatever address the library asks for.
func (d *dialer) DialContext(context.Context, string, string) (net.Conn, error) {
	if d.used {
		return nil, errors.New("the library asks for a second connection")
	}
	d.used = true
	return d.line, nil
}

// dial logs in and opens the pipe.
func dial(ctx context.Context, s executors.Session, a account) (*client, error) {
	first, cancel := context.WithTimeout(ctx, limit(s.ConnectTimeout, DefaultTimeout))
	defer cancel()
	l, err := open(first, s)
	if err != nil {
		return nil, err
	}
	c := &client{line: l, limit: limit(s.ReadTimeout, DefaultReadTimeout)}
	var life context.Context
	life, c.end = context.WithCancel(context.WithoutCancel(ctx)) // the library's goroutines live as long as the context of the binding
	var told error
	if err = l.guard(first, func() { told = c.bind(life, &dialer{line: l}, negotiation(s, a)) }); err == nil {
		err = told
	}
	if err != nil {
		c.hangUp()
		return nil, l.turnedAway(err)
	}
	return c, nil
}

// bind opens the pipe without security of RPC's own: the session's key would be another one then, and SMB encrypts anyhow.
func (c *client) bind(ctx context.Context, d *dialer, smbDialer *smb.Dialer) error {
	ctx = gssapi.NewSecurityContext(ctx) // where the library leaves the session's key
	cc, err := dcerpc.Dial(ctx, "127.0.0.1", dcerpc.WithEndpoint("ncacn_np:[samr]"), dcerpc.WithDialer(d), dcerpc.WithSMBPort(DefaultPort), dcerpc.WithSMBDialer(smbDialer), dcerpc.WithTimeout(c.limit))
	if err != nil {
		return err
	}
	if c.samr, err = samr.NewSamrClient(ctx, cc, dcerpc.WithInsecure()); err != nil {
		return err
	}
	key, _ := gssapi.GetAttribute(c.samr.Conn().Context(), gssapi.AttributeSMBEffectiveSessionKey)
	c.key, _ = key.([]byte)
	if len(c.key) == 0 {
		return errors.New("the session has no key")
	}
	return nil
}

// hangUp ends the connection, and with it the library's goroutines.
func (c *client) hangUp() {
	c.end()
	_ = c.line.Close()
}

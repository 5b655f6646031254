package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	directory "github.com/go-ldap/ldap/v3"

	"cofre/executors"
	"cofre/vault/secret"
)

// Result codes that mean something to us; the library's own, for lost connections and the like, begin at 200.
const (
	success            = directory.LDAPResultSuccess
	invalidCredentials = directory.LDAPResultInvalidCredentials
	clientSide         = directory.ErrorNetwork
)

// unclear are answers after which nobody knows whether the change had its effect.
var unclear = map[uint16]bool{
	directory.LDAPResultTimeLimitExceeded: true, directory.LDAPResultBusy: true, directory.LDAPResultUnavailable: true, directory.LDAPResultOther: true,
	directory.LDAPResultCanceled: true, directory.LDAPResultOperationsError: true, directory.LDAPResultProtocolError: true,
}

// sparing are answers to a bind that say nothing of the password: the directory is busy or not there, or wants another way to log in.
var sparing = map[uint16]bool{
	directory.LDAPResultBusy: true, directory.LDAPResultUnavailable: true, directory.LDAPResultStrongAuthRequired: true, directory.LDAPResultConfidentialityRequired: true,
	directory.LDAPResultReferral: true,
}

// code is the result code of an answer; success for no error and for errors of another kind.
func code(err error) uint16 {
	var e *directory.Error
	if errors.As(err, &e) {
		return e.ResultCode
	}
	return success
}

func classOf(err error) executors.Class {
	var e *directory.Error
	if !errors.As(err, &e) {
		return executors.ClassOf(err)
	}
	switch {
	case e.ResultCode >= clientSide && e.Err != nil && strings.Contains(e.Err.Error(), "certificate"):
		return executors.ClassTLS
	case e.ResultCode >= clientSide && executors.ClassOf(e.Err) == executors.ClassTimeout, e.ResultCode == directory.LDAPResultTimeout:
		return executors.ClassTimeout
	case e.ResultCode >= clientSide && e.Err != nil && strings.Contains(e.Err.Error(), "timed out"): // the library tells its own time-out by words alone
		return executors.ClassTimeout
	case e.ResultCode >= clientSide, unclear[e.ResultCode]:
		return executors.ClassNetwork
	case e.ResultCode == invalidCredentials, e.ResultCode == directory.LDAPResultInappropriateAuthentication, e.ResultCode == directory.LDAPResultStrongAuthRequired:
		return executors.ClassAuth
	}
	return executors.ClassPolicy
}

// client is one connection. Its end is tied to a context.
type client struct {
	conn   *directory.Conn
	ctx    context.Context //nolint:containedctx // the library knows none: the client carries the attempt's
	socket net.Conn
	limit  time.Duration // of one answer
	untie  func() bool
}

// dial connects and encrypts.
func dial(ctx context.Context, s executors.Session, startTLS bool) (*client, error) {
	limit := s.ConnectTimeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	cfg, err := executors.TLSConfig(s.Target)
	if err != nil {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: err.Error()}
	}
	first, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	socket, err := s.Dial(first, "tcp", s.Address(DefaultPort))
	if err != nil {
		return nil, err
	}
	c := &client{ctx: ctx, socket: socket}
	// Whatever waits for the target wakes up when the time is over.
	stop := context.AfterFunc(first, func() { _ = socket.Close() })
	if startTLS || s.Target.Port == plainPort || s.Target.Port == plainGlobalPort {
		err = c.startTLS(cfg)
	} else {
		err = c.overTLS(first, cfg)
	}
	stop()
	if err != nil {
		if c.conn != nil {
			_ = c.conn.Close()
		}
		_ = socket.Close()
		var told *executors.Failure
		if first.Err() != nil && !errors.As(err, &told) {
			err = executors.Late(first, "connect to "+s.Address(DefaultPort), limit)
		}
		return nil, executors.Spare(err) // no login was tried yet
	}
	c.tie(ctx, s)
	return c, nil
}

// tie makes the client one attempt's: its context ends the connection, and its limit is that of an answer.
func (c *client) tie(ctx context.Context, s executors.Session) {
	if c.untie != nil {
		c.untie()
	}
	if c.limit = s.ReadTimeout; c.limit <= 0 {
		c.limit = DefaultReadTimeout
	}
	c.conn.SetTimeout(c.limit)
	c.ctx, c.untie = ctx, context.AfterFunc(ctx, func() { _ = c.socket.Close() })
}

// Restore asks for nothing, to see that the server is there: a connection has no state besides who is bound, which no template changes
// in a session that stays.
func (c *client) Restore(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = c.socket.Close() })()
	_, err := c.conn.Search(directory.NewSearchRequest("", directory.ScopeBaseObject, directory.NeverDerefAliases, 1, 0, false, "(objectClass=*)", []string{"1.1"}, nil))
	return err
}

// HangUp ends a session that stayed for nobody.
func (c *client) HangUp() { c.hangUp() }

func (c *client) overTLS(ctx context.Context, cfg *tls.Config) error {
	t, err := executors.Encrypt(ctx, c.socket, cfg)
	if err != nil {
		return err
	}
	c.conn = directory.NewConn(t, true)
	c.conn.Start()
	return nil
}

// startTLS encrypts an open connection. Nothing is sent in the clear to a server that offers none: a bind would show
// both passwords to everyone on the way, so the device's opt-out does not reach that far.
func (c *client) startTLS(cfg *tls.Config) error {
	c.conn = directory.NewConn(c.socket, false)
	c.conn.Start()
	err := c.conn.StartTLS(cfg)
	if err == nil || code(err) >= clientSide || code(err) == success {
		return err
	}
	return &executors.Failure{Class: executors.ClassTLS, Msg: "the server offers no StartTLS; use its LDAPS port"}
}

// told prefers the end of the context to what the library makes of the closed socket, and says how long was waited for an answer.
func (c *client) told(err error) error {
	const wait = "wait for the directory"
	switch {
	case err == nil:
		return nil
	case c.ctx.Err() != nil:
		return executors.Late(c.ctx, wait, c.limit)
	case classOf(err) == executors.ClassTimeout:
		return executors.Silent(wait, c.limit)
	}
	return err
}

func (c *client) bind(name string, password secret.Value) error {
	return password.Reveal(func(b []byte) error { return c.told(c.conn.Bind(name, string(b))) })
}

// find returns the DN of the one entry that a filter matches.
func (c *client) find(base, filter string) (string, error) {
	req := directory.NewSearchRequest(base, directory.ScopeWholeSubtree, directory.NeverDerefAliases, 2, 0, false, filter, []string{"1.1"}, nil)
	found, err := c.conn.Search(req)
	switch {
	case err != nil && code(err) != directory.LDAPResultSizeLimitExceeded:
		return "", c.told(err)
	case err != nil || len(found.Entries) > 1:
		return "", &executors.Failure{Class: executors.ClassPolicy, Msg: "find matches more than one entry"}
	case len(found.Entries) == 0:
		return "", &executors.Failure{Class: executors.ClassPolicy, Msg: "find matches no entry"}
	}
	return found.Entries[0].DN, nil
}

// number reads an attribute of an entry that holds one whole number.
func (c *client) number(dn, attr string) (int64, error) {
	found, err := c.conn.Search(directory.NewSearchRequest(dn, directory.ScopeBaseObject, directory.NeverDerefAliases, 1, 0, false, "(objectClass=*)", []string{attr}, nil))
	if err != nil {
		return 0, c.told(err)
	}
	if len(found.Entries) == 1 {
		if n, err := strconv.ParseInt(found.Entries[0].GetAttributeValue(attr), 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, &executors.Failure{Class: executors.ClassPolicy, Msg: "the entry holds no number in " + attr + ", or it may not be read"}
}

// modify sends changes of one entry, all or none.
func (c *client) modify(dn string, changes ...directory.Change) error {
	req := directory.NewModifyRequest(dn, nil)
	req.Changes = changes
	return c.told(c.conn.Modify(req))
}

// add makes an entry; values of one attribute are gathered, whatever stands between them.
func (c *client) add(dn string, values []value, texts []string) error {
	req := directory.NewAddRequest(dn, nil)
	for i, v := range values {
		at := slices.IndexFunc(req.Attributes, func(a directory.Attribute) bool { return strings.EqualFold(a.Type, v.attr) })
		if at < 0 {
			req.Attribute(v.attr, texts[i:i+1])
			continue
		}
		req.Attributes[at].Vals = append(req.Attributes[at].Vals, texts[i])
	}
	return c.told(c.conn.Add(req))
}

// remove takes an entry away; one that is not there is as good.
func (c *client) remove(dn string) error {
	err := c.conn.Del(directory.NewDelRequest(dn, nil))
	if directory.IsErrorWithCode(err, directory.LDAPResultNoSuchObject) {
		return nil
	}
	return c.told(err)
}

// password sends the extended operation of RFC 3062: the server hashes what it stores.
func (c *client) password(dn, fresh string) error {
	_, err := c.conn.PasswordModify(directory.NewPasswordModifyRequest(dn, "", fresh))
	return c.told(err)
}

// hangUp ends the connection and waits for the library's goroutines. A target that reads nothing must not hold it.
func (c *client) hangUp() {
	c.untie()
	_ = c.socket.SetDeadline(time.Now().Add(time.Second))
	_ = c.conn.Close()
}

// Package proxy connects through a proxy: SOCKS5 (RFC 1928 and 1929) or HTTP CONNECT, in clear or inside of TLS.
//
// The runner calls it for devices that are reached through one. The proxy is a device like others: reached by Session.Dial, its
// certificate verified, and its password sent in clear only if it opted out of TLS verification. Errors are *Failure and never of the
// class of a refused login, which is a statement about the secret of a target; Unpassed says that it was the login here.
package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

// The protocols under which a device lists the port of a proxy.
const (
	Socks5 = "SOCKS5"
	HTTP   = "HTTP-PROXY"
	HTTPS  = "HTTPS-PROXY"
)

// DefaultTimeout limits connecting and asking, when the session sets nothing.
const DefaultTimeout = 10 * time.Second

// Dial connects to the proxy, which is the session's target, and asks it for an address. AUTH_USER and AUTH_PASSWORD log in there, if
// there are any.
func Dial(ctx context.Context, s executors.Session, address string) (net.Conn, error) {
	s, red := s.Guard()
	user, password, err := login(s)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, err)
	}
	defer password.Wipe()
	if password.Len() > 0 && s.Target.Protocol != HTTPS && !s.Target.InsecureTLS {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: "its password would travel in clear: list it as " + HTTPS + " if it is one, or let it: cofre device update HOST --insecure-tls, which is audited"}
	}
	limit := s.ConnectTimeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c, err := s.Dial(ctx, "tcp", s.Address(0))
	if err != nil {
		return nil, executors.FailureOf(red, 0, err)
	}
	raw := c
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	ask := connect
	if s.Target.Protocol == Socks5 {
		ask = socks
	}
	if s.Target.Protocol == HTTPS {
		c, err = secured(ctx, s, c)
	}
	asked := err == nil && password.Len() > 0
	if err == nil {
		err = password.Reveal(func(b []byte) error { return ask(c, address, user, b) })
	}
	if err == nil && stop() {
		return c, nil
	}
	_ = raw.Close()
	known := new(executors.Failure) // what the proxy said
	if !errors.As(err, &known) {
		known.Unpassed = asked && !executors.IsSpared(err) // whether it let us in is not known
	}
	if ctx.Err() != nil {
		err = executors.Late(ctx, "ask it for a connection to "+address, limit)
	}
	f := executors.FailureOf(red, 0, err)
	f.Unpassed = known.Unpassed
	return nil, f
}

func secured(ctx context.Context, s executors.Session, c net.Conn) (net.Conn, error) {
	cfg, err := executors.TLSConfig(s.Target)
	if err != nil {
		return c, &executors.Failure{Class: executors.ClassTLS, Msg: err.Error()}
	}
	t := tls.Client(c, cfg)
	return t, t.HandshakeContext(ctx)
}

// login finds who logs in; nobody if there is no such value.
func login(s executors.Session) (user string, password secret.Value, err error) {
	name, err := s.Resolve(mask.AuthUser)
	if errors.Is(err, mask.ErrNoValue) {
		return "", secret.New(nil), nil
	}
	if err == nil {
		err = name.Reveal(func(b []byte) error { user = string(b); return nil })
	}
	if err == nil {
		password, err = s.Resolve(mask.AuthPassword)
	}
	return user, password, err
}

func said(class executors.Class, msg string) error {
	return &executors.Failure{Class: class, Msg: msg}
}

// noEntry says that the proxy refused a login.
func noEntry(user string) error {
	return &executors.Failure{Class: executors.ClassRefused, Msg: "it refused the login of " + user, Unpassed: true}
}

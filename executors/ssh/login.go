package ssh

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/vault/secret"
)

// wrongSecret says that the target looked at the secret and refused it.
type wrongSecret struct{ user string }

func (e *wrongSecret) Error() string { return "the target refused the login of " + e.user }

// dial connects, checks the host key and logs in.
func dial(ctx context.Context, s executors.Session, user string, with secret.Value, limit time.Duration) (*ssh.Client, error) {
	if limit <= 0 {
		limit = dialogue.DefaultTimeout
	}
	pinned, err := pinsOf(s.Target)
	if err != nil {
		return nil, &executors.Failure{Class: executors.ClassHostKey, Msg: err.Error()}
	}
	for _, algorithms := range pinned.rounds() {
		l := &login{user: user, pinned: pinned}
		var c *ssh.Client
		if c, err = l.try(ctx, s, with, algorithms, limit); err == nil {
			return c, nil
		}
		if !l.asked {
			err = executors.Spare(err)
		}
		// Only another type of host key can still be the pinned one, and only before authentication.
		if f := new(executors.Failure); !errors.As(err, &f) || f.Class != executors.ClassHostKey {
			return nil, err
		}
	}
	return nil, err
}

// login is one handshake.
type login struct {
	user    string
	pinned  pins
	hostErr error
	asked   bool // the target looked at the secret
	answers int  // questions that were answered
	odd     bool // the target asked for something else
	partial bool // it took the secret, and asks for more
}

func (l *login) try(ctx context.Context, s executors.Session, with secret.Value, algorithms []string, limit time.Duration) (*ssh.Client, error) {
	auth, err := l.methods(with)
	if err != nil {
		return nil, err
	}
	cfg := &ssh.ClientConfig{User: l.user, Auth: auth, HostKeyAlgorithms: algorithms, HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
		l.hostErr = l.pinned.check(key)
		return l.hostErr
	}}
	offer(&cfg.Config, s.Target.Protocol == Weak)
	cfg.AuthCallback = func(at *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
		if l.partial = len(at.PartialSuccessMethods) > 0; l.partial {
			return nil, errOnce // what it asks for next is no second chance for the same secret
		}
		return nil, nil // the next of ours
	}
	c, err := handshake(ctx, s.Dial, s.Address(DefaultPort), cfg, limit)
	if err == nil {
		return c, nil
	}
	none := new(ssh.AlgorithmNegotiationError)
	if errors.As(err, &none) && strings.Contains(err.Error(), "host key") {
		l.hostErr = &hostKeyError{"the target has no host key of a pinned type"}
		none = nil
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case l.hostErr != nil:
		return nil, &executors.Failure{Class: executors.ClassHostKey, Msg: l.hostErr.Error()}
	case none != nil && none.What != "":
		return nil, &executors.Failure{Class: executors.ClassProtocol, Msg: "the target offers outdated algorithms only (" + none.What + "): list its port as " + Weak + " if that is meant"}
	case l.partial:
		return nil, &executors.Failure{Class: executors.ClassAuth, Spared: true, Msg: "the target took the secret and demands a second one besides (AuthenticationMethods of sshd), which Cofre does not have: let it ask this account for one alone"}
	case l.odd:
		return nil, &executors.Failure{Class: executors.ClassAuth, Msg: "the target asked for more than a password at login"}
	case strings.Contains(err.Error(), "unable to authenticate") || errors.Is(err, errOnce):
		// The library tells a refused login from a broken connection only by its words.
		if !l.asked {
			return nil, &executors.Failure{Class: executors.ClassAuth, Msg: "the target offers no way to log in with this kind of secret"}
		}
		return nil, &refusedLogin{Failure: &executors.Failure{Class: executors.ClassAuth, Msg: (&wrongSecret{l.user}).Error()}, cause: &wrongSecret{l.user}}
	case strings.HasPrefix(err.Error(), "ssh: handshake failed") && executors.ClassOf(err) == executors.ClassNetwork:
		msg := "the target closed the connection during login"
		if l.asked {
			msg = "the target closed the connection when it had been shown the secret: it may not let this account in, such as one that has expired"
		}
		return nil, &executors.Failure{Class: executors.ClassNetwork, Msg: msg}
	case errors.As(err, new(*net.OpError)) || executors.ClassOf(err) != executors.ClassProtocol:
		return nil, err
	case strings.Contains(err.Error(), "EOF") || strings.Contains(err.Error(), "disconnect"):
		return nil, &executors.Failure{Class: executors.ClassNetwork, Msg: "the target closed the connection during login"}
	}
	return nil, err
}

// refusedLogin is a Failure that Verify can tell from other failures.
type refusedLogin struct {
	*executors.Failure
	cause *wrongSecret
}

// Unwrap gives the failure and its cause.
func (e *refusedLogin) Unwrap() []error { return []error{e.Failure, e.cause} }

// errOnce keeps one attempt from counting twice against the target's limit of bad logins.
var errOnce = errors.New("the password was refused already")

// methods lists how to log in: by key if the secret is one, else by password in the form that the target asks for.
func (l *login) methods(with secret.Value) ([]ssh.AuthMethod, error) {
	var password string
	var signer ssh.Signer
	err := with.Reveal(func(b []byte) (err error) {
		if bytes.HasPrefix(bytes.TrimSpace(b), []byte("-----BEGIN")) {
			signer, err = ssh.ParsePrivateKey(b)
			return err
		}
		password = string(b)
		return nil
	})
	if err != nil {
		return nil, &executors.Failure{Class: executors.ClassTemplate, Msg: "the private key of the authentication credential cannot be read"}
	}
	if signer != nil {
		return []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
			l.asked = true
			return []ssh.Signer{signer}, nil
		})}, nil
	}
	return []ssh.AuthMethod{
		ssh.PasswordCallback(func() (string, error) {
			l.asked = true
			return password, nil
		}),
		ssh.KeyboardInteractive(func(_, _ string, questions []string, echos []bool) ([]string, error) {
			switch {
			case len(questions) == 0:
				return nil, nil
			case l.answers > 0 || len(questions) != 1 || echos[0]:
				// A further question is a one-time code or an expired password: the secret must not go there.
				l.odd = true
				return nil, errOnce
			case l.asked:
				return nil, errOnce
			}
			l.answers++
			l.asked = true
			return []string{password}, nil
		}),
	}, nil
}

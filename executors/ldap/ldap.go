// Package ldap changes secrets in LDAP directories with line templates: bind, find, mod-add, mod-del, mod-replace, add and
// delete of whole entries, and password-modify for the extended operation of RFC 3062.
//
// Holes are filled by their place: escaped in a value of a DN and in a filter, byte for byte in a value of an attribute.
// Nothing is sent before the connection is encrypted: LDAPS, or StartTLS where the device or the template says LDAP;
// TLS is verified unless the device opts out. Referrals are never followed. Proven against OpenLDAP and, for Active
// Directory's unicodePwd, against Samba's domain controller. The runner calls it through the contract.
package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Name is the executor's name in templates and operations.
const Name model.ExecutorName = "ldap"

// The ports of LDAPS, used when the device names none, and of LDAP, where StartTLS is used. The other two are those of
// Active Directory's global catalogue.
const (
	DefaultPort     = 636
	plainPort       = 389
	plainGlobalPort = 3268
)

// Names of holes that have a meaning here.
const (
	deviceIP   mask.Name = "IP"
	deviceName mask.Name = "HOSTNAME"
	domain     mask.Name = "DOMAIN"
	authDomain mask.Name = "AUTH_DOMAIN"
)

// DefaultTimeout limits connecting, and DefaultReadTimeout each answer, when the session sets nothing.
const (
	DefaultTimeout     = 10 * time.Second
	DefaultReadTimeout = 30 * time.Second
)

// Executor is the LDAP engine. The zero value is ready.
type Executor struct{}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "ldap".
func (Executor) Name() model.ExecutorName { return Name }

// Protocols are the names under which a device lists the port of its server.
func (Executor) Protocols() []string { return []string{"LDAPS", "LDAP"} }

// Compile checks a template.
func (Executor) Compile(source string) (executors.Program, error) {
	p, err := compile(source)
	if err != nil {
		return nil, err
	}
	for _, st := range p.steps {
		if st.verb != "find" && slices.Contains(mask.Names(st.name), mask.Username) {
			p.account = st.name
			break
		}
	}
	return p, nil
}

// Verify proves a secret by a bind. Where ADD_INFO is the DN of a branch, AUTH_USER finds USERNAME there by its uid or
// sAMAccountName: a directory answers a wrong password and an entry that does not exist alike, so the name must be certain first.
// Else USERNAME is bound as it stands when it is a DN, user@domain or DOMAIN\user, and as USERNAME@DOMAIN with a domain.
func (Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, with, false, whois)
}

// Verify proves a secret by a bind. AUTH_USER itself, as in a dry run, is bound as the template binds it. A template that adds or deletes an
// entry, or binds as USERNAME to change itself, says how that is bound: false as well when the entry does not exist. Else it is as Executor has it.
func (p *program) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, with, p.startTLS, func(s executors.Session) (identity, error) {
		name := p.account
		switch own, err := s.Itself(); {
		case err != nil:
			return identity{}, err
		case own:
			name = p.steps[slices.IndexFunc(p.steps, func(st step) bool { return st.verb == "bind" })].name
		case name == nil:
			return whois(s)
		}
		r := run{session: s}
		bound, err := r.text(name, escapeName)
		if err == nil && bound == "" {
			err = mask.ErrNoValue
		}
		if err != nil {
			return identity{}, executors.Fail(executors.ClassTemplate, 0, err)
		}
		return identity{name: bound}, nil
	})
}

func verify(ctx context.Context, s executors.Session, with secret.Value, startTLS bool, identify func(executors.Session) (identity, error)) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	who, err := identify(s)
	if err != nil {
		return false, err
	}
	if with.Len() == 0 {
		return false, &executors.Failure{Class: executors.ClassTemplate, Msg: "an empty password would be an anonymous login, which proves nothing"}
	}
	c, err := dial(ctx, s, startTLS)
	if err != nil {
		return false, failure(red, err)
	}
	defer c.hangUp()
	if who.name == "" {
		if who.name, err = who.look(c, s); err != nil {
			return false, failure(red, err)
		}
	}
	err = c.bind(who.name, with)
	switch code(err) {
	case invalidCredentials:
		if why := refusedThough(err); why != "" {
			return false, &executors.Failure{Class: executors.ClassAuth, Msg: why}
		}
		return false, nil
	case success:
		if err == nil {
			return true, nil
		}
	}
	return false, failure(red, err)
}

// failure makes a Failure of any error. Our own words stay; what the server or the library says passes the redactor.
func failure(red *executors.Redactor, err error) *executors.Failure {
	var (
		f    *executors.Failure
		who  *asAuth
		said *executors.Failure
	)
	switch us := errors.As(err, &who); {
	case errors.As(err, &f) && !us:
		return f
	case f != nil:
		said = executors.Fail(f.Class, 0, f)
	default:
		said = &executors.Failure{Class: classOf(err), Msg: executors.Said(red, err), Spared: executors.IsSpared(err) || sparing[code(err)]}
	}
	if who != nil {
		said.Msg = who.what + ": " + mask.AuthUser.String() + " cannot log in: " + said.Msg
		if !said.Spared {
			said.Denied = mask.AuthPassword
		}
	}
	return said
}

func text(s executors.Session, n mask.Name) (string, error) {
	v, err := s.Resolve.Optional(n)
	if err != nil {
		return "", executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", n, err))
	}
	var out string
	_ = v.Reveal(func(b []byte) error { out = string(b); return nil })
	return out, nil
}

package ldap

import (
	"errors"
	"fmt"
	"strings"

	directory "github.com/go-ldap/ldap/v3"

	"cofre/executors"
	"cofre/executors/mask"
)

// identity is what is known about the name to bind as.
type identity struct {
	name string // ready to bind; "" when it must be looked up
	base string
	uid  string
}

// whois decides how USERNAME is bound.
func whois(s executors.Session) (identity, error) {
	v := map[mask.Name]string{}
	for _, n := range []mask.Name{mask.Username, domain, mask.AddInfo, mask.AuthUser} {
		var err error
		if v[n], err = text(s, n); err != nil {
			return identity{}, err
		}
	}
	user := v[mask.Username]
	switch {
	case user == "":
		return identity{}, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.Username, mask.ErrNoValue))
	case v[domain] != "" && user == v[mask.AuthUser] && !isDN(user) && !strings.ContainsAny(user, `@\`):
		// It logs in for itself, as one of the domain: its old password may open nothing any more, so nobody can look it up.
		return identity{name: user + "@" + v[domain]}, nil
	case isDN(v[mask.AddInfo]):
		return identity{base: v[mask.AddInfo], uid: user}, nil
	case isDN(user), strings.ContainsAny(user, `@\`):
		return identity{name: user}, nil
	case v[domain] != "":
		return identity{name: user + "@" + v[domain]}, nil
	}
	return identity{}, &executors.Failure{Class: executors.ClassTemplate, Msg: "the user name is no DN: give the credential a domain, or the DN of the branch that holds it as additional information"}
}

// look finds the entry's DN with the login of AUTH_USER.
func (i identity) look(c *client, s executors.Session) (string, error) {
	if err := c.bindAuth(s, "look the user up"); err != nil {
		return "", err
	}
	uid := directory.EscapeFilter(i.uid)
	dn, err := c.find(i.base, "(|(uid="+uid+")(sAMAccountName="+uid+"))")
	return dn, executors.Spare(err) // whoever is looked for was not logged in as
}

// bindAuth logs in as AUTH_USER, to do something.
func (c *client) bindAuth(s executors.Session, what string) error {
	who, err := text(s, mask.AuthUser)
	if err != nil {
		return err
	}
	password, err := s.Resolve(mask.AuthPassword)
	if err == nil && who == "" {
		err = mask.ErrNoValue
	}
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %s, %s: %w", what, mask.AuthUser, mask.AuthPassword, err))
	}
	// Active Directory knows people by their domain, other directories by DN.
	if realm, err := text(s, authDomain); err == nil && realm != "" && !isDN(who) && !strings.ContainsAny(who, `@\`) {
		who += "@" + realm
	}
	if err := c.bind(who, password); err != nil {
		return &asAuth{err, what}
	}
	return nil
}

// asAuth is an error of a login as AUTH_USER that was to do something else than prove a secret.
type asAuth struct {
	error
	what string
}

// Unwrap gives the directory's answer.
func (e *asAuth) Unwrap() error { return e.error }

// isDN tells whether text is a distinguished name with at least one part.
func isDN(s string) bool {
	dn, err := directory.ParseDN(s)
	return err == nil && len(dn.RDNs) > 0
}

// refusedThough tells from Active Directory's diagnostic that a bind failed for another reason than the password.
func refusedThough(err error) string {
	var e *directory.Error
	if !errors.As(err, &e) || e.Err == nil {
		return ""
	}
	said := strings.ToLower(e.Err.Error())
	for sub, why := range map[string]string{"data 530": "not at this time", "data 531": "not from this station", "data 533": "the account is disabled",
		"data 701": "the account has expired", "data 773": "the password must be changed first", "data 532": "the password has expired", "data 775": "the account is locked"} {
		if strings.Contains(said, sub) {
			return "the directory refuses the login: " + why
		}
	}
	return ""
}

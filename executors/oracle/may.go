package oracle

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
)

// rights is what the server says about the session that asks and the user that would be changed.
type rights struct {
	privileges []string // of the session, with those of its roles
	exists     bool     // the other user
	itself     bool
	closed     bool // it is SYS, and the session is none of SYSDBA
}

// May asks whether who logs in may create, alter, drop the user USERNAME or grant something to it, as far as the template does that.
func (p *program) May(ctx context.Context, s executors.Session) (allowed bool, why string, err error) {
	s, red := s.Guard()
	var does []*statement
	for i := range p.statements {
		if st := &p.statements[i]; st.onUser() {
			does = append(does, st)
		}
	}
	if len(does) == 0 {
		return false, "", &executors.Failure{Class: executors.ClassTemplate, Msg: "the template changes no user " + mask.Username.String()}
	}
	has, err := p.login.rights(ctx, s)
	if err != nil {
		return false, "", failure(red, 0, err)
	}
	var open error // something that cannot be told
	for _, st := range does {
		switch allowed, why, err = has.allow(st); {
		case err != nil:
			open = err
		case !allowed:
			return false, why, nil
		}
	}
	if open != nil {
		return false, "", open
	}
	return true, why, nil
}

// onUser tells whether a statement changes the user USERNAME.
func (st *statement) onUser() bool {
	return slices.Contains(mask.Names(st.parts), mask.Username) &&
		(st.block || st.is("CREATE", "USER") || st.is("ALTER", "USER") || st.is("DROP", "USER") || st.is("GRANT"))
}

// canonical is a name as the server keeps it.
func canonical(value []byte) (string, error) {
	name, quoted := inner(value)
	if err := fits(name, maxName); err != nil {
		return "", err
	}
	if !quoted && simple.Match(name) {
		return strings.ToUpper(string(name)), nil
	}
	return string(name), nil
}

func (l login) rights(ctx context.Context, s executors.Session) (*rights, error) {
	names := map[mask.Name]string{}
	for _, n := range []mask.Name{mask.Username, l.who} {
		value, err := s.Resolve(n)
		if err == nil {
			err = value.Reveal(func(b []byte) (err error) { names[n], err = canonical(b); return err })
		}
		if err != nil {
			return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", n, err))
		}
	}
	with, err := s.Resolve(l.password)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", l.password, err))
	}
	c, err := l.open(ctx, s, with)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	ctx, cancel := s.Reading(ctx, defaultTimeout)
	defer cancel()
	privileges, err := c.column(ctx, "SELECT privilege FROM session_privs")
	if err != nil {
		return nil, err
	}
	who, other := names[l.who], names[mask.Username]
	found, err := c.column(ctx, "SELECT username FROM all_users WHERE username = '"+strings.ReplaceAll(other, "'", "''")+"'")
	if err != nil {
		return nil, err
	}
	return &rights{privileges: privileges, exists: len(found) > 0, itself: who == other, closed: other == "SYS" && who != "SYS" && !l.sysdba}, nil
}

// allow is what the server would decide about a statement. An error means that it cannot be told.
func (a *rights) allow(st *statement) (allowed bool, why string, err error) {
	untold := func(msg string) (bool, string, error) {
		return false, "", &executors.Failure{Class: executors.ClassPolicy, Line: st.line, Msg: msg}
	}
	switch {
	case st.block:
		return untold("what a block of PL/SQL needs cannot be looked up")
	case st.is("GRANT", "CREATE", "SESSION") && a.has("GRANT ANY PRIVILEGE"):
		return true, "it has GRANT ANY PRIVILEGE", nil
	case st.is("GRANT"):
		return untold("whether it may grant that cannot be looked up")
	case st.is("CREATE"), st.is("DROP"):
		return a.wants(st.words[0] + " USER")
	case !a.exists:
		return false, "there is no user of that name", nil
	case a.closed:
		return untold("from release 12 on only SYSDBA may change SYS")
	case a.itself && !a.has("ALTER USER") && slices.Contains(st.words, "IDENTIFIED"):
		if slices.Contains(st.words, "REPLACE") {
			return true, "it is the user itself, with its old password", nil
		}
		return untold("it is the user itself, but its profile may want the old password: REPLACE")
	}
	return a.wants("ALTER USER")
}

func (a *rights) has(privilege string) bool { return slices.Contains(a.privileges, privilege) }

func (a *rights) wants(privilege string) (bool, string, error) {
	if a.has(privilege) {
		return true, "it has " + privilege, nil
	}
	return false, "it lacks " + privilege, nil
}

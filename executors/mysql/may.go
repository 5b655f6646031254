package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
)

// May asks whether AUTH_USER has the privileges by which accounts are created, altered and dropped, as far as the template does that.
// What a role of the login, or the account itself, may do besides is not known.
func (p *program) May(ctx context.Context, s executors.Session) (allowed bool, why string, err error) {
	s, red := s.Guard()
	verbs := p.onAccount()
	if len(verbs) == 0 {
		return false, "", &executors.Failure{Class: executors.ClassTemplate, Msg: "the template changes no account " + mask.Username.String()}
	}
	if allowed, why, err = may(ctx, s, verbs); err != nil {
		return false, "", failure(red, err)
	}
	return allowed, why, nil
}

// onAccount lists what the template does to the account USERNAME.
func (p *program) onAccount() []string {
	var verbs []string
	for _, st := range p.statements {
		w := st.words
		if len(w) > 1 && slices.Contains(mask.Names(st.parts), mask.Username) &&
			(w[1] == "USER" && slices.Contains([]string{"CREATE", "ALTER", "DROP"}, w[0]) || w[0] == "SET" && w[1] == "PASSWORD") {
			verbs = append(verbs, w[0])
		}
	}
	return verbs
}

// instead is the privilege on the database mysql that does for a statement what CREATE USER does.
var instead = map[string]string{"CREATE": "INSERT", "ALTER": "UPDATE", "SET": "UPDATE", "DROP": "DELETE"}

func may(ctx context.Context, s executors.Session, verbs []string) (bool, string, error) {
	c, err := logIn(ctx, s)
	if err != nil {
		return false, "", err
	}
	defer c.HangUp()
	ctx, cancel := s.Reading(ctx, DefaultReadTimeout)
	defer cancel()
	me, err := c.ask(ctx, "SELECT CURRENT_USER()")
	if err != nil {
		return false, "", err
	}
	at := strings.LastIndexByte(me, '@')
	if at < 0 || strings.ContainsAny(me, `'\`) {
		return false, "", &executors.Failure{Class: executors.ClassProtocol, Msg: "the name of the account that logged in cannot be looked up among the privileges"}
	}
	// A hexadecimal literal needs no escaping, whatever the server's settings are.
	grantee := fmt.Sprintf("GRANTEE = CONVERT(0x%x USING utf8)", "'"+me[:at]+"'@'"+me[at+1:]+"'")
	has, err := c.list(ctx, "SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES WHERE "+grantee+
		" UNION SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES WHERE TABLE_SCHEMA = 'mysql' AND "+grantee)
	if err != nil {
		return false, "", err
	}
	missing := ""
	for _, v := range verbs {
		if !slices.Contains(has, "CREATE USER") && !slices.Contains(has, instead[v]) {
			missing = "it lacks CREATE USER, and " + instead[v] + " on the database mysql"
		}
	}
	if missing == "" {
		return true, "it has the privileges for accounts", nil
	}
	if role, err := c.list(ctx, "SELECT CURRENT_ROLE()"); err != nil || len(role) > 0 && !strings.EqualFold(role[0], "NONE") {
		return false, "", &executors.Failure{Class: executors.ClassPolicy, Msg: missing + "; its roles may have them"}
	}
	itself := false
	if name, err := s.Resolve(mask.Username); err == nil {
		_ = name.Reveal(func(b []byte) error { itself = string(b) == me[:at]; return nil })
	}
	if itself && !slices.ContainsFunc(verbs, func(v string) bool { return v == "CREATE" || v == "DROP" }) {
		return false, "", &executors.Failure{Class: executors.ClassPolicy, Msg: missing + "; it may be allowed to change itself"}
	}
	return false, missing, nil
}

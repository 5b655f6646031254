package postgres

import (
	"context"
	"fmt"
	"slices"

	"cofre/executors"
	"cofre/executors/mask"
)

// rights is what the server says about the role that logs in and the one that would be changed.
type rights struct {
	super, createRole bool // of the role that logs in
	exists, itself    bool // the other one
	otherSuper        bool
	admin             bool // ADMIN OPTION on the other one
	strict            bool // release 16 and later: CREATEROLE is not enough
}

const askRights = `SELECT m.rolsuper, m.rolcreaterole, t.oid IS NOT NULL, COALESCE(t.oid = m.oid, false), COALESCE(t.rolsuper, false),
 COALESCE(pg_has_role(m.oid, t.oid, 'MEMBER WITH ADMIN OPTION'), false), current_setting('server_version_num')::int >= 160000
FROM pg_catalog.pg_roles m LEFT JOIN pg_catalog.pg_roles t ON t.rolname = '%s' WHERE m.rolname = current_user`

// May asks whether AUTH_USER may create, alter or drop the role USERNAME, as far as the template does that.
func (p *program) May(ctx context.Context, s executors.Session) (allowed bool, why string, err error) {
	s, red := s.Guard()
	r := &run{session: s, red: red}
	var does []*statement
	for i := range p.statements {
		if st := &p.statements[i]; st.onRole() {
			does = append(does, st)
		}
	}
	if len(does) == 0 {
		return false, "", &executors.Failure{Class: executors.ClassTemplate, Msg: "the template changes no role " + mask.Username.String()}
	}
	has, err := r.rights(ctx)
	if err != nil {
		return false, "", r.failure(err)
	}
	for _, st := range does {
		if allowed, why = has.allow(st); !allowed {
			break
		}
	}
	return allowed, why, nil
}

// onRole tells whether a statement creates, alters or drops the role USERNAME.
func (st *statement) onRole() bool {
	return len(st.words) > 1 && slices.Contains([]string{"CREATE", "ALTER", "DROP"}, st.words[0]) && slices.Contains([]string{"ROLE", "USER"}, st.words[1]) &&
		slices.Contains(mask.Names(st.parts), mask.Username)
}

func (r *run) rights(ctx context.Context) (*rights, error) {
	name, err := r.session.Resolve(mask.Username)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.Username, err))
	}
	var sql string
	err = name.Reveal(func(b []byte) error {
		quoted, err := escape(mask.Part{Hole: mask.Username, Context: inLiteral}, b)
		sql = fmt.Sprintf(askRights, quoted)
		return err
	})
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, err)
	}
	if err := r.logIn(ctx); err != nil {
		return nil, err
	}
	defer r.conn.HangUp()
	results, err := r.exec(ctx, []byte(sql))
	if err != nil {
		return nil, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return nil, &executors.Failure{Class: executors.ClassProtocol, Msg: "the server does not tell the rights of the role that logged in"}
	}
	row := results[0].Rows[0]
	is := func(i int) bool { return string(row[i]) == "t" }
	return &rights{super: is(0), createRole: is(1), exists: is(2), itself: is(3), otherSuper: is(4), admin: is(5), strict: is(6)}, nil
}

// allow is what the server would decide about a statement.
func (a *rights) allow(st *statement) (allowed bool, why string) {
	verb := st.words[0]
	switch {
	case verb == "ALTER" && !a.exists:
		return false, "there is no role of that name"
	case a.super:
		return true, "it is a superuser"
	case verb == "ALTER" && a.itself && slices.Contains(st.words, "PASSWORD"):
		return true, "it is the role itself"
	case !a.createRole:
		return false, "it lacks CREATEROLE"
	case verb == "CREATE" || !a.exists:
		return true, "it has CREATEROLE"
	case a.otherSuper:
		return false, "the role is a superuser, which only another one may change"
	case a.strict && !a.admin:
		return false, "it lacks ADMIN OPTION on the role, which release 16 and later want besides CREATEROLE"
	}
	return true, "it has CREATEROLE"
}

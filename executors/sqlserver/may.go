package sqlserver

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
)

// rights is what the server says about the login that asks and the one that would be changed.
type rights struct {
	control, anyLogin, create bool // of the login that asks
	alter                     bool // it may alter the other one
	exists, itself            bool // the other one
	sysadmin                  bool // the other one
	untold                    bool // the server does not say whether the other one is a sysadmin
}

// askRights gets the name of the other login three times. Releases before 2022 know no CREATE LOGIN: NULL.
const askRights = "SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'CONTROL SERVER'), HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY LOGIN'), HAS_PERMS_BY_NAME(NULL, NULL, 'CREATE LOGIN')," +
	" HAS_PERMS_BY_NAME(QUOTENAME(N'%[1]s'), 'LOGIN', 'ALTER'), CASE WHEN SUSER_ID(N'%[1]s') IS NULL THEN 0 ELSE 1 END," +
	" CASE WHEN SUSER_ID(N'%[1]s') = SUSER_ID() THEN 1 ELSE 0 END, IS_SRVROLEMEMBER('sysadmin', N'%[1]s')"

// May asks whether AUTH_USER may create, alter or drop the login USERNAME, as far as the template does that.
func (p *program) May(ctx context.Context, s executors.Session) (allowed bool, why string, err error) {
	s, red := s.Guard()
	var does []*statement
	for i := range p.statements {
		if st := &p.statements[i]; st.onLogin() != "" {
			does = append(does, st)
		}
	}
	if len(does) == 0 {
		return false, "", &executors.Failure{Class: executors.ClassTemplate, Msg: "the template changes no login " + mask.Username.String()}
	}
	has, err := ask(ctx, s)
	if err != nil {
		return false, "", failure(red, 0, err)
	}
	for _, st := range does {
		if allowed, why, err = has.allow(st); !allowed || err != nil {
			break
		}
	}
	return allowed, why, err
}

// onLogin is CREATE, ALTER or DROP where a statement does that to the login USERNAME; "" for others.
func (st *statement) onLogin() string {
	at := slices.Index(st.words, "LOGIN")
	if at < 1 || !slices.Contains(mask.Names(st.parts), mask.Username) || !slices.Contains([]string{"CREATE", "ALTER", "DROP"}, st.words[at-1]) {
		return ""
	}
	return st.words[at-1]
}

func ask(ctx context.Context, s executors.Session) (*rights, error) {
	name, err := s.Resolve(mask.Username)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.Username, err))
	}
	var sql string
	err = name.Reveal(func(b []byte) error {
		text, err := escape(mask.Part{Hole: mask.Username, Context: inLiteral}, b)
		sql = fmt.Sprintf(askRights, text)
		return err
	})
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, err)
	}
	c, err := manager(ctx, s)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	ctx, cancel := s.Reading(ctx, defaultTimeout)
	defer cancel()
	row, err := c.row(ctx, sql)
	if err != nil {
		return nil, err
	}
	if len(row) != 7 {
		return nil, &executors.Failure{Class: executors.ClassProtocol, Msg: "the server does not tell the rights of the login"}
	}
	is := func(i int) bool { return row[i] == driver.Value(int64(1)) }
	return &rights{control: is(0), anyLogin: is(1), create: is(2), alter: is(3), exists: is(4), itself: is(5), sysadmin: is(6), untold: row[6] == nil}, nil
}

// allow is what the server would decide about a statement.
func (a *rights) allow(st *statement) (allowed bool, why string, err error) {
	does, old := st.onLogin(), slices.Contains(st.words, "OLD_PASSWORD")
	switch {
	case does == "CREATE" && (a.anyLogin || a.create):
		return true, "it may create logins", nil
	case does == "CREATE":
		return false, "it lacks ALTER ANY LOGIN, and CREATE LOGIN of release 2022", nil
	case does == "DROP" && (a.anyLogin || a.alter):
		return true, "it may drop logins", nil
	case does == "DROP":
		return false, "it lacks ALTER ANY LOGIN", nil
	case !a.exists:
		return false, "there is no login of that name", nil
	case a.itself && old:
		return true, "it is the login itself, with its old password", nil
	case !a.alter && !a.anyLogin:
		return false, "it lacks ALTER ANY LOGIN, and ALTER on the login", nil
	case old || a.control:
		return true, "it may alter the login", nil
	case a.untold:
		return false, "", &executors.Failure{Class: executors.ClassPolicy, Msg: "it may alter the login, unless that is a sysadmin, which the server does not tell it: then it lacks CONTROL SERVER"}
	case a.sysadmin:
		return false, "the login is a sysadmin, whose password wants CONTROL SERVER", nil
	}
	return true, "it may alter the login", nil
}

// row runs a query whose answer is one row.
func (c *client) row(ctx context.Context, sql string) ([]driver.Value, error) {
	rows, err := c.rows(ctx, sql, 2)
	if err == nil && len(rows) != 1 {
		err = &executors.Failure{Class: executors.ClassProtocol, Msg: "the server does not answer with one row"}
	}
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// rows runs a query and reads so many rows at most: a server may send what nobody asked for.
func (c *client) rows(ctx context.Context, sql string, most int) ([][]driver.Value, error) {
	prepare, ok := c.conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, errors.New("the driver cannot run statements")
	}
	stmt, err := prepare.PrepareContext(ctx, sql)
	if err != nil {
		return nil, known(err)
	}
	run, ok := stmt.(driver.StmtQueryContext)
	if !ok {
		return nil, errors.New("the driver cannot run queries")
	}
	began := time.Now()
	rows, err := run.QueryContext(ctx, nil)
	var all [][]driver.Value
	for err == nil && len(all) < most {
		row := make([]driver.Value, len(rows.Columns()))
		if err = rows.Next(row); err == nil {
			all = append(all, row)
		}
	}
	if err == nil || errors.Is(err, io.EOF) {
		return all, rows.Close()
	}
	if ctx.Err() != nil {
		return nil, executors.Late(ctx, "wait for the server", time.Since(began).Round(time.Second/10))
	}
	return nil, known(err)
}

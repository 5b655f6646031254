package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Accounts lists the names of the accounts that begin with a prefix, whatever their hosts. Who logs in may read mysql.user.
func (Executor) Accounts(ctx context.Context, s executors.Session, prefix string) (names []string, more bool, err error) {
	s, red := s.Guard()
	if names, err = accounts(ctx, s, prefix); err != nil {
		return nil, false, failure(red, err)
	}
	s.Trace.Step(model.Step{Text: "listed the accounts that begin with " + prefix, Matched: strconv.Itoa(len(names))})
	if more = len(names) > executors.MaxAccounts; more {
		names = names[:executors.MaxAccounts]
	}
	return names, more, nil
}

// logIn connects as AUTH_USER, for questions.
func logIn(ctx context.Context, s executors.Session) (session, error) {
	user, err := s.Resolve(mask.AuthUser)
	if err != nil {
		return session{}, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthUser, err))
	}
	password, err := s.Resolve(mask.AuthPassword)
	if err != nil {
		return session{}, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	if err := s.Before("connect"); err != nil {
		return session{}, executors.Fail(executors.ClassRefused, 0, err)
	}
	return connect(ctx, s, user, password)
}

func accounts(ctx context.Context, s executors.Session, prefix string) ([]string, error) {
	c, err := logIn(ctx, s)
	if err != nil {
		return nil, err
	}
	defer c.HangUp()
	// A hexadecimal literal needs no escaping, whatever the server's settings are.
	sql := fmt.Sprintf("SELECT DISTINCT User FROM mysql.user WHERE LEFT(LOWER(User), %d) = LOWER(CONVERT(0x%x USING utf8)) ORDER BY 1 LIMIT %d", len(prefix), prefix, executors.MaxAccounts+1)
	ctx, cancel := s.Reading(ctx, DefaultReadTimeout)
	defer cancel()
	return c.list(ctx, sql)
}

// list runs a query whose answer is a column of text.
func (c session) list(ctx context.Context, sql string) ([]string, error) {
	run, ok := c.Conn.(sqldriver.QueryerContext)
	if !ok {
		return nil, errors.New("the driver cannot run text")
	}
	rows, err := run.QueryContext(ctx, sql, nil)
	if err != nil {
		return nil, lost(err)
	}
	defer func() { _ = rows.Close() }()
	var names []string
	row := make([]sqldriver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return names, nil
		case err != nil:
			return nil, lost(err)
		}
		switch v := row[0].(type) {
		case []byte:
			names = append(names, string(v))
		case string:
			names = append(names, v)
		}
	}
}

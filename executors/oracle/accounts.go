package oracle

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	goora "github.com/sijms/go-ora/v2"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Accounts lists the users whose names begin with a prefix, in the database that the additional information names. Every user may
// read their names.
func (Executor) Accounts(ctx context.Context, s executors.Session, prefix string) (names []string, more bool, err error) {
	return accounts(ctx, s, login{who: mask.AuthUser, password: mask.AuthPassword, service: defaultService}, prefix)
}

// Accounts lists the users whose names begin with a prefix, in the database that the template names.
func (p *program) Accounts(ctx context.Context, s executors.Session, prefix string) (names []string, more bool, err error) {
	return accounts(ctx, s, login{who: mask.AuthUser, password: mask.AuthPassword, service: p.login.service, sysdba: p.login.sysdba}, prefix)
}

func accounts(ctx context.Context, s executors.Session, l login, prefix string) (names []string, more bool, err error) {
	s, red := s.Guard()
	if names, err = l.users(ctx, s, prefix); err != nil {
		return nil, false, failure(red, 0, err)
	}
	s.Trace.Step(model.Step{Text: "listed the users that begin with " + prefix, Matched: strconv.Itoa(len(names))})
	if more = len(names) > executors.MaxAccounts; more {
		names = names[:executors.MaxAccounts]
	}
	return names, more, nil
}

func (l login) users(ctx context.Context, s executors.Session, prefix string) ([]string, error) {
	with, err := s.Resolve(l.password)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", l.password, err))
	}
	if err := fits([]byte(prefix), maxName); err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, err)
	}
	if err := s.Before("connect"); err != nil {
		return nil, executors.Fail(executors.ClassRefused, 0, err)
	}
	c, err := l.open(ctx, s, with)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	ctx, cancel := s.Reading(ctx, defaultTimeout)
	defer cancel()
	names, err := c.column(ctx, fmt.Sprintf("SELECT username FROM all_users WHERE SUBSTR(UPPER(username), 1, %d) = UPPER('%s') AND ROWNUM <= %d",
		len(prefix), strings.ReplaceAll(prefix, "'", "''"), executors.MaxAccounts+1))
	for i, n := range names {
		switch {
		case n == strings.ToUpper(n) && simple.MatchString(n):
			names[i] = strings.ToLower(n) // as people write it, and as a dynamic user is called
		case simple.MatchString(n):
			names[i] = `"` + n + `"` // its letters are meant
		}
	}
	return names, err
}

// column runs a query whose answer is a column of text.
func (c *client) column(ctx context.Context, sql string) (names []string, err error) {
	err = c.within(ctx, func() error {
		rows, err := goora.NewStmt(sql, c.conn).QueryContext(context.WithoutCancel(ctx), []driver.NamedValue{})
		if err != nil {
			return err
		}
		row := make([]driver.Value, 1)
		for {
			if err := rows.Next(row); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			name, ok := row[0].(string)
			if !ok {
				return &executors.Failure{Class: executors.ClassProtocol, Msg: "the server lists something that is no name"}
			}
			names = append(names, name)
		}
	})
	return names, err
}

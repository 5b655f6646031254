package sqlserver

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// seesLogins asks whether the server shows this login the others: without such a right its list holds itself and system logins, and
// says nothing of that.
const seesLogins = "SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY LOGIN'), HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW ANY DEFINITION')"

// Accounts lists the logins with a password whose names begin with a prefix.
func (Executor) Accounts(ctx context.Context, s executors.Session, prefix string) (names []string, more bool, err error) {
	s, red := s.Guard()
	if names, err = logins(ctx, s, prefix); err != nil {
		return nil, false, failure(red, 0, err)
	}
	s.Trace.Step(model.Step{Text: "listed the logins that begin with " + prefix, Matched: strconv.Itoa(len(names))})
	if more = len(names) > executors.MaxAccounts; more {
		names = names[:executors.MaxAccounts]
	}
	return names, more, nil
}

func logins(ctx context.Context, s executors.Session, prefix string) ([]string, error) {
	literal, err := escape(mask.Part{Hole: mask.Username, Context: inLiteral}, []byte(prefix))
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, err)
	}
	if err := s.Before("connect"); err != nil {
		return nil, executors.Fail(executors.ClassRefused, 0, err)
	}
	c, err := manager(ctx, s)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	ctx, cancel := s.Reading(ctx, defaultTimeout)
	defer cancel()
	rights, err := c.row(ctx, seesLogins)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(rights, driver.Value(int64(1))) {
		return nil, &executors.Failure{Class: executors.ClassPolicy, Msg: "the server shows this login no others: it lacks ALTER ANY LOGIN, and VIEW ANY DEFINITION"}
	}
	rows, err := c.rows(ctx, fmt.Sprintf("SELECT TOP (%d) name FROM sys.server_principals WHERE type = 'S' AND LOWER(LEFT(name, %d)) = LOWER(N'%s')", executors.MaxAccounts+1, len(prefix), literal), executors.MaxAccounts+1)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, row := range rows {
		name, ok := "", len(row) == 1
		if ok {
			name, ok = row[0].(string)
		}
		if !ok {
			return nil, &executors.Failure{Class: executors.ClassProtocol, Msg: "the server lists something that is no name"}
		}
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) { // a collation may find more alike
			names = append(names, name)
		}
	}
	return names, nil
}

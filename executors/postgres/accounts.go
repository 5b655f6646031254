package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Accounts lists the roles whose names begin with a prefix. Every role may read their names.
func (Executor) Accounts(ctx context.Context, s executors.Session, prefix string) (names []string, more bool, err error) {
	s, red := s.Guard()
	r := &run{session: s, red: red}
	if names, err = r.roles(ctx, prefix); err != nil {
		return nil, false, r.failure(err)
	}
	s.Trace.Step(model.Step{Text: "listed the roles that begin with " + prefix, Matched: strconv.Itoa(len(names))})
	if more = len(names) > executors.MaxAccounts; more {
		names = names[:executors.MaxAccounts]
	}
	return names, more, nil
}

// logIn connects as AUTH_USER, for questions.
func (r *run) logIn(ctx context.Context) error {
	user, err := r.session.Resolve(mask.AuthUser)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthUser, err))
	}
	password, err := r.session.Resolve(mask.AuthPassword)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	if err := r.permit("connect"); err != nil {
		return err
	}
	r.conn, err = connect(ctx, r.session, user, password)
	return err
}

func (r *run) roles(ctx context.Context, prefix string) ([]string, error) {
	if err := r.logIn(ctx); err != nil {
		return nil, err
	}
	defer r.conn.HangUp()
	literal := "'" + strings.ReplaceAll(prefix, "'", "''") + "'"
	sql := fmt.Sprintf("SELECT rolname FROM pg_catalog.pg_roles WHERE starts_with(lower(rolname), lower(%s)) ORDER BY 1 LIMIT %d", literal, executors.MaxAccounts+1)
	results, err := r.exec(ctx, []byte(sql))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, res := range results {
		for _, row := range res.Rows {
			names = append(names, string(row[0]))
		}
	}
	return names, nil
}

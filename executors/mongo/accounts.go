package mongo

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Accounts lists the users of the database admin whose names begin with a prefix.
func (Executor) Accounts(ctx context.Context, s executors.Session, prefix string) ([]string, bool, error) {
	return accounts(ctx, s, place{}, prefix)
}

// Accounts lists the users of the template's database whose names begin with a prefix.
func (p *program) Accounts(ctx context.Context, s executors.Session, prefix string) ([]string, bool, error) {
	return accounts(ctx, s, p.last, prefix)
}

// accounts asks by a command that a caller without the right to see others' users is refused.
func accounts(ctx context.Context, s executors.Session, in place, prefix string) (names []string, more bool, err error) {
	s, red := s.Guard()
	if names, err = users(ctx, s, in, prefix); err != nil {
		return nil, false, executors.FailureOf(red, 0, err)
	}
	s.Trace.Step(model.Step{Text: "listed the users that begin with " + prefix, Matched: strconv.Itoa(len(names))})
	if more = len(names) > executors.MaxAccounts; more {
		names = names[:executors.MaxAccounts]
	}
	return names, more, nil
}

func users(ctx context.Context, s executors.Session, in place, prefix string) ([]string, error) {
	password, err := s.Resolve(mask.AuthPassword)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	who, err := user(s, mask.AuthUser, password)
	if err != nil {
		return nil, err
	}
	database, err := in.name(s.Resolve)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, err)
	}
	if err := s.Before("connect"); err != nil {
		return nil, executors.Fail(executors.ClassRefused, 0, err)
	}
	c, err := dial(ctx, s)
	if err != nil {
		return nil, err
	}
	defer c.HangUp()
	if err := c.login(ctx, who, "admin"); err != nil {
		return nil, err
	}
	var said struct {
		Users []struct {
			Name string `bson:"user"`
		} `bson:"users"`
	}
	begins := bson.Regex{Pattern: "^" + regexp.QuoteMeta(prefix), Options: "i"}
	if err := c.do(ctx, database, bson.D{{Key: "usersInfo", Value: int32(1)}, {Key: "filter", Value: bson.D{{Key: "user", Value: begins}}}}, &said); err != nil {
		return nil, err
	}
	var names []string
	for _, u := range said.Users {
		names = append(names, u.Name)
	}
	return names, nil
}

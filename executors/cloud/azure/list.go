package azure

import (
	"context"
	"strconv"
	"strings"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/fsm/model"
)

// Accounts lists the client secrets of the application that the additional information names, as the catalogue's templates do.
func (e Executor) Accounts(ctx context.Context, s executors.Session, prefix string) ([]string, bool, error) {
	p, err := compile(e, removeTemplate)
	if err != nil {
		return nil, false, executors.Fail(executors.ClassTemplate, 0, err)
	}
	return p.(*removal).Accounts(ctx, s, prefix)
}

// Accounts lists the names of the client secrets of the template's application that begin with a prefix. The account sees all
// of those, since it may change them.
func (p *program) Accounts(ctx context.Context, s executors.Session, prefix string) (names []string, more bool, err error) {
	s, red := s.Guard()
	r := &run{Run: &cloud.Run{Session: s, Red: red}}
	if names, err = r.list(ctx, p, prefix); err != nil {
		return nil, false, executors.FailureOf(red, 0, err)
	}
	s.Trace.Step(model.Step{Text: "listed the client secrets that begin with " + prefix, Matched: strconv.Itoa(len(names))})
	if more = len(names) > executors.MaxAccounts; more {
		names = names[:executors.MaxAccounts]
	}
	return names, more, nil
}

func (r *run) list(ctx context.Context, p *program, prefix string) ([]string, error) {
	c, err := r.door(p)
	if err == nil {
		err = r.Permit("connect")
	}
	if err == nil {
		err = c.logIn(ctx)
	}
	if err != nil {
		return nil, err
	}
	a, err := c.read(ctx, r.object)
	var names []string
	for _, s := range a.Secrets {
		if len(s.Name) >= len(prefix) && strings.EqualFold(s.Name[:len(prefix)], prefix) {
			names = append(names, s.Name)
		}
	}
	return names, err
}

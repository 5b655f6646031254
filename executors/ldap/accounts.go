package ldap

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	directory "github.com/go-ldap/ldap/v3"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// named are the attributes that hold the name of an account.
var named = []string{"uid", "cn", "sAMAccountName"}

// pageSize is how many entries one answer brings: servers refuse long ones.
const pageSize = 500

// Accounts lists the entries of the branch that is the additional information whose uid, cn or sAMAccountName begins with a
// prefix. Who logs in may read them.
func (Executor) Accounts(ctx context.Context, s executors.Session, prefix string) ([]string, bool, error) {
	s, red := s.Guard()
	names, err := accounts(ctx, s, prefix)
	if err != nil {
		return nil, false, failure(red, err)
	}
	s.Trace.Step(model.Step{Text: "listed the entries that begin with " + prefix, Matched: strconv.Itoa(len(names))})
	if len(names) > executors.MaxAccounts {
		return names[:executors.MaxAccounts], true, nil
	}
	return names, false, nil
}

func accounts(ctx context.Context, s executors.Session, prefix string) ([]string, error) {
	base, err := text(s, mask.AddInfo)
	if err != nil {
		return nil, err
	}
	if !isDN(base) {
		return nil, &executors.Failure{Class: executors.ClassTemplate, Msg: "accounts are listed in a branch: give the profile its DN as additional information"}
	}
	if err := s.Before("connect"); err != nil {
		return nil, executors.Fail(executors.ClassRefused, 0, err)
	}
	c, err := dial(ctx, s, false)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	if err := c.bindAuth(s, "list accounts"); err != nil {
		return nil, err
	}
	return c.beginning(base, prefix)
}

// beginning lists the names in a branch that begin with a prefix, one more than a Lister lists at most.
func (c *client) beginning(base, prefix string) ([]string, error) {
	var filter strings.Builder
	for _, a := range named {
		fmt.Fprintf(&filter, "(%s=%s*)", a, directory.EscapeFilter(prefix))
	}
	paging := directory.NewControlPaging(pageSize)
	var names []string
	for {
		req := directory.NewSearchRequest(base, directory.ScopeWholeSubtree, directory.NeverDerefAliases, 0, 0, false, "(|"+filter.String()+")", named, []directory.Control{paging})
		found, err := c.conn.Search(req)
		if err != nil {
			return nil, c.told(err)
		}
		for _, e := range found.Entries {
			for _, a := range named {
				i := slices.IndexFunc(e.GetEqualFoldAttributeValues(a), func(v string) bool {
					return len(v) >= len(prefix) && strings.EqualFold(v[:len(prefix)], prefix)
				})
				if i >= 0 {
					names = append(names, e.GetEqualFoldAttributeValues(a)[i])
					break
				}
			}
		}
		next, ok := directory.FindControl(found.Controls, directory.ControlTypePaging).(*directory.ControlPaging)
		if !ok || len(next.Cookie) == 0 || len(names) > executors.MaxAccounts {
			return names, nil
		}
		paging.SetCookie(next.Cookie)
	}
}

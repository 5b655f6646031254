package aws

import (
	"context"
	"net/url"
	"strings"

	"cofre/executors"
	"cofre/executors/cloud"
)

// Accounts lists the IAM users below Cofre's path whose names begin with a prefix, in whatever case.
func (e Executor) Accounts(ctx context.Context, s executors.Session, prefix string) (names []string, more bool, err error) {
	s, red := s.Guard()
	r := &run{Run: &cloud.Run{Session: s, Red: red}}
	err = func() error {
		c, err := r.account()
		if err != nil {
			return err
		}
		if err := r.Permit("connect"); err != nil {
			return err
		}
		names, more, err = c.users(ctx, prefix)
		return err
	}()
	if err != nil {
		return nil, false, executors.FailureOf(red, 0, err)
	}
	return names, more, nil
}

// users lists page by page, up to the limit of a Lister.
func (c *client) users(ctx context.Context, prefix string) (names []string, more bool, err error) {
	for params := (url.Values{"PathPrefix": {Path}}); ; {
		var out struct {
			Names     []string `xml:"ListUsersResult>Users>member>UserName"`
			Truncated bool     `xml:"ListUsersResult>IsTruncated"`
			Marker    string   `xml:"ListUsersResult>Marker"`
		}
		if err := c.call(ctx, iam, "ListUsers", params, &out); err != nil {
			return nil, false, err
		}
		for _, n := range out.Names {
			if len(n) < len(prefix) || !strings.EqualFold(n[:len(prefix)], prefix) {
				continue
			}
			if len(names) == executors.MaxAccounts {
				return names, true, nil
			}
			names = append(names, n)
		}
		if !out.Truncated || out.Marker == "" {
			return names, false, nil
		}
		params.Set("Marker", out.Marker)
	}
}

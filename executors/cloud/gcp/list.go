package gcp

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/executors/mask"
)

// Accounts lists the service accounts of the profile's project whose names begin with a prefix.
func (e Executor) Accounts(ctx context.Context, s executors.Session, prefix string) (names []string, more bool, err error) {
	account := s.Resolve
	s, red := s.Guard()
	r := &cloud.Run{Session: s, Red: red}
	err = func() error {
		text, err := cloud.Text(s, mask.AddInfo)
		if err != nil {
			return err
		}
		g, err := readGets(text)
		if err != nil {
			return executors.Fail(executors.ClassTemplate, 0, err)
		}
		c, err := clientOf(r, account)
		if err == nil {
			err = r.Permit("connect")
		}
		if err == nil {
			err = c.logIn(ctx)
		}
		if err == nil {
			names, more, err = c.accounts(ctx, g.project, prefix)
		}
		return err
	}()
	if err != nil {
		return nil, false, executors.FailureOf(red, 0, err)
	}
	return names, more, nil
}

// accounts lists page by page, up to the limit of a Lister.
func (c *client) accounts(ctx context.Context, project, prefix string) (names []string, more bool, err error) {
	for query := (url.Values{"pageSize": {"100"}}); ; {
		var out struct {
			Accounts []struct {
				Email string `json:"email"`
			} `json:"accounts"`
			Next string `json:"nextPageToken"`
		}
		if err := c.call(ctx, http.MethodGet, iamHost, "/v1/projects/"+project+"/serviceAccounts?"+query.Encode(), nil, &out); err != nil {
			return nil, false, err
		}
		for _, a := range out.Accounts {
			name, _, _ := strings.Cut(a.Email, "@")
			if !strings.HasPrefix(name, prefix) {
				continue
			}
			if len(names) == executors.MaxAccounts {
				return names, true, nil
			}
			names = append(names, name)
		}
		if out.Next == "" {
			return names, false, nil
		}
		query.Set("pageToken", out.Next)
	}
}

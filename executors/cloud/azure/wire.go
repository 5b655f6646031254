package azure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/vault/secret"
)

// client speaks as one application: the account, or the one whose new secret is proven.
type client struct {
	session executors.Session
	red     *executors.Redactor // nil: no token is used
	as      pair
	token   string
}

// refusal is an error answer of a service: it did nothing.
type refusal struct {
	action, code, message string
	status                int
	login                 bool // of the token endpoint
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: %s: %s", r.action, r.code, r.message) }

func (r *refusal) Class() executors.Class {
	if r.login || r.status == http.StatusUnauthorized {
		return executors.ClassAuth
	}
	return executors.ClassPolicy
}

// wrong tells that the token endpoint says that the client's secret is wrong: AADSTS7000215, or 7000222 for one whose time is over. An
// unknown or disabled client is refused in other words.
func wrong(err error) bool {
	var no *refusal
	return errors.As(err, &no) && no.login && (strings.Contains(no.message, "AADSTS7000215") || strings.Contains(no.message, "AADSTS7000222"))
}

// logIn gets a token by the client's secret.
func (c *client) logIn(ctx context.Context) error {
	host, scope := cloud.Host(c.session), "https://"+graph+"/.default"
	if host == graph && c.session.Target.Address == host {
		host = login
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.as.ID}, "client_secret": {c.as.Secret}, "scope": {scope}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/"+url.PathEscape(c.as.Tenant)+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := cloud.Send(ctx, c.session, r)
	if err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	var out struct {
		Token       string `json:"access_token"`
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	err = json.Unmarshal(a.Body, &out)
	switch {
	case a.Status >= http.StatusInternalServerError || err != nil || a.Status == http.StatusOK && out.Token == "":
		return &executors.Failure{Class: executors.ClassProtocol, Msg: fmt.Sprintf("the token endpoint answered with status %d", a.Status)}
	case a.Status != http.StatusOK:
		return &refusal{"get a token", out.Code, out.Description, a.Status, true}
	}
	c.token = out.Token
	if c.red != nil {
		c.red.Add(secret.New([]byte(out.Token)))
	}
	return nil
}

// call asks Graph; its answer is decoded into out, unless that is nil. One that came too fast, or that another change got in the way of,
// did nothing and is repeated.
func (c *client) call(ctx context.Context, method, path string, body, out any) error {
	return cloud.Patience{}.Until(ctx, func() error {
		err := c.once(ctx, method, path, body, out)
		var no *refusal
		if errors.As(err, &no) && (no.status == http.StatusTooManyRequests || no.status == http.StatusConflict) {
			return fmt.Errorf("%w: %w", cloud.ErrAgain, err)
		}
		return err
	})
}

func (c *client) once(ctx context.Context, method, path string, body, out any) error {
	action := method + " " + strings.SplitN(path, "?", 2)[0]
	doc, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if body == nil {
		doc = nil
	}
	r, err := http.NewRequestWithContext(ctx, method, "https://"+cloud.Host(c.session)+"/v1.0"+path, bytes.NewReader(doc))
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := cloud.Send(ctx, c.session, r)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if a.Status >= http.StatusBadRequest {
		var e struct {
			Error struct {
				Code    string `json:"code"`
				Message string `json:"message"`
			} `json:"error"`
		}
		if json.Unmarshal(a.Body, &e) != nil || e.Error.Code == "" || a.Status >= http.StatusInternalServerError {
			return &executors.Failure{Class: executors.ClassProtocol, Msg: fmt.Sprintf("%s was answered with status %d", action, a.Status)}
		}
		return &refusal{action, e.Error.Code, e.Error.Message, a.Status, false}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return &executors.Failure{Class: executors.ClassProtocol, Msg: action + " was answered with something that is not its JSON"}
	}
	return nil
}

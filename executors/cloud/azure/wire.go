package azure

import (
	"context"
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

// wrong tells that the token endpoint says that the client's secret is wrong: AADSTS7000215, or 7000222 for one whose time is over. An
// unknown or disabled client is refused in other words.
func wrong(err error) bool {
	return cloud.Refused(err, func(no *cloud.Refusal) bool {
		return no.Login && (strings.Contains(no.Message, "AADSTS7000215") || strings.Contains(no.Message, "AADSTS7000222"))
	})
}

// logIn gets a token by the client's secret.
func (c *client) logIn(ctx context.Context) (err error) {
	host, scope := cloud.Host(c.session), "https://"+graph+"/.default"
	if host == graph && c.session.Target.Address == host {
		host = login
	}
	c.token, err = cloud.Token(ctx, c.session, "https://"+host+"/"+url.PathEscape(c.as.Tenant)+"/oauth2/v2.0/token",
		url.Values{"grant_type": {"client_credentials"}, "client_id": {c.as.ID}, "client_secret": {c.as.Secret}, "scope": {scope}})
	if err == nil && c.red != nil {
		c.red.Add(secret.New([]byte(c.token)))
	}
	return err
}

// call asks Graph; its answer is decoded into out, unless that is nil. One that came too fast, or that another change got in the way of,
// did nothing and is repeated.
func (c *client) call(ctx context.Context, method, path string, body, out any) error {
	again := func(no *cloud.Refusal) bool {
		return no.Status == http.StatusTooManyRequests || no.Status == http.StatusConflict
	}
	return cloud.REST{Session: c.session, Token: c.token, Again: again}.Call(ctx, method, "https://"+cloud.Host(c.session)+"/v1.0"+path, body, out)
}

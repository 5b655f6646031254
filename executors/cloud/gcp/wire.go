package gcp

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/vault/secret"
)

// client speaks as one service account: the one that does the work, or the one whose new key is proven.
type client struct {
	session executors.Session
	red     *executors.Redactor
	as      key
	token   string
}

// wrong tells that the token endpoint says that it does not know the key, or the account. A wrong clock is refused in other words.
func wrong(err error) bool {
	return cloud.Refused(err, func(no *cloud.Refusal) bool {
		return no.Login && no.Code == "invalid_grant" && (strings.Contains(no.Message, "Invalid JWT Signature") || strings.Contains(no.Message, "account not found"))
	})
}

// missing tells that a service says that something is not there.
func missing(err error) bool {
	return cloud.Refused(err, func(no *cloud.Refusal) bool { return no.Status == http.StatusNotFound })
}

// at is the address of a host of the service. A device that is not Google itself answers for all of them.
func (c *client) at(host, path string) string {
	if own := cloud.Host(c.session); own != iamHost || c.session.Target.Address != own {
		host = own
	}
	return "https://" + host + path
}

// logIn gets a token by a signed assertion.
func (c *client) logIn(ctx context.Context) error {
	assertion, err := c.as.assertion(time.Now())
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, err)
	}
	c.red.Add(secret.New([]byte(assertion[strings.LastIndexByte(assertion, '.')+1:]))) // the rest is no secret
	c.token, err = cloud.Token(ctx, c.session, c.at(tokenHost, "/token"), url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}})
	if err == nil {
		c.red.Add(secret.New([]byte(c.token)))
	}
	return err
}

// call asks a service; its answer is decoded into out, unless that is nil. One that came too fast did nothing and is repeated.
func (c *client) call(ctx context.Context, method, host, path string, body, out any) error {
	again := func(no *cloud.Refusal) bool { return no.Status == http.StatusTooManyRequests }
	return cloud.REST{Session: c.session, Token: c.token, Again: again}.Call(ctx, method, c.at(host, path), body, out)
}

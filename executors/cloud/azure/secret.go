package azure

import (
	"context"
	"net/http"

	"cofre/executors"
	"cofre/fsm/model"
)

// application is what we read of one.
type application struct {
	AppID   string       `json:"appId"`
	Secrets []credential `json:"passwordCredentials"`
}

// credential is a client secret of an application, as Graph shows it.
type credential struct {
	Key  string `json:"keyId"`
	Name string `json:"displayName"`
	Text string `json:"secretText,omitempty"` // once, in the answer that makes it
}

func (c *client) read(ctx context.Context, object string) (a application, err error) {
	err = c.call(ctx, http.MethodGet, "/applications/"+object+"?$select=appId,passwordCredentials", nil, &a)
	if err == nil && !guid.MatchString(a.AppID) {
		err = &executors.Failure{Class: executors.ClassProtocol, Msg: "Graph shows an application without an id"}
	}
	return a, err
}

// add makes a client secret with a name. Those that have the name already are of requests that came late: nobody knows them.
func (c *client) add(ctx context.Context, object, name string, before func()) (pair, error) {
	a, err := c.drop(ctx, object, name)
	if err != nil {
		return pair{}, err
	}
	before()
	var made credential
	err = c.call(ctx, http.MethodPost, "/applications/"+object+"/addPassword", map[string]any{"passwordCredential": map[string]string{"displayName": name}}, &made)
	if err == nil && made.Text == "" {
		err = &executors.Failure{Class: executors.ClassProtocol, Msg: "addPassword was answered without a secret"}
	}
	return pair{a.AppID, made.Text, c.as.Tenant}, err
}

// drop removes every client secret with a name; none counts as removed.
func (c *client) drop(ctx context.Context, object, name string) (application, error) {
	a, err := c.read(ctx, object)
	if err != nil {
		return a, err
	}
	for _, s := range a.Secrets {
		if s.Name != name {
			continue
		}
		if err := c.call(ctx, http.MethodPost, "/applications/"+object+"/removePassword", map[string]string{"keyId": s.Key}, nil); err != nil {
			return a, err
		}
		c.session.Trace.Step(model.Step{Text: "removed client secret " + s.Key})
	}
	return a, nil
}

func (c *client) has(ctx context.Context, object, name string) (bool, error) {
	a, err := c.read(ctx, object)
	for _, s := range a.Secrets {
		if s.Name == name {
			return true, err
		}
	}
	return false, err
}

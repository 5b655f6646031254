package gcp

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"cofre/executors"
	"cofre/fsm/model"
)

// user is the service account of one dynamic user.
type user struct{ id, project string }

func (u user) email() string  { return u.id + "@" + u.project + ".iam.gserviceaccount.com" }
func (u user) member() string { return "serviceAccount:" + u.email() }
func (u user) path() string   { return "/v1/projects/" + u.project + "/serviceAccounts/" + u.email() }

// create makes the service account; one with its name is there already only if a request of an earlier attempt came late.
func (c *client) create(ctx context.Context, u user) error {
	body := map[string]any{"accountId": u.id, "serviceAccount": map[string]string{"displayName": u.id, "description": "Made by Cofre, which removes it"}}
	return c.call(ctx, http.MethodPost, iamHost, "/v1/projects/"+u.project+"/serviceAccounts", body, nil)
}

// exists asks IAM whether there is a service account.
func (c *client) exists(ctx context.Context, u user) (bool, error) {
	err := c.call(ctx, http.MethodGet, iamHost, u.path(), nil, nil)
	if missing(err) {
		return false, nil
	}
	return err == nil, err
}

// dropKeys deletes the keys of a service account that people could have; Google's own stay.
func (c *client) dropKeys(ctx context.Context, u user) error {
	var out struct {
		Keys []struct {
			Name string `json:"name"`
		} `json:"keys"`
	}
	if err := c.call(ctx, http.MethodGet, iamHost, u.path()+"/keys?keyTypes=USER_MANAGED", nil, &out); err != nil {
		return err
	}
	for _, k := range out.Keys {
		id := k.Name[strings.LastIndexByte(k.Name, '/')+1:]
		if !keyID.MatchString(id) {
			return &executors.Failure{Class: executors.ClassProtocol, Msg: "Google lists a key without an id"}
		}
		if err := c.call(ctx, http.MethodDelete, iamHost, u.path()+"/keys/"+id, nil, nil); err != nil && !missing(err) {
			return err
		}
		c.session.Trace.Step(model.Step{Text: "deleted key " + id})
	}
	return nil
}

// newKey makes the key of an account that this attempt has made. Keys that it has already are of requests that came late: nobody knows them,
// and Google gives an account ten at most.
func (c *client) newKey(ctx context.Context, u user) (pair, error) {
	if err := c.dropKeys(ctx, u); err != nil {
		return pair{}, err
	}
	var out struct {
		File string `json:"privateKeyData"`
	}
	if err := c.call(ctx, http.MethodPost, iamHost, u.path()+"/keys", map[string]string{"privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE", "keyAlgorithm": "KEY_ALG_RSA_2048"}, &out); err != nil {
		return pair{}, err
	}
	file, err := base64.StdEncoding.DecodeString(out.File)
	k, no := parseKey(file)
	if err != nil || no != nil || k.Email != u.email() {
		return pair{}, &executors.Failure{Class: executors.ClassProtocol, Msg: "Google answered without a key of the service account"}
	}
	return pair{k.ID, string(file)}, nil
}

// drop takes a service account away with its keys; one that is not there counts as removed.
func (c *client) drop(ctx context.Context, u user) error {
	if err := c.dropKeys(ctx, u); err != nil && !missing(err) {
		return err
	}
	if err := c.call(ctx, http.MethodDelete, iamHost, u.path(), nil, nil); err != nil && !missing(err) {
		return err
	}
	c.session.Trace.Step(model.Step{Text: "deleted the service account"})
	return nil
}

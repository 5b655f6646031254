package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"cofre/cmd/cofre/client"
	"cofre/executors/executortest/target"
)

// TestDeletedApplication: an application that is deleted is refused on every node from the answer on, the user that was made for it on a
// real PostgreSQL is removed, and it stays listed, being deleted, until that is proven twice.
func TestDeletedApplication(t *testing.T) {
	t.Parallel()
	c := Start(t)
	pg := target.PostgreSQL(t)
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA(), "connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
	credential(c, "pg-admin", "localhost", pg.AdminUser, pg.AdminPassword, "PostgreSQL ALTER ROLE", nil)
	c.Must(http.MethodPost, "/api/v1/dynamic-profiles", map[string]any{"identifier": "app", "executor": "postgres", "create": "PostgreSQL create role", "remove": "PostgreSQL drop role", "authentication": "pg-admin", "ttl": "1h"}, nil)
	c.Must(http.MethodPost, "/api/v1/applications", map[string]any{"name": "shop"}, nil)
	c.Must(http.MethodPut, "/api/v1/applications/shop/provisioning", map[string]any{"automatic": true, "pairs": []map[string]any{{"device": "localhost", "profile": "app"}}}, nil)
	var keys Keys
	c.Must(http.MethodPost, "/api/v1/applications/shop/authorizations", map[string]any{"name": "prod", "modules": []string{"Application"}, "rights": []string{"secret.read"}}, &keys)
	shop := c.client(keys.ID, keys.Secret)
	var a application
	if err := shop.Do(t.Context(), http.MethodGet, "/iso/dapp/application", nil, &a); err != nil || len(a.Application.Secrets) != 1 {
		t.Fatalf("%v %+v", err, a)
	}
	user, password := a.Application.Secrets[0].Data[0]["username"], a.Application.Secrets[0].Data[0]["password"]
	if in, err := pg.Login(user, password); err != nil || !in {
		t.Fatalf("%s does not log in: %v", user, err)
	}
	var each []*client.Client // one for each node, with a token of before
	for _, n := range c.ready.Nodes {
		api, err := client.New(client.Config{URLs: []string{n.API}, ClientID: keys.ID, ClientSecret: keys.Secret, CAFile: c.ready.CAFile})
		if err == nil {
			err = api.Do(t.Context(), http.MethodGet, "/iso/dapp/application", nil, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		each = append(each, api)
	}
	var d struct {
		Gone  bool `json:"gone"`
		Users int  `json:"users"`
	}
	c.Must(http.MethodDelete, "/api/v1/applications/shop", nil, &d)
	if d.Gone || d.Users != 1 {
		t.Errorf("%+v", d)
	}
	for _, api := range each {
		var refused *client.Error
		if err := api.Do(t.Context(), http.MethodGet, "/iso/dapp/application", nil, nil); !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
			t.Errorf("it still reads: %v", err)
		}
	}
	Eventually(t, 40*time.Second, user+" is gone", func() error {
		in, err := pg.Login(user, password)
		if err == nil && in {
			err = fmt.Errorf("it logs in")
		}
		return err
	})
	var listed struct {
		Enabled  bool `json:"enabled"`
		Deleting bool `json:"deleting"`
	}
	c.Must(http.MethodGet, "/api/v1/applications/shop", nil, &listed)
	if listed.Enabled || !listed.Deleting {
		t.Errorf("%+v", listed)
	}
	c.Must(http.MethodDelete, "/api/v1/applications/shop", nil, &d) // asking again changes nothing
	if d.Gone {
		t.Error("gone before its user is proven gone twice")
	}
	deletedInParts(t, c)
}

// deletedInParts: what is more than one command takes away goes on by itself, and only then the name is free.
func deletedInParts(t *testing.T, c *Cluster) {
	t.Helper()
	c.Must(http.MethodPost, "/api/v1/applications", map[string]any{"name": "My large shop"}, nil)
	at := "/api/v1/applications/My%20large%20shop"
	var keys Keys
	c.Must(http.MethodPost, at+"/authorizations", map[string]any{"name": "prod", "modules": []string{"Application", "Secrets Management"}, "write": true, "rights": []string{"secret.read", "credential.write"}}, &keys)
	shop := c.client(keys.ID, keys.Secret)
	const secrets = 130 // each with its version: more than the 200 rows of one command
	for i := range secrets {
		if err := shop.Do(t.Context(), http.MethodPost, "/api/dsm/secret", map[string]any{"identifier": fmt.Sprintf("s-%d", i), "data": map[string]string{"PASS": "x"}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	var d struct {
		Gone  bool `json:"gone"`
		Users int  `json:"users"`
	}
	c.Must(http.MethodDelete, at, nil, &d)
	if d.Gone || d.Users != 0 {
		t.Errorf("%+v", d)
	}
	Eventually(t, 40*time.Second, "the application is gone", func() error {
		var refused *client.Error
		err := c.API.Do(t.Context(), http.MethodGet, at, nil, nil)
		if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
			return nil
		}
		return errors.Join(errors.New("it is there"), err)
	})
	c.Must(http.MethodPost, "/api/v1/applications", map[string]any{"name": "My large shop"}, nil)
	var events struct {
		Items []struct {
			Fields map[string]string `json:"fields"`
		} `json:"items"`
	}
	c.Must(http.MethodGet, "/api/v1/audit?kind=dsm.put&limit=1000", nil, &events)
	gone := 0
	for _, e := range events.Items {
		if e.Fields["change"] == "deleted" {
			gone++
		}
	}
	if gone != secrets+1 && gone != secrets { // that of the other application goes when its user is proven gone
		t.Errorf("%d secrets were deleted", gone)
	}
}

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"cofre/executors/executortest/target"
)

// secretAutomation: a template on a real PostgreSQL is handed the value of a secret whenever it changes, by a credential that it
// was given; the record of its operations shows no value.
func secretAutomation(t *testing.T, c *Cluster, pg *target.Postgres) {
	t.Helper()
	role, _ := pg.AddRole(t)
	c.Must(http.MethodPost, "/api/v1/templates", map[string]any{"name": "copy", "executor": "postgres", "kind": "Secret Management Automation", "content": `ALTER ROLE "` + role + `" WITH PASSWORD '[#API_KEY#]'`}, nil)
	c.Must(http.MethodPost, "/iso/sctm/automation", map[string]any{"name": "copy", "triggers": []string{"When a secret is created", "When a secret is updated"}, "applications": []string{"shop"},
		"plugin": "postgres", "template": "copy", "devices": []map[string]string{{"hostname": "localhost", "credential": "pg-admin"}}}, nil)
	owner := map[string]string{"application": "shop", "authorization": "prod"}
	for i, step := range []struct{ method, path, value string }{
		{http.MethodPost, "/api/v1/secrets", "canary-of-the-first-key"}, {http.MethodPut, "/api/v1/secrets/api", "canary-'of'-the \\second-key"},
	} {
		body := map[string]any{"values": []map[string]string{{"name": "API_KEY", "value": step.value}}}
		if i == 0 {
			body["identity"], body["owner"] = "api", owner
		} else {
			var all struct {
				Items []struct{ ID, Identity string }
			}
			c.Must(http.MethodGet, "/api/v1/secrets?application=shop", nil, &all)
			for _, s := range all.Items {
				if s.Identity == "api" {
					step.path = "/api/v1/secrets/" + s.ID
				}
			}
		}
		c.Must(step.method, step.path, body, nil)
		var runs struct{ Items []struct{ ID, State string } }
		c.Must(http.MethodGet, "/api/v1/operations?kind=secret_management_automation", nil, &runs)
		if len(runs.Items) != i+1 {
			t.Fatalf("%d runs after %d changes", len(runs.Items), i+1)
		}
		var run json.RawMessage
		c.Must(http.MethodGet, "/api/v1/operations/"+runs.Items[0].ID+"?wait=30s", nil, &run)
		if !bytes.Contains(run, []byte(`"succeeded"`)) || bytes.Contains(run, []byte("canary")) {
			t.Fatalf("a run did not succeed, or shows a value: %s", run)
		}
		if in, err := pg.Login(role, step.value); !in {
			t.Errorf("the target does not have the value of the secret (%v)", err)
		}
	}
}

// endings: a secret and an authorization that end by their date run automations, each once, whoever leads then. What it gives
// checks that later on.
func endings(t *testing.T, c *Cluster, pg *target.Postgres) (once func()) {
	t.Helper()
	secretRole, _ := pg.AddRole(t)
	authRole, _ := pg.AddRole(t)
	for _, a := range []struct{ name, trigger, role, tag string }{
		{"end of a secret", "When a secret is inactivated", secretRole, "API_KEY"},
		{"end of an authorization", "When an authorization is inactivated", authRole, "APP_AUTH_CLIENT_ID"},
	} {
		c.Must(http.MethodPost, "/api/v1/templates", map[string]any{"name": a.name, "executor": "postgres", "kind": "Secret Management Automation", "content": `ALTER ROLE "` + a.role + `" WITH PASSWORD '[#` + a.tag + `#]'`}, nil)
		c.Must(http.MethodPost, "/iso/sctm/automation", map[string]any{"name": a.name, "triggers": []string{a.trigger}, "applications": []string{"shop"}, "plugin": "postgres", "template": a.name,
			"devices": []map[string]string{{"hostname": "localhost", "credential": "pg-admin"}}}, nil)
	}
	ends := time.Now().Add(3 * time.Second).UTC().Format(time.RFC3339)
	c.Must(http.MethodPost, "/api/v1/secrets", map[string]any{"identity": "short", "owner": map[string]string{"application": "shop", "authorization": "prod"}, "expires_at": ends,
		"values": []map[string]string{{"name": "API_KEY", "value": "canary-that-ends"}}}, nil)
	var k Keys
	c.Must(http.MethodPost, "/api/v1/applications/shop/authorizations", map[string]any{"name": "short", "expires_at": ends}, &k)
	runs := func(trigger string) (n int, state string) {
		t.Helper()
		var all struct {
			Items []struct{ Trigger, State string }
		}
		c.Must(http.MethodGet, "/api/v1/operations?kind=secret_management_automation&limit=1000", nil, &all)
		for _, o := range all.Items {
			if o.Trigger == trigger {
				n, state = n+1, o.State
			}
		}
		return n, state
	}
	once = func() {
		t.Helper()
		for _, e := range []struct{ trigger, role, value string }{{"secret.inactivated", secretRole, "canary-that-ends"}, {"authorization.inactivated", authRole, k.ID}} {
			Eventually(t, 20*time.Second, e.trigger+" by its date ran an automation", func() error {
				switch n, state := runs(e.trigger); {
				case n > 1:
					t.Fatalf("%s ran %d times", e.trigger, n)
				case n == 0 || state != "succeeded":
					return fmt.Errorf("%d runs, %s", n, state)
				}
				return nil
			})
			if in, err := pg.Login(e.role, e.value); !in {
				t.Errorf("the target does not have what %s hands over (%v)", e.trigger, err)
			}
		}
	}
	if n, _ := runs("secret.inactivated"); n != 0 {
		t.Error("an automation ran before the date") // made three seconds before it
	}
	once()
	return once
}

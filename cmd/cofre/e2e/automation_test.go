package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

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

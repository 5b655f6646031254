package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"cofre/executors/executortest/target"
)

// chainRun is what the API says of a run of a chain.
type chainRun struct {
	Number  uint64 `json:"number"`
	State   string `json:"state"`
	EndedAt string `json:"ended_at"`
	Members []struct {
		Credential string `json:"credential"`
		Result     string `json:"result"`
		Message    string `json:"message"`
	} `json:"members"`
}

// exchange makes a chain, runs it and waits for the end.
func exchange(c *Cluster, name, script string) (r chainRun) {
	c.t.Helper()
	c.Must(http.MethodPost, "/api/v1/chains", map[string]any{"name": name, "script": script}, nil)
	c.Must(http.MethodPost, "/api/v1/chains/"+name+"/runs", nil, &r)
	for range 6 {
		if r.EndedAt != "" {
			return r
		}
		c.Must(http.MethodGet, fmt.Sprintf("/api/v1/chains/%s/runs/%d?wait=20s", name, r.Number), nil, &r)
	}
	c.t.Fatalf("the run of %s is %s: %+v", name, r.State, r.Members)
	return r
}

// TestChainedExchange gives a real Linux user and two real PostgreSQL roles one password; changes nothing where a target cannot be
// reached; and gives everybody his earlier password where one target refuses.
func TestChainedExchange(t *testing.T) {
	t.Parallel()
	c := Start(t)
	sshd, pg := target.SSHD(t), target.PostgreSQL(t)
	user, upassword := sshd.AddUser(t)
	sshDevice(c, "linux", sshd)
	once := map[string]any{"policy": "once"}
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "once", "attempts": 1}, nil)
	credential(c, "user", "linux", user, upassword, "Linux passwd", once)
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA(), "connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
	roles := map[string]string{}
	for _, name := range []string{"one", "two"} {
		role, password := pg.AddRole(t)
		roles[name] = role
		credential(c, name, "localhost", role, password, "PostgreSQL ALTER ROLE", once)
	}
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "gone", "ip": "127.0.0.1", "ca": pg.CA(), "connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": 1}}}, nil)
	credential(c, "far", "gone", "nobody", "secret-of-nobody", "PostgreSQL ALTER ROLE", once)
	c.Must(http.MethodPost, "/api/v1/templates", map[string]any{"name": "refused", "executor": "postgres", "kind": "Change password", "content": `ALTER USER "no such role" WITH PASSWORD '[#NEW_PASSWORD#]'`}, nil)
	c.Must(http.MethodPost, "/api/v1/pools", map[string]any{"name": "roles", "credentials": []string{"one", "two"}}, nil)

	logins := func(what string) map[string]string {
		t.Helper()
		have := map[string]string{"user": c.Secret("user"), "one": c.Secret("one"), "two": c.Secret("two")}
		if in, err := sshd.Login(user, have["user"]); !in {
			t.Errorf("%s: the user does not log in (%v)", what, err)
		}
		for _, name := range []string{"one", "two"} {
			if in, err := pg.Login(roles[name], have[name]); !in {
				t.Errorf("%s: role %s does not log in (%v)", what, name, err)
			}
		}
		return have
	}
	r := exchange(c, "all", "check_conn\nrollback\nchange cred user\nchange pool roles # both\n")
	have := logins("together")
	if r.State != "succeeded" || have["user"] == upassword || have["one"] != have["user"] || have["two"] != have["user"] {
		t.Fatalf("the run %s, or not all got one new password: %+v", r.State, r.Members)
	}
	if r = exchange(c, "far", "check_conn\nchange pool roles\nchange cred far"); r.State != "aborted" {
		t.Errorf("a target cannot be reached: the run %s: %+v", r.State, r.Members)
	}
	if now := logins("aborted"); now["one"] != have["one"] || now["two"] != have["two"] {
		t.Error("a run that was aborted changed a password")
	}
	r = exchange(c, "refused", "rollback\nlinked_tpl refused\nchange cred user\nchange cred one\nchange cred two linked")
	got := map[string]string{}
	for _, m := range r.Members {
		got[m.Credential] = m.Result
	}
	if r.State != "rolled_back" || got["user"] != "restored" || got["one"] != "restored" || got["two"] != "unchanged" {
		t.Errorf("a target refuses: the run %s: %+v", r.State, r.Members)
	}
	for name, p := range logins("rolled back") {
		if p != have[name] {
			t.Errorf("%s did not get its earlier password back", name)
		}
	}
	if r = exchange(c, "partial", "linked_tpl refused\nchange cred user\nchange cred one linked"); r.State != "failed" {
		t.Errorf("without rollback the run %s: %+v", r.State, r.Members)
	}
	if now := logins("without rollback"); now["user"] == have["user"] || now["one"] != have["one"] {
		t.Error("without rollback the others keep the new password, and who failed the earlier one")
	}
}

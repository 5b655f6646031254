package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"cofre/executors/executortest/target"
)

// sshDevice registers a real sshd with its host keys pinned.
func sshDevice(c *Cluster, name string, s *target.SSH) {
	c.t.Helper()
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": name, "ip": "127.0.0.1",
		"connectivities": []map[string]any{{"protocol": "SSH", "port": s.Port()}}}, nil)
	var keys []map[string]string
	for _, l := range s.HostKeyLines() {
		keys = append(keys, map[string]string{"key": l})
	}
	c.Must(http.MethodPost, "/api/v1/devices/"+name+"/trust", map[string]any{"keys": keys}, nil)
}

func credential(c *Cluster, identifier, device, user, password, template string, more map[string]any) {
	c.t.Helper()
	body := map[string]any{"identifier": identifier, "hostname": device, "username": user, "secret": password, "execution": map[string]any{"template": template}}
	for k, v := range more {
		body[k] = v
	}
	c.Must(http.MethodPost, "/api/v1/credentials", body, nil)
}

// TestPasswordsOfRealServers changes the passwords of real Linux users through sshd and telnetd, of real PostgreSQL roles, one of them
// by way of the sshd, where the account logs in whose password was just changed, and of a real Redis user by its administrator.
func TestPasswordsOfRealServers(t *testing.T) {
	t.Parallel()
	c := Start(t)
	telnetd, pg, redis := target.Telnetd(t), target.PostgreSQL(t), target.Redis(t)
	sshd := telnetd.SSH
	user, old := sshd.AddUser(t)
	guest, gold := telnetd.AddUser(t)
	role, rold := pg.AddRole(t)
	behind, bold := pg.AddRole(t)
	app, aold := redis.AddUser(t)
	sshDevice(c, "linux", sshd)
	credential(c, "linux-user", "linux", user, old, "Linux passwd", nil)
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA() + redis.CA(),
		"connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}, {"protocol": "REDIS", "port": redis.Port()}}}, nil)
	credential(c, "db-role", "localhost", role, rold, "PostgreSQL ALTER ROLE", nil)
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "old-box", "ip": "127.0.0.1", "insecure_tls": true,
		"connectivities": []map[string]any{{"protocol": "TELNET", "port": telnetd.Port()}}}, nil)
	credential(c, "telnet-user", "old-box", guest, gold, "Linux passwd (Telnet)", nil)
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "behind.localhost", "ip": "127.0.0.1", "ca": pg.CA(), "via": "linux", "via_login": "linux-user",
		"connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
	credential(c, "behind", "behind.localhost", behind, bold, "PostgreSQL ALTER ROLE", nil)
	credential(c, "redis-admin", "localhost", redis.AdminUser, redis.AdminPassword, "Redis ACL user", nil)
	credential(c, "redis-app", "localhost", app, aold, "", map[string]any{"execution": map[string]any{"template": "Redis ACL user", "authentication": "redis-admin"}})

	for _, one := range []struct {
		name, user, old string
		login           func(user, password string) (bool, error)
	}{{"linux-user", user, old, sshd.Login}, {"db-role", role, rold, pg.Login}, {"telnet-user", guest, gold, sshd.Login}, {"behind", behind, bold, pg.Login}, {"redis-app", app, aold, redis.Login}} {
		o := c.Change(one.name)
		if o.State != "succeeded" {
			t.Fatalf("%s: operation ended as %s: %s", one.name, o.State, o.Message)
		}
		fresh := c.Secret(one.name)
		if in, err := one.login(one.user, fresh); err != nil || !in {
			t.Errorf("%s: the password that the vault hands out does not log in (%v)", one.name, err)
		}
		if in, err := one.login(one.user, one.old); err != nil || in {
			t.Errorf("%s: the old password still logs in (%v)", one.name, err)
		}
	}
	// The report of attempts has each, with the template that ran.
	var tried struct {
		Items []struct {
			Outcome, Node string
			TemplateName  string `json:"template_name"`
			N             int
		}
	}
	c.Must(http.MethodGet, "/api/v1/operations/attempts?sort=-username&username="+role, nil, &tried)
	if len(tried.Items) != 1 || tried.Items[0].Outcome != "applied" || tried.Items[0].TemplateName != "PostgreSQL ALTER ROLE" || tried.Items[0].N != 1 || tried.Items[0].Node == "" {
		t.Errorf("%+v", tried)
	}
}

// TestUnknownHostKeyEndsBeforeLogin: without a pinned key nothing is sent to the server.
func TestUnknownHostKeyEndsBeforeLogin(t *testing.T) {
	t.Parallel()
	c := Start(t)
	sshd := target.SSHD(t)
	user, old := sshd.AddUser(t)
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "once", "attempts": 1, "retry_interval": "1s"}, nil)
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "unpinned", "ip": "127.0.0.1", "connectivities": []map[string]any{{"protocol": "SSH", "port": sshd.Port()}}}, nil)
	credential(c, "unpinned", "unpinned", user, old, "Linux passwd", map[string]any{"policy": "once"})
	if o := c.Change("unpinned"); o.State != "dead" || !strings.Contains(o.Message, "host key") {
		t.Fatalf("the operation ended as %s: %s", o.State, o.Message)
	}
	if got := c.Secret("unpinned"); got != old {
		t.Error("the vault does not hand out the old password any more")
	}
}

// TestCapture: a template that waits for what a real server never says fails without a word of what came instead, unless somebody
// asked for that; then it shows what the server asked, without the passwords.
func TestCapture(t *testing.T) {
	t.Parallel()
	c := Start(t)
	sshd := target.SSHD(t)
	user, old := sshd.AddUser(t)
	sshDevice(c, "linux", sshd)
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "once", "attempts": 1, "retry_interval": "1s"}, nil)
	c.Must(http.MethodPost, "/api/v1/templates", map[string]any{"name": "wrong", "executor": "ssh", "content": "set-read-timeout 5\nexpect-regex \"/[$#>%]\\s*$/\"\nexec \"LC_ALL=C passwd\"\nexpect-regex \"/password:/\"\nexec [#CURRENT_PASSWORD#]\nexpect \"Neues Passwort\"\nexec [#NEW_PASSWORD#]\nexpect \"done\"\nend\n"}, nil)
	credential(c, "asked", "linux", user, old, "wrong", map[string]any{"policy": "once"})
	var o struct {
		Number   uint64
		State    string
		Attempts []struct {
			Message  string
			Captured int
		}
	}
	var said struct{ Output string }
	c.Must(http.MethodPost, "/api/v1/operations", map[string]any{"credential": "asked", "capture": true}, &o)
	path := fmt.Sprintf("/api/v1/operations/%d", o.Number)
	c.Must(http.MethodGet, path+"?wait=60s", nil, &o)
	if o.State != "dead" || len(o.Attempts) != 1 || o.Attempts[0].Captured == 0 || strings.Contains(o.Attempts[0].Message, "assword:") {
		t.Fatalf("%+v", o)
	}
	c.Must(http.MethodGet, path+"/capture", nil, &said)
	if !strings.Contains(said.Output, "urrent password:") || !strings.Contains(said.Output, "New password:") || strings.Contains(said.Output, old) {
		t.Errorf("kept %q", said.Output)
	}
	c.Must(http.MethodDelete, path+"/capture", nil, nil)
	if err := c.API.Do(t.Context(), http.MethodGet, path+"/capture", nil, &said); err == nil || !strings.Contains(err.Error(), "nothing that the target said is kept") {
		t.Errorf("what was dropped is answered: %v", err)
	}
}

// TestLeaderDiesDuringChanges kills the leader with SIGKILL while passwords change; afterwards every account logs in with
// what the vault hands out.
func TestLeaderDiesDuringChanges(t *testing.T) {
	c := Start(t)
	sshd := target.SSHD(t)
	sshDevice(c, "linux", sshd)
	// Each kill may cost an account the logins that the lost attempt had reserved; the budget is not what is tested here.
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "roomy", "bad_logins": 16}, nil)
	const accounts = 4
	var users [accounts]string
	for i := range users {
		var old string
		users[i], old = sshd.AddUser(t)
		credential(c, fmt.Sprintf("user-%d", i), "linux", users[i], old, "Linux passwd", map[string]any{"policy": "roomy"})
	}
	for round := range 2 {
		var numbers []uint64
		for i := range users {
			var o Operation
			c.Must(http.MethodPost, "/api/v1/operations", map[string]string{"credential": fmt.Sprintf("user-%d", i), "kind": "change"}, &o)
			numbers = append(numbers, o.Number)
		}
		time.Sleep(time.Duration(150+round*350) * time.Millisecond) // aim at the dialogue, not at a condition
		leader := c.Leader()
		c.Signal(leader, syscall.SIGKILL)
		for i, n := range numbers {
			if o := c.Await(n); o.State != "succeeded" {
				t.Errorf("round %d: operation %d ended as %s: %s", round, n, o.State, o.Message)
			}
			if in, err := sshd.Login(users[i], c.Secret(fmt.Sprintf("user-%d", i))); err != nil || !in {
				t.Errorf("round %d: %s: the password that the vault hands out does not log in (%v)", round, users[i], err)
			}
		}
		c.Restart(leader)
		c.Healthy()
	}
}

// TestTriggers: an expired password and the release of the last custody start changes by themselves, under the policy whose
// criteria fit; an account whose password was changed behind our back is found by a verification and set anew by another one.
func TestTriggers(t *testing.T) {
	t.Parallel()
	c := Start(t)
	pg := target.PostgreSQL(t)
	role, old := pg.AddRole(t)
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "quick", "max_age": "4s", "change_on_release": true, "custody_ttl": "1h", "criteria": map[string]any{"tags": []string{"fast"}}}, nil)
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "release", "change_on_release": true, "custody_ttl": "1h"}, nil)
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA(), "connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
	auto := map[string]any{"template": "PostgreSQL ALTER ROLE", "automatic": true}
	credential(c, "role", "localhost", role, old, "", map[string]any{"policy": "release", "execution": auto, "tags": []string{"fast"}})

	// The first change is manual: before it, a release changes nothing (product.md 1.2).
	if c.Secret("role") != old {
		t.Fatal("wrong secret")
	}
	var released struct {
		Operation *uint64 `json:"operation"`
	}
	c.Must(http.MethodDelete, "/api/v1/credentials/role/custody", nil, &released)
	if released.Operation != nil {
		t.Fatal("a release started a change before the first manual one")
	}
	if o := c.Change("role"); o.State != "succeeded" {
		t.Fatalf("ended as %s: %s", o.State, o.Message)
	}
	first := c.Secret("role")
	c.Must(http.MethodDelete, "/api/v1/credentials/role/custody", nil, &released)
	if released.Operation == nil {
		t.Fatal("the last holder's release started no change")
	}
	if o := c.Await(*released.Operation); o.State != "succeeded" {
		t.Fatalf("ended as %s: %s", o.State, o.Message)
	}
	second := c.Secret("role")
	if second == first {
		t.Fatal("the release changed nothing")
	}
	c.Must(http.MethodPut, "/api/v1/credentials/role", map[string]any{"policy": ""}, nil)
	Eventually(t, 30*time.Second, "the expired password is changed", func() error {
		if now := c.Secret("role"); now == second {
			return fmt.Errorf("still the same")
		}
		return nil
	})
	Eventually(t, 20*time.Second, "the newest password logs in", func() error {
		in, err := pg.Login(role, c.Secret("role"))
		if err == nil && !in {
			err = fmt.Errorf("refused")
		}
		return err
	})

	credential(c, "dba", "localhost", pg.AdminUser, pg.AdminPassword, "PostgreSQL ALTER ROLE", nil)
	c.Must(http.MethodPost, "/api/v1/automation/stop", nil, nil)
	c.Must(http.MethodPut, "/api/v1/credentials/role", map[string]any{"policy": "release", "execution": map[string]any{
		"reconcile": map[string]any{"autorun": true, "template": "PostgreSQL ALTER ROLE", "authentication": "dba"}}}, nil)
	Eventually(t, 20*time.Second, "no operation is open", func() error {
		var open struct {
			Items []Operation `json:"items"`
		}
		c.Must(http.MethodGet, "/api/v1/operations?state=ready,leased,running,uncertain,settling", nil, &open)
		if len(open.Items) > 0 {
			return fmt.Errorf("%v", open.Items)
		}
		return nil
	})
	if err := pg.Exec("ALTER ROLE \"" + role + "\" PASSWORD 'changed behind our back'"); err != nil {
		t.Fatal(err)
	}
	var verify Operation
	c.Must(http.MethodPost, "/api/v1/operations", map[string]string{"credential": "role", "kind": "verify"}, &verify)
	if o := c.Await(verify.Number); o.State != "out_of_sync" {
		t.Fatalf("the verification ended as %s: %s", o.State, o.Message)
	}
	// The automation is stopped, and what waits was put off: somebody runs it.
	c.Must(http.MethodPost, fmt.Sprintf("/api/v1/operations/%d/run", verify.Number+1), nil, nil)
	if o := c.Await(verify.Number + 1); o.State != "succeeded" {
		t.Fatalf("the reconciliation ended as %s: %s", o.State, o.Message)
	}
	if in, err := pg.Login(role, c.Secret("role")); err != nil || !in {
		t.Errorf("the password that the reconciliation set does not log in (%v)", err)
	}
}

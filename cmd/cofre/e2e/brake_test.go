package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cofre/executors/executortest/target"
)

// byTrigger counts the operations that a trigger asked for, by credential.
func byTrigger(c *Cluster, trigger string) (total int, each map[string]int) {
	c.t.Helper()
	var all struct {
		Items []struct {
			Credential struct {
				Identifier string `json:"identifier"`
			} `json:"credential"`
		} `json:"items"`
	}
	c.Must(http.MethodGet, "/api/v1/operations?limit=500&trigger="+trigger, nil, &all)
	each = map[string]int{}
	for _, o := range all.Items {
		each[o.Credential.Identifier]++
	}
	return len(all.Items), each
}

// automation is what the API says of what starts by itself.
type automation struct {
	State   string `json:"state"`
	Due     int    `json:"due"`
	Started int    `json:"started"`
	Left    int    `json:"left"`
}

// TestBrakesOfRealServers: a dozen real roles are changed in one request; then a new policy lets all of them fall due at once. No more
// than the bound of an hour are changed, the trail says how many wait, a freeze holds back the rest although the bound is lifted, but nobody
// who asks, and when it is over they are changed.
func TestBrakesOfRealServers(t *testing.T) {
	t.Parallel()
	c := Start(t)
	pg := target.PostgreSQL(t)
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA(), "connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
	const roles, bound = 12, 5
	var names []string
	logins := map[string]string{}
	for i := range roles {
		role, password := pg.AddRole(t)
		name := "role-" + strconv.Itoa(i)
		names, logins[name] = append(names, name), role
		credential(c, name, "localhost", role, password, "", map[string]any{"tags": []string{"many"}, "execution": map[string]any{"template": "PostgreSQL ALTER ROLE", "automatic": true}})
	}

	var bulk struct {
		Failed int `json:"failed"`
		Items  []struct {
			Name   string `json:"name"`
			Number uint64 `json:"number"`
			Error  string `json:"error"`
		} `json:"items"`
	}
	c.Must(http.MethodPost, "/api/v1/operations/bulk", map[string]any{"action": "change", "credentials": append([]string{"nobody"}, names...)}, &bulk)
	if bulk.Failed != 1 || len(bulk.Items) != roles+1 || bulk.Items[0].Error == "" {
		t.Fatalf("%+v", bulk)
	}
	for _, i := range bulk.Items[1:] {
		if o := c.Await(i.Number); o.State != "succeeded" {
			t.Fatalf("%s ended as %s: %s", i.Name, o.State, o.Message)
		}
		if in, err := pg.Login(logins[i.Name], c.Secret(i.Name)); !in {
			t.Errorf("%s does not log in (%v)", i.Name, err)
		}
	}

	if left := time.Until(time.Now().Truncate(time.Hour).Add(time.Hour)); left < time.Minute {
		time.Sleep(left) // the bound is one of an hour of the clock
	}
	freeze := func(name string) {
		c.Must(http.MethodPost, "/api/v1/automation/freezes", map[string]any{"name": name, "until": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, nil)
	}
	freeze("until-all-are-due")
	c.Must(http.MethodPut, "/api/v1/automation", map[string]any{"share": 1, "least": bound}, nil)
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "due", "max_age": "3s", "criteria": map[string]any{"tags": []string{"many"}}}, nil)
	Eventually(t, 30*time.Second, "all are due", func() error {
		var counts struct {
			Credentials struct {
				Expired int `json:"expired"`
			} `json:"credentials"`
		}
		if c.Must(http.MethodGet, "/api/v1/dashboards/changes", nil, &counts); counts.Credentials.Expired < roles {
			return fmt.Errorf("only %d", counts.Credentials.Expired)
		}
		return nil
	})
	c.Must(http.MethodDelete, "/api/v1/automation/freezes/until-all-are-due", nil, nil)
	var a automation
	Eventually(t, 30*time.Second, "the bound of the hour is met", func() error {
		c.Must(http.MethodGet, "/api/v1/automation", nil, &a)
		if a.State != "braked" || a.Started != bound || a.Due < roles-bound {
			return fmt.Errorf("%+v", a)
		}
		return nil
	})
	var events struct {
		Items []struct {
			Fields map[string]string `json:"fields"`
		} `json:"items"`
	}
	Eventually(t, 10*time.Second, "the trail says how many wait", func() error {
		c.Must(http.MethodGet, "/api/v1/audit?kind=automation.braked", nil, &events)
		if len(events.Items) != 1 {
			return fmt.Errorf("%d events", len(events.Items))
		}
		return nil
	})
	if due, err := strconv.Atoi(events.Items[0].Fields["due"]); err != nil || due < roles-bound || due > roles {
		t.Errorf("the trail says that %q wait", events.Items[0].Fields["due"])
	}

	freeze("year-end")
	c.Must(http.MethodPut, "/api/v1/automation", map[string]any{"share": 100}, nil)
	for _, name := range names[:3] { // the scheduler goes many rounds meanwhile
		if o := c.Change(name); o.State != "succeeded" {
			t.Errorf("who asks in a freeze: the change ended as %s: %s", o.State, o.Message)
		}
	}
	if n, each := byTrigger(c, "expiry"); n != bound {
		t.Errorf("in the freeze triggers have started %d changes in all, the bound was %d: %v", n, bound, each)
	}
	if c.Must(http.MethodGet, "/api/v1/automation", nil, &a); a.State != "frozen" {
		t.Errorf("%+v", a)
	}
	c.Must(http.MethodDelete, "/api/v1/automation/freezes/year-end", nil, nil)
	Eventually(t, 60*time.Second, "all are changed", func() error {
		if _, each := byTrigger(c, "expiry"); len(each) < roles {
			return fmt.Errorf("only %d", len(each))
		}
		return nil
	})
}

// TestCustodyRunsOut: somebody reads a secret and never gives it back. It is changed when the time of the custody is over, although
// the leader dies meanwhile.
func TestCustodyRunsOut(t *testing.T) {
	t.Parallel()
	c := Start(t)
	pg := target.PostgreSQL(t)
	role, old := pg.AddRole(t)
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA(), "connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "short", "change_on_timeout": true, "change_on_release": false, "custody_ttl": "5s"}, nil)
	credential(c, "role", "localhost", role, old, "", map[string]any{"policy": "short", "execution": map[string]any{"template": "PostgreSQL ALTER ROLE", "automatic": true}})
	if o := c.Change("role"); o.State != "succeeded" {
		t.Fatalf("ended as %s: %s", o.State, o.Message)
	}
	read := c.Secret("role")
	leader := c.Leader()
	c.Signal(leader, syscall.SIGKILL)
	if in, err := pg.Login(role, read); !in {
		t.Errorf("while it is held it does not log in (%v)", err)
	}
	Eventually(t, 60*time.Second, "the secret that was read logs in no more", func() error {
		in, err := pg.Login(role, read)
		if err == nil && in {
			err = fmt.Errorf("it does")
		}
		return err
	})
	Eventually(t, 30*time.Second, "one change, because the time was over", func() error {
		if n, _ := byTrigger(c, "timeout"); n != 1 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	Eventually(t, 60*time.Second, "the new secret logs in", func() error {
		in, err := pg.Login(role, c.Secret("role"))
		if err == nil && !in {
			err = fmt.Errorf("refused")
		}
		return err
	})
	c.Restart(leader)
	c.Healthy()
}

// TestDriftOfARealServer: a password is changed behind our back. The vault says when it logged in last and when it did not for the first
// time, however often it is looked at; and the looking fails no more logins than the budget allows.
func TestDriftOfARealServer(t *testing.T) {
	t.Parallel()
	c := Start(t)
	pg := target.PostgreSQL(t)
	role, old := pg.AddRole(t)
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA(), "connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
	const budget = 3
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "careful", "bad_logins": budget, "bad_login_window": "1h"}, nil)
	credential(c, "role", "localhost", role, old, "PostgreSQL ALTER ROLE", map[string]any{"policy": "careful"})
	credential(c, "dba", "localhost", pg.AdminUser, pg.AdminPassword, "PostgreSQL ALTER ROLE", nil)
	c.Must(http.MethodPut, "/api/v1/credentials/role", map[string]any{"execution": map[string]any{"reconcile": map[string]any{"template": "PostgreSQL ALTER ROLE", "authentication": "dba"}}}, nil)
	verify := func(name string) (o Operation) {
		c.Must(http.MethodPost, "/api/v1/operations", map[string]string{"credential": name, "kind": "verify"}, &o)
		return o
	}
	type times struct {
		Verified time.Time `json:"verified_at"`
		Drifted  time.Time `json:"drifted_at"`
		Sync     string    `json:"sync"`
	}
	look := func() (v times) {
		c.Must(http.MethodGet, "/api/v1/credentials/role", nil, &v)
		return v
	}
	if o := c.Await(verify("role").Number); o.State != "succeeded" {
		t.Fatalf("ended as %s: %s", o.State, o.Message)
	}
	good := look()
	if good.Verified.IsZero() || !good.Drifted.IsZero() {
		t.Fatalf("%+v", good)
	}
	if err := pg.Exec("ALTER ROLE \"" + role + "\" PASSWORD 'changed behind our back'"); err != nil {
		t.Fatal(err)
	}
	if o := c.Await(verify("role").Number); o.State != "out_of_sync" {
		t.Fatalf("ended as %s: %s", o.State, o.Message)
	}
	bad := look()
	if !bad.Verified.Equal(good.Verified) || !bad.Drifted.After(good.Verified) || bad.Sync != "out_of_sync" {
		t.Errorf("after the drift %+v, before it %+v", bad, good)
	}
	for range budget - 1 {
		if o := c.Await(verify("role").Number); o.State != "out_of_sync" {
			t.Errorf("ended as %s: %s", o.State, o.Message)
		}
	}
	if again := look(); again != bad {
		t.Errorf("looked at again %+v, at first %+v", again, bad)
	}
	failed := func() int {
		log, err := pg.Log()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(log, `password authentication failed for user "`+role+`"`)
	}
	waiting := verify("role")
	if o := c.Await(verify("dba").Number); o.State != "succeeded" { // which was asked for later, so that the other one was passed over
		t.Fatalf("ended as %s: %s", o.State, o.Message)
	}
	if n := failed(); n != budget {
		t.Errorf("%d logins failed, the budget is %d", n, budget)
	}
	if c.Must(http.MethodGet, fmt.Sprintf("/api/v1/operations/%d", waiting.Number), nil, &waiting); waiting.Final {
		t.Errorf("the verification did not wait for the budget: %s", waiting.State)
	}
	c.Must(http.MethodPost, fmt.Sprintf("/api/v1/operations/%d/cancel", waiting.Number), nil, nil)
	var o Operation
	c.Must(http.MethodPost, "/api/v1/operations", map[string]string{"credential": "role", "kind": "reconcile"}, &o)
	if o = c.Await(o.Number); o.State != "succeeded" {
		t.Fatalf("the reconciliation ended as %s: %s", o.State, o.Message)
	}
	if now := look(); !now.Verified.After(bad.Drifted) || !now.Drifted.IsZero() || now.Sync != "in_sync" {
		t.Errorf("after the reconciliation %+v", now)
	}
	if in, err := pg.Login(role, c.Secret("role")); !in {
		t.Errorf("the reconciled secret does not log in (%v)", err)
	}

	// What reconciles by itself waits for the end of a freeze, and begins as soon as that is removed.
	c.Must(http.MethodPut, "/api/v1/policies/careful", map[string]any{"bad_logins": 16, "bad_login_window": "1h"}, nil)
	c.Must(http.MethodPut, "/api/v1/credentials/role", map[string]any{"execution": map[string]any{"reconcile": map[string]any{"autorun": true}}}, nil)
	c.Must(http.MethodPost, "/api/v1/automation/freezes", map[string]any{"name": "year-end", "until": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, nil)
	if err := pg.Exec("ALTER ROLE \"" + role + "\" PASSWORD 'changed once more'"); err != nil {
		t.Fatal(err)
	}
	if o := c.Await(verify("role").Number); o.State != "out_of_sync" {
		t.Fatalf("ended as %s: %s", o.State, o.Message)
	}
	var held struct {
		Items []struct {
			Operation
			NotBefore time.Time `json:"not_before"`
		} `json:"items"`
	}
	Eventually(t, 10*time.Second, "the reconciliation is put off", func() error {
		c.Must(http.MethodGet, "/api/v1/operations?trigger=reconcile", nil, &held)
		if len(held.Items) != 1 || held.Items[0].State != "ready" || time.Until(held.Items[0].NotBefore) < time.Minute {
			return fmt.Errorf("%+v", held)
		}
		return nil
	})
	c.Must(http.MethodDelete, "/api/v1/automation/freezes/year-end", nil, nil)
	if o = c.Await(held.Items[0].Number); o.State != "succeeded" {
		t.Errorf("after the freeze the reconciliation ended as %s: %s", o.State, o.Message)
	}
}

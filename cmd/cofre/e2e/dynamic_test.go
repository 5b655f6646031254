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

// application is what a vendor's client reads.
type application struct {
	Application struct {
		Secrets []struct {
			Identity string              `json:"identity"`
			Data     []map[string]string `json:"data"`
		} `json:"secrets"`
	} `json:"application"`
}

type dynamicUser struct {
	Number   uint64 `json:"number"`
	Username string `json:"username"`
	State    string `json:"state"`
	Pod      string `json:"pod"`
}

// TestDynamicUsers: an application reads its secret at any node and gets a user of a real PostgreSQL that logs in and ends
// with its time; pods have their own; a leader that dies while users are created leaves none that nobody knows.
func TestDynamicUsers(t *testing.T) {
	t.Parallel()
	c := Start(t)
	pg, redis := target.PostgreSQL(t), target.Redis(t)
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA() + redis.CA(),
		"connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}, {"protocol": "REDIS", "port": redis.Port()}}}, nil)
	credential(c, "pg-admin", "localhost", pg.AdminUser, pg.AdminPassword, "PostgreSQL ALTER ROLE", nil)
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "quick", "retry_interval": "1s"}, nil)
	c.Must(http.MethodPost, "/api/v1/dynamic-profiles", map[string]any{"identifier": "app", "executor": "postgres", "create": "PostgreSQL create role", "remove": "PostgreSQL drop role",
		"authentication": "pg-admin", "policy": "quick", "ttl": "15s"}, nil)
	c.Must(http.MethodPost, "/api/v1/applications", map[string]any{"name": "shop"}, nil)
	c.Must(http.MethodPut, "/api/v1/applications/shop/provisioning", map[string]any{"automatic": true, "pairs": []map[string]any{{"device": "localhost", "profile": "app"}}}, nil)
	var keys struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	c.Must(http.MethodPost, "/api/v1/applications/shop/authorizations", map[string]any{"name": "prod", "modules": []string{"PAM Core", "Application"}, "rights": []string{"secret.read"},
		"filter": map[string]any{"tags": []string{"none"}}}, &keys)
	shop := c.client(keys.ID, keys.Secret)
	read := func() (user, password string) {
		t.Helper()
		var a application
		if err := shop.Do(t.Context(), http.MethodGet, "/iso/dapp/application", nil, &a); err != nil {
			t.Fatal(err)
		}
		if s := a.Application.Secrets; len(s) != 1 || s[0].Identity != "app@localhost" || len(s[0].Data) != 1 {
			t.Fatalf("%+v", a)
		}
		d := a.Application.Secrets[0].Data[0]
		return d["username"], d["password"]
	}
	login := func(want bool, user, password string) {
		t.Helper()
		if in, err := pg.Login(user, password); err != nil || in != want {
			t.Fatalf("%s logs in: %t (%v), want %t", user, in, err, want)
		}
	}
	user, password := read()
	login(true, user, password)
	if again, _ := read(); again != user {
		t.Errorf("two reads, two users: %s and %s", user, again)
	}

	var pod struct {
		Secret struct {
			Data []map[string]string `json:"data"`
		} `json:"secret"`
	}
	names := map[string]string{"pod_name": "web-1", "deploy": "web", "namespace": "shop", "identity": "app@localhost"}
	if err := shop.Do(t.Context(), http.MethodPost, "/iso/coe/dapp/provision", names, &pod); err != nil {
		t.Fatal(err)
	}
	podUser, podPassword := pod.Secret.Data[0]["username"], pod.Secret.Data[0]["password"]
	login(true, podUser, podPassword)
	if err := shop.Do(t.Context(), http.MethodPost, "/iso/coe/dapp/deprovision", names, nil); err != nil {
		t.Fatal(err)
	}
	refused := func(limit time.Duration, user, password string) {
		t.Helper()
		Eventually(t, limit, user+" is gone", func() error {
			in, err := pg.Login(user, password)
			if err == nil && in {
				err = fmt.Errorf("it logs in")
			}
			return err
		})
	}
	refused(20*time.Second, podUser, podPassword)
	refused(40*time.Second, user, password)
	fresh, _ := read()
	if fresh == user {
		t.Error("a user whose time is over was handed out again")
	}
	profileTrial(t, c, pg)
	secretAutomation(t, c, pg)
	endedOnce := endings(t, c, pg)
	debts(t, c, pg)
	orphans(t, c, pg, redis)
	dynamicUnderFire(t, c, pg)
	endedOnce() // another one led meanwhile
}

// profileTrial tries profiles on the real server: one that works, one whose users never log in, and one that removes nobody until it
// is corrected.
func profileTrial(t *testing.T, c *Cluster, pg *target.Postgres) {
	t.Helper()
	left := ""
	for _, p := range []struct{ name, create, remove, want string }{
		{"app", "", "", "passed: create ok, login ok, remove ok, gone ok"},
		{"nologin", "PostgreSQL drop role", "PostgreSQL drop role", "failed: create ok, login failed, remove ok, gone ok"},
		{"noremove", "PostgreSQL create role", "PostgreSQL create role", "failed: create ok, login ok, remove failed, gone skipped"},
	} {
		if p.create != "" {
			c.Must(http.MethodPost, "/api/v1/dynamic-profiles", map[string]any{"identifier": p.name, "executor": "postgres", "create": p.create, "remove": p.remove, "authentication": "pg-admin", "policy": "quick", "ttl": "15s"}, nil)
		}
		var v struct {
			Result string
			Steps  []struct{ Step, Result, Message string }
			Lease  dynamicUser
		}
		c.Must(http.MethodPost, "/api/v1/dynamic-profiles/"+p.name+"/test", map[string]any{}, &v)
		var steps []string
		for _, s := range v.Steps {
			steps = append(steps, s.Step+" "+s.Result)
		}
		if got := v.Result + ": " + strings.Join(steps, ", "); got != p.want {
			t.Errorf("%s: %s instead of %s\n%+v", p.name, got, p.want, v.Steps)
		}
		roles, err := pg.Roles(v.Lease.Username)
		if err != nil || (len(roles) == 0) != (p.name != "noremove") {
			t.Errorf("%s leaves %q (%v)", p.name, roles, err)
		}
		left = v.Lease.Username
	}
	c.Must(http.MethodPut, "/api/v1/dynamic-profiles/noremove", map[string]any{"remove": "PostgreSQL drop role"}, nil)
	Eventually(t, 60*time.Second, left+" goes by the template that its profile names now", func() error {
		roles, err := pg.Roles(left)
		if err == nil && len(roles) > 0 {
			err = fmt.Errorf("it is there")
		}
		return err
	})
}

// dynamicUnderFire kills the leader while users are created.
func dynamicUnderFire(t *testing.T, c *Cluster, pg *target.Postgres) {
	t.Helper()
	c.Must(http.MethodPut, "/api/v1/dynamic-profiles/app", map[string]any{"ttl": "10m"}, nil)
	users := make([]dynamicUser, 6)
	for i := range users {
		c.Must(http.MethodPost, "/api/v1/leases", map[string]any{"profile": "app"}, &users[i])
	}
	time.Sleep(100 * time.Millisecond) // aim at the work, not at a condition
	leader := c.Leader()
	c.Signal(leader, syscall.SIGKILL)
	active := 0
	for i := range users {
		u := &users[i]
		Eventually(t, 60*time.Second, u.Username+" is there", func() error {
			if err := c.API.Do(t.Context(), http.MethodGet, fmt.Sprintf("/api/v1/leases/%d?wait=5s", u.Number), nil, u); err != nil {
				return err
			}
			if u.State == "requested" {
				return fmt.Errorf("it is %s", u.State)
			}
			return nil
		})
		if u.State != "active" {
			continue
		}
		active++
		var s struct{ Username, Password string }
		c.Must(http.MethodGet, fmt.Sprintf("/api/v1/leases/%d/secret", u.Number), nil, &s)
		if in, err := pg.Login(s.Username, s.Password); err != nil || !in {
			t.Errorf("%s was handed out and does not log in (%v)", s.Username, err)
		}
	}
	if active == 0 {
		t.Error("none of the users came to be")
	}
	c.Restart(leader)
	c.Healthy()
	c.Must(http.MethodPost, "/api/v1/applications/"+c.adminApplication()+"/provisioning/revoke", map[string]any{}, nil)
	Eventually(t, 60*time.Second, "nobody is left on the server but whom Cofre knows", func() error {
		names, err := pg.Roles("app_")
		if err != nil {
			return err
		}
		var all struct{ Items []dynamicUser }
		c.Must(http.MethodGet, "/api/v1/leases?limit=1000", nil, &all)
		known := map[string]string{}
		for _, u := range all.Items {
			known[u.Username] = u.State
		}
		for _, n := range names {
			if known[n] == "" {
				t.Fatalf("%s is on the server and in no lease that is not removed", n)
			}
			for _, u := range users {
				if u.Username == n {
					return fmt.Errorf("%s (%s) is still there", n, known[n])
				}
			}
		}
		return nil
	})
}

// adminApplication is the application of the administrator's keys.
func (c *Cluster) adminApplication() string {
	c.t.Helper()
	var who struct {
		Application struct{ Name string }
	}
	c.Must(http.MethodGet, "/api/v1/whoami", nil, &who)
	return strings.TrimSpace(who.Application.Name)
}

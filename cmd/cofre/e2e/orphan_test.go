package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"cofre/executors/executortest/target"
)

// orphans puts accounts with names of a profile on a real PostgreSQL and a real Redis behind Cofre's back: searches find them and
// nobody that lives, and remove them when they are told to, and only then.
func orphans(t *testing.T, c *Cluster, pg *target.Postgres, redis *target.RedisServer) {
	t.Helper()
	credential(c, "redis-admin", "localhost", redis.AdminUser, redis.AdminPassword, "Redis ACL user", nil)
	c.Must(http.MethodPost, "/api/v1/dynamic-profiles", map[string]any{"identifier": "cache", "executor": "redis", "create": "Redis create user", "remove": "Redis remove user",
		"authentication": "redis-admin", "additional": "app:*", "ttl": "10m"}, nil)
	for _, x := range []struct {
		profile string
		make    func(name string) (string, string, error)
		login   func(name, password string) (bool, error)
	}{{"app", pg.CreateRole, pg.Login}, {"cache", redis.CreateUser, redis.Login}} {
		var live dynamicUser
		c.Must(http.MethodPost, "/api/v1/leases?wait=30s", map[string]any{"profile": x.profile}, &live)
		lost := x.profile + "_250101000000_deadbeef"
		_, password, err := x.make(lost)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := x.make(x.profile + "_by_hand"); err != nil {
			t.Fatal(err)
		}
		var searched struct {
			Items []struct {
				State, Message string
				Found          int
			}
		}
		c.Must(http.MethodPost, "/api/v1/orphan-searches?wait=30s", map[string]any{"profile": x.profile}, &searched)
		if s := searched.Items; len(s) != 1 || s[0].State != "succeeded" || s[0].Found != 1 || live.State != "active" {
			t.Fatalf("%s: %+v beside a user that is %s", x.profile, searched, live.State)
		}
		var found struct {
			Items []struct {
				Number             uint64
				Username, Hostname string
				State              string
			}
		}
		list := "/api/v1/orphans?profile=" + x.profile
		c.Must(http.MethodGet, list, nil, &found)
		if o := found.Items; len(o) != 1 || o[0].Username != lost || o[0].Hostname != "localhost" || o[0].State != "found" {
			t.Fatalf("%s: %+v", x.profile, found)
		}
		if in, err := x.login(lost, password); err != nil || !in {
			t.Errorf("a search removed %s (%v)", lost, err)
		}
		c.Must(http.MethodDelete, fmt.Sprintf("/api/v1/orphans/%d", found.Items[0].Number), nil, nil)
		Eventually(t, 30*time.Second, lost+" is gone", func() error {
			if in, err := x.login(lost, password); err != nil || in {
				return fmt.Errorf("it logs in: %t (%w)", in, err)
			}
			return nil
		})
		c.Must(http.MethodGet, list, nil, &found)
		if o := found.Items; len(o) != 1 || o[0].State != "removing" { // until it is proven gone twice
			t.Errorf("%s: %+v", x.profile, found)
		}
		var s struct{ Username, Password string }
		c.Must(http.MethodGet, fmt.Sprintf("/api/v1/leases/%d/secret", live.Number), nil, &s)
		if in, err := x.login(s.Username, s.Password); err != nil || !in {
			t.Errorf("the user that lives was removed (%v)", err)
		}
	}
	if err := pg.Exec("DROP ROLE app_by_hand"); err != nil {
		t.Error(err)
	}
}

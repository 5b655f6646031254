package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"cofre/cmd/cofre/client"
	"cofre/executors/executortest/target"
)

// debts takes a real PostgreSQL away while users of it end: every removal is tried on and counted, the device gets no new users, and
// when it is back all are gone within seconds, whatever pause their last failures have earned.
func debts(t *testing.T, c *Cluster, pg *target.Postgres) {
	t.Helper()
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "owed", "retry_interval": "400ms"}, nil)
	c.Must(http.MethodPost, "/api/v1/dynamic-profiles", map[string]any{"identifier": "owed", "executor": "postgres", "create": "PostgreSQL create role", "remove": "PostgreSQL drop role",
		"authentication": "pg-admin", "policy": "owed", "ttl": "10m"}, nil)
	users := make([]dynamicUser, 7)
	last := &users[len(users)-1]
	for i := range users {
		c.Must(http.MethodPost, "/api/v1/leases?wait=30s", map[string]any{"profile": "owed"}, &users[i])
		if users[i].State != "active" {
			t.Fatalf("%+v", users[i])
		}
	}
	if err := pg.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, u := range users[:len(users)-1] {
		c.Must(http.MethodDelete, fmt.Sprintf("/api/v1/leases/%d", u.Number), nil, nil)
	}
	owed := func(want int) {
		t.Helper()
		Eventually(t, 60*time.Second, fmt.Sprintf("%d users are owed", want), func() error {
			var list struct{ Items []struct{} }
			c.Must(http.MethodGet, "/api/v1/leases?debt=true&profile=owed", nil, &list)
			s, err := c.Status("n2") // counts the one that profileTrial left, too, once its removal has failed often enough
			if err == nil && (len(list.Items) != want || s.Debt < want || s.Shut != min(1, want)) {
				err = fmt.Errorf("%d of %d are, %d devices are shut", len(list.Items), s.Debt, s.Shut)
			}
			return err
		})
	}
	owed(len(users) - 1)
	var refusal *client.Error
	if err := c.API.Do(t.Context(), http.MethodPost, "/api/v1/leases", map[string]any{"profile": "owed"}, nil); !errors.As(err, &refusal) || refusal.Status != http.StatusServiceUnavailable {
		t.Errorf("a device that keeps users got a new one: %v", err)
	}
	Eventually(t, 60*time.Second, "every removal has failed seven times", func() error {
		var list struct{ Items []struct{ Failures int } }
		c.Must(http.MethodGet, "/api/v1/leases?debt=true&profile=owed", nil, &list)
		if len(list.Items) != len(users)-1 || slices.ContainsFunc(list.Items, func(u struct{ Failures int }) bool { return u.Failures < 7 }) {
			return fmt.Errorf("%+v", list.Items)
		}
		return nil
	})
	if err := pg.Start(); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	c.Must(http.MethodDelete, fmt.Sprintf("/api/v1/leases/%d", last.Number), nil, nil) // comes through, and takes those along that would wait for another 25 seconds
	owed(0)
	if took := time.Since(back); took > 15*time.Second {
		t.Errorf("all were gone %s after the server was back", took)
	}
	if roles, err := pg.Roles("owed_"); err != nil || len(roles) != 0 {
		t.Errorf("the server has %q (%v)", roles, err)
	}
	var fresh dynamicUser
	if c.Must(http.MethodPost, "/api/v1/leases?wait=30s", map[string]any{"profile": "owed"}, &fresh); fresh.State != "active" {
		t.Errorf("%+v", fresh)
	}
	c.Must(http.MethodDelete, fmt.Sprintf("/api/v1/leases/%d", fresh.Number), nil, nil)
}

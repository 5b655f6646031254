package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// asked are requests of every kind that a node answers: reads of its own rows, consistent reads, reads of secrets, writes
// and releases.
var asked = []struct {
	method, path string
	args         any
}{
	{http.MethodGet, "/api/v1/whoami", nil},
	{http.MethodGet, "/api/v1/operations", nil},
	{http.MethodGet, "/api/v1/credentials", nil},
	{http.MethodGet, "/api/v1/credentials?consistency=strong", nil},
	{http.MethodGet, "/api/v1/credentials/web", nil},
	{http.MethodGet, "/iso/pam/credential/web", nil},
	{http.MethodGet, "/api/v1/credentials/web/secret", nil},
	{http.MethodPut, "/api/v1/credentials/web", map[string]string{"additional": "seen"}},
	{http.MethodDelete, "/api/v1/credentials/web/custody", nil},
}

// servesFor is how long a node without contact may serve what it knows (RULES 3); slack is for the measuring.
const servesFor, slack = 5 * time.Second, 250 * time.Millisecond

// TestCutOffNodeServesNothing: a node that hears nobody answers 503 to every authenticated request that is sent 5 s later,
// whether it led or followed. The control: the same requests succeed before, reads of its own rows for some seconds more,
// and everything again after the others are back.
func TestCutOffNodeServesNothing(t *testing.T) {
	c := StartNodes(t, 3, Setup{})
	c.Secrets()
	c.Credential("web", "the-secret-of-stale", nil)
	for _, role := range []string{"follower", "leader"} {
		victim := c.Leader()
		if role == "follower" {
			victim = c.Running(victim)
		}
		token, err := c.api.Token(t.Context(), victim, c.api.admin)
		if err != nil {
			t.Fatal(err)
		}
		everything := func(want int) error {
			var errs []error
			for _, q := range asked {
				a, err := c.api.Send(t.Context(), victim, q.method, q.path, token, q.args)
				if err == nil && a.Status != want {
					err = fmt.Errorf("%s %s: %d %s", q.method, q.path, a.Status, a.Reason())
				}
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		}
		if err := everything(http.StatusOK); err != nil {
			t.Fatalf("%s: the control failed: %v", role, err)
		}
		cut := time.Now()
		c.Others(victim, syscall.SIGSTOP)
		last := cut
		for time.Since(cut) < servesFor+slack {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			sent := time.Now()
			if a, err := c.api.Send(ctx, victim, http.MethodGet, "/api/v1/credentials/web", token, nil); err == nil && a.Status == http.StatusOK {
				last = sent
			}
			cancel()
			<-time.After(10 * time.Millisecond)
		}
		t.Logf("%s: the last request that it answered was sent %s after the cut", role, last.Sub(cut).Round(time.Millisecond))
		if last.Sub(cut) > servesFor+slack || last.Sub(cut) < time.Second {
			t.Errorf("%s: it should serve its own rows for a few seconds and not longer", role)
		}
		if err := everything(http.StatusServiceUnavailable); err != nil {
			t.Errorf("%s: %s after the cut: %v", role, time.Since(cut), err)
		}
		if _, err := c.api.Token(t.Context(), victim, c.api.admin); err == nil {
			t.Errorf("%s: it issues tokens", role)
		}
		c.Others(victim, syscall.SIGCONT)
		c.Healthy(3)
		if err := everything(http.StatusOK); err != nil {
			t.Errorf("%s: after the return: %v", role, err)
		}
	}
}

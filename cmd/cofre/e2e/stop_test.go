package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestStop: a leader that is asked to stop under load finishes what it took, writes what it had only counted into the trail, and hands
// leadership over, so that nobody waits for an election. A node whose last majority is gone says what it could not write, and stops all the same.
func TestStop(t *testing.T) {
	t.Parallel()
	c := StartNodes(t, 3, Setup{})
	c.Secrets()
	c.Credential("web", "stop-secret", nil)
	c.Must(http.MethodPost, "/api/v1/applications", map[string]any{"name": "stopping"}, nil)
	c.Credential("later", "stop-secret", map[string]any{"execution": map[string]any{"template": "PostgreSQL ALTER ROLE"}})
	var later struct{ Number json.Number }
	c.Must(http.MethodPost, "/api/v1/operations", map[string]any{"credential": "later", "kind": "change", "not_before": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, &later)
	keys := c.Authorize("stopping", "stop", "web")
	leader := c.Leader()
	token, err := c.api.Token(t.Context(), leader, keys)
	if err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	var answered, failed atomic.Int64
	for range 8 {
		clients.Go(func() {
			for {
				a, err := c.api.Send(t.Context(), leader, http.MethodGet, "/iso/pam/credential/web", token, nil)
				if err != nil {
					return // it stopped
				}
				answered.Add(1)
				if a.Status != http.StatusOK && failed.Add(1) == 1 {
					t.Errorf("while it stopped it answered %d %s", a.Status, a.Body)
				}
			}
		})
	}
	admin, err := c.api.Token(t.Context(), leader, c.api.admin)
	if err != nil {
		t.Fatal(err)
	}
	clients.Go(func() {
		if a, err := c.api.Send(t.Context(), leader, http.MethodGet, "/api/v1/operations/"+later.Number.String()+"?wait=1s", admin, nil); err != nil || a.Status != http.StatusOK {
			t.Errorf("who waited got %d %v", a.Status, err)
		}
	})
	<-time.After(200 * time.Millisecond) // it waits there now
	const tokens, guesses = 7, 5
	for range tokens - 1 {
		if _, err := c.api.Token(t.Context(), leader, keys); err != nil {
			t.Fatal(err)
		}
	}
	guess(c, leader, guesses)
	leader.Stop()
	clients.Wait()
	if leader.exit != nil || answered.Load() == 0 {
		t.Errorf("%d answers, ended with %v", answered.Load(), leader.exit)
	}
	if log := leader.Log(); !strings.Contains(log, "leadership was handed over") || strings.Contains(log, "not in the audit trail") {
		t.Error("leadership was not handed over, or not all was written")
	}
	if n := counted(c, "token.issued", "authorization", says(token).Subject); n != tokens {
		t.Errorf("%d of %d issued tokens are in the trail", n, tokens)
	}
	if n := counted(c, "audit.note", "", ""); n != guesses {
		t.Errorf("%d of %d denials are in the trail", n, guesses)
	}

	second := c.Running()
	second.Stop()
	last := c.Running(second)
	guess(c, last, guesses)
	last.Signal(syscall.SIGTERM)
	select {
	case <-last.done:
	case <-time.After(20 * time.Second):
		t.Fatal("a node without a majority does not stop")
	}
	if log := last.Log(); last.exit != nil || !strings.Contains(log, fmt.Sprint(guesses)+" denials, issued tokens and reads that showed nothing are not in the audit trail") {
		t.Errorf("it ended with %v and did not say what it could not write", last.exit)
	}
}

// guess asks a node with a token that nobody issued.
func guess(c *Nodes, n *Node, times int) {
	c.t.Helper()
	for i := range times {
		if a, err := c.api.Send(c.t.Context(), n, http.MethodGet, "/iso/pam/credential", fmt.Sprint("guess.", i, ".x"), nil); err != nil || a.Status != http.StatusUnauthorized {
			c.t.Fatalf("%d %v %s", a.Status, err, a.Body)
		}
	}
}

// counted adds up the counts of events of a kind, of those with a field if one is named.
func counted(c *Nodes, kind, field, value string) (total int) {
	c.t.Helper()
	var events struct {
		Items []struct {
			Fields map[string]string `json:"fields"`
		} `json:"items"`
	}
	Eventually(c.t, 20*time.Second, "the trail can be read", func() error {
		c.Must(http.MethodGet, "/api/v1/audit?kind="+kind+"&limit=1000", nil, &events)
		if len(events.Items) == 0 {
			return errors.New("there are no such events")
		}
		return nil
	})
	for _, e := range events.Items {
		if n, err := strconv.Atoi(e.Fields["count"]); err != nil {
			c.t.Fatal(err)
		} else if field == "" || e.Fields[field] == value {
			total += n
		}
	}
	return total
}

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cofre/cmd/cofre/e2e/histories"
	"cofre/executors/executortest/target"
)

// patience is how long a client waits for one answer; after that it does not know.
const patience = 6 * time.Second

// historySpan is how long histories are recorded: HISTORY_SPAN=10m go test ... for the long form.
func historySpan(t *testing.T) time.Duration {
	text := os.Getenv("HISTORY_SPAN")
	if text == "" {
		return 20 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// recording is a cluster whose clients write down what they see.
type recording struct {
	*Nodes
	*histories.Recorder
	admin string
}

// outcome sorts an answer: done, refused with certainty, or unknown. A node that says "unavailable" promises that nothing
// happened, and the histories hold it to that.
func outcome(a Answer, err error) histories.Outcome {
	var p struct {
		Kind string `json:"kind"`
	}
	switch {
	case err != nil:
		if errors.Is(err, errNotSent) {
			return histories.Nothing
		}
		return histories.Unknown
	case a.Status < 300:
		return histories.Done
	case json.Unmarshal(a.Body, &p) == nil && a.Status == http.StatusServiceUnavailable && (p.Kind == "unavailable" || p.Kind == "vault_sealed"):
		return histories.Nothing
	}
	return histories.Unknown
}

func (r *recording) send(method, path, token string, args any) (Answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return r.api.Send(ctx, r.list[rand.IntN(len(r.list))], method, path, token, args)
}

// read reads a secret at any node.
func (r *recording) read(client int, name, token string) {
	r.Do(client, name, histories.Read{}, func() (any, histories.Outcome) {
		a, err := r.send(http.MethodGet, "/api/v1/credentials/"+name+"/secret", token, nil)
		var s struct {
			Secret  string `json:"secret"`
			Version uint64 `json:"version"`
		}
		o := outcome(a, err)
		if o == histories.Done && json.Unmarshal(a.Body, &s) != nil {
			o = histories.Unknown
		}
		return histories.Version{Number: s.Version, Value: s.Secret}, o
	})
}

func (r *recording) put(client int, name, value string) {
	r.Do(client, name, histories.Put{Value: value}, func() (any, histories.Outcome) {
		a, err := r.send(http.MethodPut, "/api/v1/credentials/"+name, r.admin, map[string]string{"secret": value})
		return nil, outcome(a, err)
	})
}

// rotate asks for a change and waits until it is final.
func (r *recording) rotate(client int, name string, until time.Time) {
	r.Do(client, name, histories.Rotate{}, func() (any, histories.Outcome) {
		var o Operation
		a, err := r.send(http.MethodPost, "/api/v1/operations", r.admin, map[string]string{"credential": name, "kind": "change"})
		if err == nil && a.Status == http.StatusConflict {
			return nil, histories.Nothing // on a fast machine: the credential holds as many versions as one may
		}
		if got := outcome(a, err); got != histories.Done || json.Unmarshal(a.Body, &o) != nil {
			return nil, got
		}
		for !o.Final && time.Now().Before(until.Add(8*time.Second)) {
			if a, err := r.send(http.MethodGet, fmt.Sprintf("/api/v1/operations/%d?wait=2s", o.Number), r.admin, nil); err == nil && a.Status == http.StatusOK {
				_ = json.Unmarshal(a.Body, &o) // what does not decode is asked for again
			}
		}
		if o.State == "succeeded" {
			return nil, histories.Done
		}
		return nil, histories.Unknown
	})
}

// exclusive takes and gives back custody of a credential that has one holder at a time.
func (r *recording) exclusive(client int, name string, holder int, token string) {
	judge := func(a Answer, err error, refusal int) (any, histories.Outcome) {
		var p struct {
			Code int `json:"code"`
		}
		if err == nil && a.Status == http.StatusBadRequest && json.Unmarshal(a.Body, &p) == nil && p.Code == refusal {
			return false, histories.Done
		}
		return true, outcome(a, err)
	}
	r.Do(client, name, histories.CheckOut{Holder: holder}, func() (any, histories.Outcome) {
		a, err := r.send(http.MethodGet, "/api/v1/credentials/"+name+"/secret", token, nil)
		return judge(a, err, 1009)
	})
	r.Do(client, name, histories.Release{Holder: holder}, func() (any, histories.Outcome) {
		a, err := r.send(http.MethodDelete, "/api/v1/credentials/"+name+"/custody", token, nil)
		return judge(a, err, 1018)
	})
}

// use reads with a token: accepted or not, by either dialect.
func (r *recording) use(client int, object, token string) {
	r.Do(client, object, histories.Use{Epoch: says(token).Epoch}, func() (any, histories.Outcome) {
		path := []string{"/api/v1/credentials/shared/secret", "/iso/pam/credential/shared"}[rand.IntN(2)]
		a, err := r.send(http.MethodGet, path, token, nil)
		if err == nil && a.Status == http.StatusUnauthorized {
			return false, histories.Done
		}
		return true, outcome(a, err)
	})
}

func (r *recording) revoke(client int, object string) {
	r.Do(client, object, histories.Revoke{}, func() (any, histories.Outcome) {
		a, err := r.send(http.MethodPost, "/api/v1/applications/apps/authorizations/"+object+"/revoke", r.admin, nil)
		return nil, outcome(a, err)
	})
}

// claims are what a token says.
type claims struct {
	Subject string `json:"sub"`
	Epoch   uint64 `json:"epoch"`
}

func says(token string) (c claims) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c
	}
	b, _ := base64.RawURLEncoding.DecodeString(parts[1])
	_ = json.Unmarshal(b, &c) // a token that is none is refused by every node
	return c
}

// TestHistoriesUnderFaults: what clients at all nodes see of secrets, rotations, custody and revocations could have
// happened in one order, while the leader is killed and paused, followers are, and leadership moves.
func TestHistoriesUnderFaults(t *testing.T) {
	t.Parallel()
	c := StartNodes(t, 3, Setup{})
	c.Secrets()
	pg := target.PostgreSQL(t)
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA(),
		"connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "one", "exclusive": true, "custody_ttl": "1h"}, nil)
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "many", "attempts": 10, "retry_interval": "1s"}, nil)
	c.Must(http.MethodPost, "/api/v1/applications", map[string]any{"name": "apps"}, nil)
	c.Credential("shared", "the-secret-of-all", nil)
	r := &recording{Nodes: c, Recorder: histories.NewRecorder()}
	var err error
	if r.admin, err = c.api.Token(t.Context(), c.list[0], c.api.admin); err != nil {
		t.Fatal(err)
	}
	span := historySpan(t)
	end := time.Now().Add(span)
	var wg sync.WaitGroup
	client := 0
	work := func(do func(client int)) {
		client++
		id := client
		wg.Go(func() {
			for time.Now().Before(end) {
				do(id)
				<-time.After(time.Duration(rand.IntN(60)) * time.Millisecond)
			}
		})
	}
	for i := range 3 {
		r.secretWork(t, work, fmt.Sprintf("manual-%d", i))
		r.custodyWork(t, work, fmt.Sprintf("lock-%d", i))
		r.tokenWork(t, work, fmt.Sprintf("auth-%d", i))
	}
	for i := range 2 {
		r.rotationWork(t, work, fmt.Sprintf("role-%d", i), pg, end)
	}
	faults := r.disturb(t, end)
	wg.Wait()
	recorded := time.Now()
	all, unknown := r.Counts()
	t.Logf("%d operations of %d clients, %d with an unknown outcome, %d faults in %s", all, client, unknown, faults, span)
	if all < 800 || faults < 6 {
		t.Errorf("too little happened")
	}
	for _, complaint := range r.Check(time.Minute) {
		t.Error(complaint)
	}
	t.Logf("judged in %s", time.Since(recorded).Round(time.Millisecond))
	r.control(t)
}

// control records reads that may be stale, as lists of metadata are without ?consistency=strong: they are found out, and
// strong ones at the same moments are not.
func (r *recording) control(t *testing.T) {
	r.Healthy(3)
	leader := r.Leader()
	follower := r.Running(leader)
	r.Credential("noted", "the-secret-of-noted", nil)
	lax, strict := histories.NewRecorder(), histories.NewRecorder()
	lax.Object("noted", histories.Secret)
	strict.Object("noted", histories.Secret)
	read := func(to *histories.Recorder, query string) {
		to.Do(2, "noted", histories.Read{}, func() (any, histories.Outcome) {
			var c struct {
				Additional string `json:"additional"`
				Revision   uint64 `json:"revision"`
			}
			a, err := r.api.Send(t.Context(), follower, http.MethodGet, "/api/v1/credentials/noted"+query, r.admin, nil)
			if err != nil || a.Status != http.StatusOK || json.Unmarshal(a.Body, &c) != nil {
				return nil, histories.Unknown
			}
			return histories.Version{Number: c.Revision, Value: c.Additional}, histories.Done
		})
	}
	for i := range 200 {
		value := fmt.Sprintf("note-%d", i)
		var a Answer
		var err error
		put := func() (any, histories.Outcome) { return nil, outcome(a, err) }
		lax.Do(1, "noted", histories.Put{Value: value}, func() (any, histories.Outcome) {
			strict.Do(1, "noted", histories.Put{Value: value}, func() (any, histories.Outcome) {
				a, err = r.api.Send(t.Context(), leader, http.MethodPut, "/api/v1/credentials/noted", r.admin, map[string]string{"additional": value})
				return put()
			})
			return put()
		})
		read(lax, "")
		read(strict, "?consistency=strong")
		if complaints := strict.Check(time.Minute); len(complaints) != 0 {
			t.Fatalf("strong reads: %s", complaints)
		}
		if len(lax.Check(time.Minute)) != 0 {
			t.Logf("a stale read was planted and found after %d writes", i+1)
			return
		}
	}
	t.Error("no plain read was stale, or the checker does not see it")
}

func (r *recording) secretWork(t *testing.T, work func(func(int)), name string) {
	first := name + "-first"
	r.Credential(name, first, nil)
	r.Object(name, histories.Secret)
	r.Do(0, name, histories.Put{Value: first}, func() (any, histories.Outcome) { return nil, histories.Done })
	for range 2 {
		work(func(client int) { r.read(client, name, r.admin) })
	}
	for range 2 {
		n := 0
		work(func(client int) {
			n++
			r.put(client, name, fmt.Sprintf("%s-value-%d-%d", name, client, n))
			r.read(client, name, r.admin)
		})
	}
}

func (r *recording) rotationWork(t *testing.T, work func(func(int)), name string, pg *target.Postgres, end time.Time) {
	role, old := pg.AddRole(t)
	r.Must(http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": name, "hostname": "localhost", "username": role, "secret": old,
		"policy": "many", "execution": map[string]any{"template": "PostgreSQL ALTER ROLE"}}, nil)
	r.Object(name, histories.Secret)
	r.Do(0, name, histories.Put{Value: old}, func() (any, histories.Outcome) { return nil, histories.Done })
	work(func(client int) { r.read(client, name, r.admin) })
	work(func(client int) { r.rotate(client, name, end) })
}

func (r *recording) custodyWork(t *testing.T, work func(func(int)), name string) {
	r.Credential(name, name+"-the-secret", map[string]any{"policy": "one"})
	r.Object(name, histories.Custody)
	for holder := range 3 {
		keys := r.Authorize("apps", fmt.Sprintf("%s-%d", name, holder), name)
		token, err := r.api.Token(t.Context(), r.list[0], keys)
		if err != nil {
			t.Fatal(err)
		}
		work(func(client int) { r.exclusive(client, name, holder+1, token) })
	}
}

func (r *recording) tokenWork(t *testing.T, work func(func(int)), name string) {
	keys := r.Authorize("apps", name, "shared")
	token, err := r.api.Token(t.Context(), r.list[0], keys)
	if err != nil {
		t.Fatal(err)
	}
	r.Object(name, histories.Tokens(says(token).Epoch))
	var mu sync.Mutex // guards token
	for range 2 {
		work(func(client int) {
			mu.Lock()
			now := token
			mu.Unlock()
			r.use(client, name, now)
		})
	}
	work(func(client int) {
		<-time.After(300 * time.Millisecond)
		r.revoke(client, name)
		r.Do(client, name, histories.Issue{}, func() (any, histories.Outcome) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			fresh, err := r.api.Token(ctx, r.list[rand.IntN(len(r.list))], keys)
			if err != nil {
				return nil, histories.Unknown
			}
			mu.Lock()
			defer mu.Unlock()
			token = fresh
			return says(fresh).Epoch, histories.Done
		})
	})
}

// disturb breaks one node after the other until the end, and counts.
func (r *recording) disturb(t *testing.T, end time.Time) (faults int) {
	for ; time.Now().Before(end.Add(-2 * time.Second)); faults++ {
		leader := r.Leader()
		follower := r.Running(leader)
		hold := time.Duration(300+rand.IntN(1200)) * time.Millisecond
		switch faults % 5 {
		case 0:
			leader.Kill()
			<-time.After(hold)
			leader.Start()
		case 1:
			leader.Signal(syscall.SIGSTOP)
			<-time.After(hold + time.Second)
			leader.Signal(syscall.SIGCONT)
		case 2:
			if err := leader.Operate("/transfer-leader", map[string]string{}, nil); err != nil {
				t.Logf("leadership was not handed over: %v", err)
			}
		case 3:
			follower.Signal(syscall.SIGSTOP)
			<-time.After(hold)
			follower.Signal(syscall.SIGCONT)
		case 4:
			follower.Kill()
			<-time.After(hold)
			follower.Start()
		}
		<-time.After(500 * time.Millisecond)
	}
	return faults
}

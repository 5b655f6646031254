package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rolling writes and reads while the nodes are replaced.
type rolling struct {
	*Nodes
	t     *testing.T
	stop  chan struct{}
	wg    sync.WaitGroup
	token string
	done  atomic.Int64 // requests that were answered in the end
	again atomic.Int64 // tries besides the first
}

// must sends a request to one node after the other until one answers, as a client does.
func (r *rolling) must(first int, method, path string, args any) Answer {
	limit := time.After(25 * time.Second)
	for try := 0; ; try++ {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		a, err := r.api.Send(ctx, r.list[(first+try)%len(r.list)], method, path, r.token, args)
		cancel()
		if err == nil && a.Status < 500 {
			if a.Status != http.StatusOK {
				r.t.Errorf("%s %s: %d %s", method, path, a.Status, a.Reason())
			}
			r.done.Add(1)
			r.again.Add(int64(try))
			return a
		}
		select {
		case <-limit:
			r.t.Errorf("%s %s was not answered by any node for 25 s: %v %s", method, path, err, a.Reason())
			return a
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// turns is how many credentials a worker writes one after the other: each holds 64 versions at most, and a busy machine rolls
// over slowly.
const turns = 10

func rollName(worker, n int) string { return fmt.Sprintf("roll-%d-%d", worker, n%turns) }

// load writes a credential and reads it back at another node, until the end.
func (r *rolling) load(worker int) {
	for n := 0; ; n++ {
		name := rollName(worker, n)
		select {
		case <-r.stop:
			return
		default:
		}
		secret := fmt.Sprintf("value-%d-%d", worker, n)
		r.must(worker+n, http.MethodPut, "/api/v1/credentials/"+name, map[string]string{"secret": secret})
		a := r.must(worker+n+1, http.MethodGet, "/api/v1/credentials/"+name+"/secret", nil)
		if !strings.Contains(string(a.Body), fmt.Sprintf("%q", secret)) && !r.t.Failed() {
			r.t.Errorf("%s was written and another value came back (%d)", secret, a.Status)
		}
		select {
		case <-r.stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestRollover replaces the binaries of a cluster under load by those of a release that knows a verb and a field more.
func TestRollover(t *testing.T) {
	t.Parallel()
	newer := filepath.Join(t.TempDir(), "cofre")
	if out, err := exec.Command("go", "build", "-tags", "nomsgpack,cofre_nextlevel", "-o", newer, "cofre/cmd/cofre").CombinedOutput(); err != nil {
		t.Fatalf("build the next release: %v\n%s", err, out)
	}
	c := StartNodes(t, 3, Setup{})
	c.Secrets()
	r := &rolling{Nodes: c, t: t, stop: make(chan struct{})}
	const workers = 4
	for i := range workers {
		for n := range turns {
			c.Credential(rollName(i, n), "first", nil)
		}
	}
	var err error
	if r.token, err = c.api.Token(t.Context(), c.list[0], c.api.admin); err != nil {
		t.Fatal(err)
	}
	for i := range workers {
		r.wg.Go(func() { r.load(i) })
	}
	end := sync.OnceFunc(func() { close(r.stop); r.wg.Wait() })
	defer end()
	for i, n := range c.list {
		before := r.done.Load()
		n.Stop()
		n.bin = newer
		n.Start()
		c.Healthy(3)
		Eventually(t, 20*time.Second, "the load goes on", func() error {
			if r.done.Load() < before+20 {
				return fmt.Errorf("%d requests were answered", r.done.Load()-before)
			}
			return nil
		})
		if i == len(c.list)-1 {
			break
		}
		for _, path := range []string{"/next/verb", "/next/field"} {
			err := n.Operate(path, map[string]string{"name": "early"}, nil)
			if err == nil || !strings.Contains(err.Error(), "feature level 2") && !strings.Contains(err.Error(), "unknown command") {
				t.Errorf("with %d of 3 replaced, %s: %v", i+1, path, err)
			}
			t.Logf("with %d of 3 replaced, %s: %v", i+1, path, err)
		}
	}
	Eventually(t, 20*time.Second, "the level rises by itself", func() error {
		for _, n := range c.list {
			if s, err := n.Status(); err != nil || s.Level != 2 {
				return fmt.Errorf("%s is at level %d: %w", n.ID, s.Level, err)
			}
		}
		return nil
	})
	for i, n := range c.list {
		for _, path := range []string{"/next/verb", "/next/field"} {
			var got uint64
			if err := n.Operate(path, map[string]string{"name": "late"}, &got); err != nil || got != uint64(i+1) {
				t.Errorf("after the rollover, %s at %s: %d %v", path, n.ID, got, err)
			}
		}
	}
	end()
	t.Logf("%d requests, %d tries besides the first", r.done.Load(), r.again.Load())
	before := r.equal(t)
	if err := c.list[0].Operate("/next/verb", map[string]string{"name": "control"}, nil); err != nil {
		t.Fatal(err)
	}
	if r.equal(t) == before {
		t.Error("the hash does not follow the state: that the hashes are equal proves nothing")
	}
	old := c.list[2]
	old.Stop()
	old.bin = ""
	old.Launch()
	select {
	case <-old.done:
		if log := old.Log(); old.exit == nil || !strings.Contains(log, "the state is at feature level 2, this binary knows 1: install the cluster's version of cofre") {
			t.Errorf("the older binary ended with %v:\n%s", old.exit, log[max(0, len(log)-500):])
		}
	case <-time.After(20 * time.Second):
		t.Error("an older binary starts on the data of a newer one")
		old.Kill()
	}
	old.bin = newer
	old.Start()
	c.Healthy(3)
}

// equal waits until all nodes have one state at one index, and gives its hash.
func (r *rolling) equal(t *testing.T) (hash string) {
	t.Helper()
	type answer struct{ Applied, Hash, Rows string }
	Eventually(t, 20*time.Second, "the states are equal", func() error {
		var first answer
		for i, n := range r.list {
			var a answer
			if err := n.Operate("/next/hash", struct{}{}, &a); err != nil {
				return err
			}
			if a.Hash != a.Rows {
				t.Fatalf("%s: the rows do not have the hash that was kept", n.ID)
			}
			if i == 0 {
				first = a
			}
			if a != first {
				return fmt.Errorf("%s is at %v, the first at %v", n.ID, a, first)
			}
		}
		hash = first.Hash
		return nil
	})
	return hash
}

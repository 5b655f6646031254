package cloudtest

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/vault/secret"
)

// Cloud is an executor with its double.
type Cloud struct {
	Engine    executors.Executor // impatient
	Catalogue []executors.CatalogueEntry
	Create    string // templates
	Remove    string
	Open      func(testing.TB) *Double
	Uncertain int  // how many cuts of a creation must end uncertain at least
	Asked     int  // how often a creation asks for permission at least
	Signs     bool // requests are signed: a creation begins without a login
}

// standIn is what is committed before the provider has made anything.
var standIn = secret.New([]byte("a-stand-in"))

// Template compiles one of the catalogue.
func (c Cloud) Template(t testing.TB, name string) executors.Program {
	t.Helper()
	e := c.entry(t, name)
	p, err := executors.Compile(c.Engine, e.Kind, e.Content)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (c Cloud) entry(t testing.TB, name string) executors.CatalogueEntry {
	t.Helper()
	i := slices.IndexFunc(c.Catalogue, func(e executors.CatalogueEntry) bool { return e.Name == name })
	if i < 0 {
		t.Fatalf("the catalogue has no %s", name)
	}
	return c.Catalogue[i]
}

func (c Cloud) logsIn(t testing.TB, a *Attempt, with secret.Value) bool {
	t.Helper()
	v, ok := c.Engine.(executors.Verifier)
	if !ok {
		t.Fatal("the executor proves no secrets")
	}
	in, err := v.Verify(t.Context(), a.Session, with)
	if err != nil {
		t.Errorf("the login: %v", err)
	}
	return in
}

// Made makes a dynamic user, and gives the parts of its key.
func (c Cloud) Made(t testing.TB, a *Attempt) (parts map[string]string) {
	t.Helper()
	if outcome, err := c.Template(t, c.Create).Run(t.Context(), a.Session); outcome != executors.Applied {
		t.Fatalf("%s: %v\n%s", outcome, err, a.Steps)
	}
	if json.Unmarshal([]byte(a.Kept), &parts) != nil || parts["access_key_id"] == "" || parts["secret_access_key"] == "" {
		t.Fatalf("kept %d bytes that are no key", len(a.Kept))
	}
	if strings.Contains(a.Steps, parts["secret_access_key"]) {
		t.Error("the transcript shows the secret")
	}
	executortest.Ran(c.entry(t, c.Create).Content)
	return parts
}

// Life makes a user whose key logs in although the provider learns of it late, and removes both; between may look at it in the middle.
func (c Cloud) Life(t *testing.T, between func(*Double, *Attempt, map[string]string)) {
	d := c.Open(t)
	d.Lag = 300 * time.Millisecond
	a := d.Try(t, nil)
	parts := c.Made(t, a)
	key := secret.New([]byte(a.Kept))
	if !c.logsIn(t, a, key) || c.logsIn(t, a, standIn) {
		t.Error("the new key does not log in, or the stand-in does")
	}
	between(d, a, parts)
	remove := c.Template(t, c.Remove)
	gone, ok := remove.(executors.Verifier)
	if !ok {
		t.Fatal("a removal cannot tell whether the user is there")
	}
	look := func(v secret.Value) bool {
		there, err := gone.Verify(t.Context(), a.Session, v)
		if err != nil {
			t.Errorf("whether it is there: %v", err)
		}
		return there
	}
	if !look(key) || !look(standIn) {
		t.Error("it is said to be gone before its removal")
	}
	for range 2 { // the second finds nothing
		if outcome, err := remove.Run(t.Context(), a.Session); outcome != executors.Applied {
			t.Fatalf("%s: %v\n%s", outcome, err, a.Steps)
		}
	}
	if look(key) || look(standIn) || d.Left() != 0 {
		t.Errorf("after the removal: %d are left", d.Left())
	}
	executortest.Ran(c.entry(t, c.Remove).Content)
}

// Cuts breaks the connection at every request, before and after its effect: what is claimed is true, the next attempt removes what it finds
// and succeeds, and a removal that is cut succeeds when it is repeated. No key is lost, and none is left.
func (c Cloud) Cuts(t *testing.T) {
	create, remove := c.Template(t, c.Create), c.Template(t, c.Remove)
	seen := map[executors.Outcome]int{}
	each := func(do func(n int, after bool) (whole bool)) {
		for n, whole := 1, false; !whole; n++ {
			whole = do(n, false)
			whole = do(n, true) && whole
		}
	}
	each(func(n int, after bool) bool {
		d := c.Open(t)
		d.BreakAt(n, after)
		a := d.Try(t, nil)
		outcome, err := create.Run(t.Context(), a.Session)
		seen[outcome]++
		whole := outcome == executors.Applied
		if !whole && executortest.ClassOf(err) != executors.ClassNetwork || (outcome == executors.NotStarted || outcome == executors.Rejected) && d.Left() != 0 || (a.Kept != "") != whole {
			t.Errorf("request %d, after %v: %s, %v, %d are there", n, after, outcome, err, d.Left())
		}
		d.BreakAt(0, false)
		if c.logsIn(t, a, standIn) { // what settling asks
			t.Error("the stand-in logs in")
		}
		if outcome, err := remove.Run(t.Context(), a.Session); outcome != executors.Applied || d.Left() != 0 {
			t.Fatalf("request %d, after %v: the removal: %s, %v, %d are left", n, after, outcome, err, d.Left())
		}
		again := d.Try(t, nil)
		c.Made(t, again)
		if !c.logsIn(t, again, secret.New([]byte(again.Kept))) {
			t.Error("the next attempt's key does not log in")
		}
		return whole
	})
	if seen[executors.Uncertain] < c.Uncertain {
		t.Errorf("the cuts did not reach all requests: %v", seen)
	}
	each(func(n int, after bool) bool {
		d := c.Open(t)
		a := d.Try(t, nil)
		c.Made(t, a)
		d.BreakAt(n, after)
		outcome, _ := remove.Run(t.Context(), a.Session)
		if outcome == executors.Applied && d.Left() != 0 {
			t.Errorf("removal cut at %d, after %v: applied, and %d are there", n, after, d.Left())
		}
		d.BreakAt(0, false)
		if outcome, err := remove.Run(t.Context(), a.Session); outcome != executors.Applied || d.Left() != 0 {
			t.Errorf("removal cut at %d, after %v, then repeated: %s, %v, %d are left", n, after, outcome, err, d.Left())
		}
		return outcome == executors.Applied
	})
}

// Case is something that a provider, or the executor itself, refuses.
type Case struct {
	Values  map[string]string
	Denied  string
	Keep    error
	Outcome executors.Outcome
	Class   executors.Class
	Says    string
}

// Refusals tries a creation that is refused: it is told by its class, and never claimed to be something else.
func (c Cloud) Refusals(t *testing.T, cases map[string]Case) {
	for name, e := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := c.Open(t)
			d.Denied[e.Denied] = true
			a := d.Try(t, e.Values)
			a.Refuse = e.Keep
			outcome, err := c.Template(t, c.Create).Run(t.Context(), a.Session)
			if outcome != e.Outcome || executortest.ClassOf(err) != e.Class || !strings.Contains(err.Error(), e.Says) {
				t.Errorf("%s, %v", outcome, err)
			}
			if (outcome == executors.NotStarted || outcome == executors.Rejected) && d.Left() != 0 || e.Class == executors.ClassTemplate && d.Requests() != 0 {
				t.Errorf("%s, %d are there after %d requests", outcome, d.Left(), d.Requests())
			}
		})
	}
}

// Permission takes permission away at every question: nothing more is sent.
func (c Cloud) Permission(t *testing.T) {
	for n := 0; ; n++ {
		d := c.Open(t)
		a := d.Try(t, nil)
		asked, then := 0, 0
		a.Before = func(string) error {
			if asked++; asked > n {
				then = d.Requests()
				return errors.New("the lease is lost")
			}
			return nil
		}
		outcome, err := c.Template(t, c.Create).Run(t.Context(), a.Session)
		if asked <= n {
			if n < c.Asked || outcome != executors.Applied {
				t.Errorf("asked %d times, then %s: %v", asked, outcome, err)
			}
			return
		}
		if executortest.ClassOf(err) != executors.ClassRefused || asked != n+1 || d.Requests() != then || n == 0 && then != 0 || outcome == executors.NotStarted && d.Left() != 0 {
			t.Errorf("refused at question %d: %s, %v, %d requests", n+1, outcome, err, d.Requests())
		}
	}
}

// Silent connects to a service that says nothing: at first, after the handshake, or from a later request on. It is told with what was
// waited for, and before a request left no login can have failed.
func (c Cloud) Silent(t *testing.T) {
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = port.Close() })
	for name, e := range map[string]struct {
		mute    bool // a port that takes connections
		at      int  // the request that is not answered
		outcome executors.Outcome
		spared  bool
	}{
		"a port":            {true, 0, executors.NotStarted, true},
		"the first request": {false, 1, executors.NotStarted, false},
		"a later request":   {false, 3, executors.Uncertain, false},
	} {
		d := c.Open(t)
		d.Do(func() { d.silent, d.over = e.at, make(chan struct{}) })
		a := d.Try(t, nil)
		a.ReadTimeout = 500 * time.Millisecond
		if dial := a.Dial; e.mute {
			a.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dial(ctx, network, port.Addr().String())
			}
		}
		outcome, err := c.Template(t, c.Create).Run(t.Context(), a.Session)
		if c.Signs && !e.mute {
			e.outcome = executors.Uncertain
		}
		close(d.over)
		if executortest.ClassOf(err) != executors.ClassTimeout || outcome != e.outcome || executors.IsSpared(err) != e.spared || !strings.Contains(err.Error(), ": no answer within 500ms") {
			t.Errorf("%s: %s, spared %t, %v", name, outcome, executors.IsSpared(err), err)
		}
	}
}

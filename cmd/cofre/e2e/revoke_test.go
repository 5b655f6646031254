package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// revocations is how many are tried: RULES 7 demands that all of them hold.
const revocations = 1000

// TestRevokedReadsNowhere: a secret read that is sent after the answer of a revocation is refused on every node, 1,000 of
// 1,000. The control: the same token reads on every node just before.
func TestRevokedReadsNowhere(t *testing.T) {
	c := StartNodes(t, 3, Setup{})
	c.Secrets()
	c.Credential("shared", "the-secret-of-revoke", nil)
	c.Must(http.MethodPost, "/api/v1/applications", map[string]any{"name": "apps"}, nil)
	const workers = 12
	admin, err := c.api.Token(t.Context(), c.list[0], c.api.admin)
	if err != nil {
		t.Fatal(err)
	}
	var before, after atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		name := fmt.Sprintf("a%d", w)
		r := &revoker{c: c, keys: c.Authorize("apps", name, "shared"), admin: admin, path: "/api/v1/applications/apps/authorizations/" + name + "/revoke", before: &before, after: &after}
		wg.Go(func() {
			for i := w; i < revocations; i += workers {
				if err := r.once(t.Context(), i); err != nil {
					t.Errorf("revocation %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d reads before and %d refusals after %d revocations", before.Load(), after.Load(), revocations)
	if before.Load() != 3*revocations || after.Load() != 3*revocations {
		t.Errorf("%d of %d reads succeeded before, %d were refused after", before.Load(), 3*revocations, after.Load())
	}
}

// revoker revokes the tokens of one authorization, one at a time or all at once.
type revoker struct {
	c             *Nodes
	keys          Keys
	admin         string // the administrator's token
	path          string // revokes all
	before, after *atomic.Int64
}

func (r *revoker) once(ctx context.Context, i int) error {
	nodes := r.c.list
	token, err := r.c.api.Token(ctx, nodes[i%3], r.keys)
	if err != nil {
		return err
	}
	for _, a := range r.everywhere(ctx, token) {
		if a.Status != http.StatusOK {
			return fmt.Errorf("the control failed: %d %s", a.Status, a.Reason())
		}
		r.before.Add(1)
	}
	path, by, args := "/iso/oauth2/revoke", "", any(url.Values{"token": {token}})
	if i%2 == 1 {
		path, by, args = r.path, r.admin, nil
	}
	a, err := r.c.api.Send(ctx, nodes[i/2%3], http.MethodPost, path, by, args)
	if err != nil {
		return err
	}
	if a.Status != http.StatusOK {
		return fmt.Errorf("%s: %d %s", path, a.Status, a.Reason())
	}
	for n, a := range r.everywhere(ctx, token) {
		if a.Status != http.StatusUnauthorized {
			return fmt.Errorf("%s handed out a secret after the answer, or failed: %d %s", nodes[n].ID, a.Status, a.Reason())
		}
		r.after.Add(1)
	}
	return nil
}

// everywhere asks all nodes at once. An answer that does not come has status 0.
func (r *revoker) everywhere(ctx context.Context, token string) []Answer {
	answers := make([]Answer, len(r.c.list))
	var wg sync.WaitGroup
	for i, n := range r.c.list {
		wg.Go(func() {
			a, err := r.c.api.Send(ctx, n, http.MethodGet, "/api/v1/credentials/shared/secret", token, nil)
			if err != nil {
				a = Answer{Body: []byte(err.Error())}
			}
			answers[i] = a
		})
	}
	wg.Wait()
	return answers
}

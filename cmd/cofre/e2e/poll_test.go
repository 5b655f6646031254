package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	pods  = 1000
	polls = 3 // of each
)

// TestAThousandPodsPoll: pods that poll the secrets of one application, each from an address of its own, cost no log entry while
// nothing changes. The control: their first read is audited, one by one.
func TestAThousandPodsPoll(t *testing.T) {
	c := StartNodes(t, 3, Setup{})
	c.Secrets()
	c.Must(http.MethodPost, "/api/v1/applications", map[string]any{"name": "shop"}, nil)
	var k Keys
	c.Must(http.MethodPost, "/api/v1/applications/shop/authorizations", map[string]any{"name": "prod", "system": "erp", "environment": "prod", "write": true,
		"modules": []string{"Application", "Secrets Management"}, "rights": []string{"secret.read", "credential.write"}}, &k)
	c.Must(http.MethodPost, "/api/v1/secrets", map[string]any{"identity": "db", "owner": map[string]string{"application": "shop", "authorization": "prod"}, "values": []map[string]string{{"name": "PASS", "value": "x"}}}, nil)
	token, err := c.api.Token(t.Context(), c.list[0], k)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]*pod, pods)
	for i := range all {
		all[i] = c.pod(i, token)
	}
	round := func(want int) (entries uint64, took []time.Duration) {
		before, mu := c.applied(), sync.Mutex{}
		var wg sync.WaitGroup
		atOnce := make(chan struct{}, 64)
		for _, p := range all {
			wg.Go(func() {
				atOnce <- struct{}{}
				defer func() { <-atOnce }()
				start := time.Now()
				if err := p.poll(t.Context(), want); err != nil {
					t.Error(err)
				}
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
			})
		}
		wg.Wait()
		slices.Sort(took)
		return c.applied() - before, took
	}
	first, slow := round(http.StatusOK)
	var events struct {
		Items []struct{} `json:"items"`
	}
	c.Must(http.MethodGet, "/api/v1/audit?kind=dsm.read&limit=1000", nil, &events)
	if len(events.Items) != pods || first < 10 || first > pods {
		t.Errorf("the control failed: %d first reads are %d entries and %d events", pods, first, len(events.Items))
	}
	var later uint64
	for range polls {
		n, took := round(http.StatusNotModified)
		later += n
		t.Logf("%d polls: %d entries, p50 %s, p99 %s", pods, n, took[pods/2], took[pods*99/100])
	}
	t.Logf("%d first reads: %d entries, p50 %s, p99 %s", pods, first, slow[pods/2], slow[pods*99/100])
	if later > 10 { // the counts of a minute, and what the cluster does by itself
		t.Errorf("%d polls that showed nothing are %d entries of the log", polls*pods, later)
	}
}

// pod polls a node from an address of its own: a source has a limit.
type pod struct {
	http       *http.Client
	url, token string
	tag        string
}

func (c *Nodes) pod(i int, token string) *pod {
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(i>>8), byte(i))}}
	transport := c.api.http.Transport.(*http.Transport).Clone()
	transport.DialContext, transport.TLSClientConfig.ClientSessionCache = from.DialContext, tls.NewLRUClientSessionCache(1)
	c.t.Cleanup(transport.CloseIdleConnections)
	return &pod{http: &http.Client{Transport: transport}, url: c.list[i%len(c.list)].url(), token: token}
}

func (p *pod) poll(ctx context.Context, want int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/iso/dapp/application", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	if p.tag != "" {
		r.Header.Set("If-None-Match", p.tag)
	}
	res, err := p.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if p.tag = res.Header.Get("ETag"); res.StatusCode != want || p.tag == "" {
		return fmt.Errorf("a poll got %d instead of %d, tag %q", res.StatusCode, want, p.tag)
	}
	return nil
}

// applied is the greatest log index that a node tells.
func (c *Nodes) applied() (index uint64) {
	c.t.Helper()
	for _, n := range c.list {
		res, err := c.api.http.Get(n.url() + "/health")
		if err != nil {
			c.t.Fatal(err)
		}
		_ = res.Body.Close()
		i, err := strconv.ParseUint(res.Header.Get("X-Applied-Index"), 10, 64)
		if err != nil {
			c.t.Fatal(err)
		}
		index = max(index, i)
	}
	return index
}

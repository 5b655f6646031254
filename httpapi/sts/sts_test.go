package sts

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

// The client of a node never reaches an address of this machine, of its links, or of the cluster, whatever the resolver
// says; the control is that others are not refused.
func TestEgress(t *testing.T) {
	t.Parallel()
	cluster := func(a string) bool { return a == "192.0.2.7" }
	for address, want := range map[string]bool{
		"127.0.0.1:443": true, "[::1]:443": true, "[::ffff:127.0.0.1]:443": true, "169.254.169.254:443": true, "[fe80::1]:443": true, "0.0.0.0:443": true, "192.0.2.7:443": true,
		"192.0.2.8:443": false, "[2001:db8::1]:443": false,
	} {
		if err := outside(address, cluster); errors.Is(err, errEgress) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	reached := false
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer s.Close()
	res, err := New(nil, nil).http.Get(s.URL)
	if err == nil {
		_ = res.Body.Close()
	}
	if !errors.Is(err, errEgress) || reached {
		t.Errorf("a server on this machine: %v, reached: %v", err, reached)
	}
}

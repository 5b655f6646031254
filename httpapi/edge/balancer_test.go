package edge_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/dghubble/oauth1"

	"cofre/httpapi/edge"
)

// A proxy that reads requests must leave the Host header alone: signed requests name the host that the client called. What a proxy, or a
// client through it, says in X-Forwarded-Host is not believed: a request that was signed for another server could be handed on so.
func TestSignedBehindProxies(t *testing.T) {
	t.Parallel()
	h := open(t, func(d *edge.Deps) { d.TrustedProxies = []string{"127.0.0.1"} })
	admin := h.token(h.admin)
	h.stock(admin)
	k := h.signing(admin, "old", legacyClient)
	h.authorize(admin, "jobs", strings.Replace(legacyClient, "legacy", "prod", 1))
	access, secret := h.awsPair(admin, "jobs", "prod")
	node, err := url.Parse(h.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for want, rewrite := range map[int]func(*httputil.ProxyRequest){
		200: func(r *httputil.ProxyRequest) {
			r.SetURL(node)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
		},
		401: func(r *httputil.ProxyRequest) {
			r.SetURL(node) // which writes the host too
			r.SetXForwarded()
		},
	} {
		proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: rewrite, Transport: h.server.Client().Transport, ErrorLog: log.New(io.Discard, "", 0)})
		t.Cleanup(proxy.Close)
		const address = "https://example.com/iso/pam/credential/web1-root?x=1" // which this client finds at the proxy
		config := oauth1.NewConfig(k.consumer, k.consumerSecret)
		res, err := config.Client(context.WithValue(t.Context(), oauth1.HTTPClient, proxy.Client()), oauth1.NewToken(k.token, k.tokenSecret)).Get(address)
		h.asked(res, err, want)
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: access, SecretAccessKey: secret}, r, hexSum(""), "cofre", "any", time.Now()); err != nil {
			t.Fatal(err)
		}
		res, err = proxy.Client().Do(r)
		h.asked(res, err, want)
	}
}

package aws_test

import (
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/cloud/aws"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// TestEmulator is a check by hand against an emulator that others wrote (docs/cloud.md): it knows users and keys, but neither policies nor
// signatures.
func TestEmulator(t *testing.T) {
	at := os.Getenv("COFRE_AWS_EMULATOR")
	if at == "" {
		t.Skip("COFRE_AWS_EMULATOR is the address of an emulator, such as http://127.0.0.1:42400")
	}
	to, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.URL.Path = "/iam/" // it tells the services apart by path
		if strings.Contains(r.In.Header.Get("Authorization"), "/sts/") {
			r.Out.URL.Path = "/sts/"
		}
	}}
	front := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "Action=ListAttachedUserPolicies") { // which it does not know: none are attached here
			_, _ = io.WriteString(w, "<ListAttachedUserPoliciesResponse/>")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	d := &double{}
	d.Server = front
	d.Values = map[string]string{"AUTH_USER": accountKey, "AUTH_PASSWORD": accountSecret}
	a := d.Try(t, map[string]string{"USERNAME": "app_emulated_1"})
	own, _ := url.Parse(front.URL)
	end := netip.MustParseAddrPort(own.Host)
	a.Target = model.Endpoint{Hostname: "example.com", Address: end.Addr().String(), Port: end.Port(), CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}))}
	create, err := engine.Compile("create-user\ncreate-access-key\n")
	if err != nil {
		t.Fatal(err)
	}
	if outcome, err := create.Run(t.Context(), a.Session); outcome != executors.Applied {
		t.Fatalf("%s: %v\n%s", outcome, err, a.Steps)
	}
	in, err := engine.Verify(t.Context(), a.Session, secret.New([]byte(a.Kept)))
	t.Logf("the new key: %v, %v\n%s", in, err, a.Steps)
	if !in || err != nil {
		t.Error("the new key does not log in")
	}
	remove := kit.Template(t, aws.RemoveTemplate)
	for range 2 {
		if outcome, err := remove.Run(t.Context(), a.Session); outcome != executors.Applied {
			t.Fatalf("%s: %v\n%s", outcome, err, a.Steps)
		}
	}
	resp, err := http.PostForm(at+"/iam/", url.Values{"Action": {"GetUser"}, "UserName": {"app_emulated_1"}, "Version": {"2010-05-08"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the emulator still has the user: %d %s", resp.StatusCode, body)
	}
}

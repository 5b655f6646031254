package authn_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"cofre/httpapi/authn"
	"cofre/vault/secret"
)

// officially signs with AWS's own library, and gives the request as a server gets it.
func officially(t *testing.T, method, address, body string, header map[string]string, at time.Time) *http.Request {
	t.Helper()
	out, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		out.Header.Set(k, v)
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: "COFRE1", SecretAccessKey: "s3cret"}, out, hex.EncodeToString(sum[:]), "cofre", "any", at); err != nil {
		t.Fatal(err)
	}
	var wire bytes.Buffer
	if err := out.Write(&wire); err != nil {
		t.Fatal(err)
	}
	in := httptest.NewRequest(method, address, strings.NewReader(body))
	in.Header, in.Host, in.RequestURI = out.Header.Clone(), out.Host, out.URL.RequestURI()
	return in
}

// What the official signer signs verifies: paths and queries with everything that is encoded, bodies, repeated blanks.
func TestAWS4OfficialSigner(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		method, address, body string
		header                map[string]string
	}{
		{"GET", "https://cofre.example.com/iso/pam/credential", "", nil},
		{"GET", "https://cofre.example.com:8443/iso/pam/credential/a%20b%2Fc%C3%BC+d?z=1&a=%C3%BC&a=2&b=a+b%26&empty&=x", "", nil},
		{"POST", "https://cofre.example.com/iso/pam/credential", `{"a":"ü"}`, map[string]string{"Content-Type": "application/json", "X-Cofre-Nonce": "  a   b "}},
		{"DELETE", "https://cofre.example.com/iso/pam/credential/a~b-c_d.e", "", map[string]string{"X-Amz-Content-Sha256": hexSum("")}},
	} {
		in := officially(t, c.method, c.address, c.body, c.header, now)
		a, err := authn.ParseAWS4(in, []byte(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.address, err)
			continue
		}
		if a.AccessKey != "COFRE1" || a.At.Std() != now || !a.Verify(secret.New([]byte("s3cret"))) {
			t.Errorf("%s %s does not verify", c.method, c.address)
		}
		if a.Verify(secret.New([]byte("s3creT"))) {
			t.Errorf("%s verifies with another secret", c.address)
		}
	}
}

func hexSum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// Whatever is changed on the way, or was left unsigned, is refused.
func TestAWS4Changed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	const address, body = "https://cofre.example.com/iso/pam/credential?a=1", "username=a"
	for name, change := range map[string]func(r *http.Request, body *string){
		"method":           func(r *http.Request, _ *string) { r.Method = "PUT" },
		"path":             func(r *http.Request, _ *string) { r.RequestURI = "/iso/pam/device?a=1" },
		"query":            func(r *http.Request, _ *string) { r.RequestURI += "&b=2" },
		"a name alone":     func(r *http.Request, _ *string) { r.RequestURI += "&b" },
		"bad query":        func(r *http.Request, _ *string) { r.RequestURI += "&b=%zz" },
		"host":             func(r *http.Request, _ *string) { r.Host = "other.example.com" },
		"body":             func(_ *http.Request, b *string) { *b += "x" },
		"type":             func(r *http.Request, _ *string) { r.Header.Set("Content-Type", "application/json") },
		"date":             func(r *http.Request, _ *string) { r.Header.Set("X-Amz-Date", "20261128T100001Z") },
		"day":              func(r *http.Request, _ *string) { r.Header.Set("X-Amz-Date", "20261129T100000Z") },
		"no date":          func(r *http.Request, _ *string) { r.Header.Del("X-Amz-Date") },
		"unsigned header":  func(r *http.Request, _ *string) { r.Header.Set("X-Amz-Security-Token", "t") },
		"unsigned payload": func(r *http.Request, _ *string) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") },
		"two headers":      func(r *http.Request, _ *string) { r.Header.Add("Authorization", r.Header.Get("Authorization")) },
		"service": func(r *http.Request, _ *string) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/cofre/", "/sts/", 1))
		},
		"unsorted": func(r *http.Request, _ *string) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "host;x-amz-date", "x-amz-date;host", 1))
		},
		"header dropped": func(r *http.Request, _ *string) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "content-type;", "", 1))
		},
	} {
		in := officially(t, "POST", address, body, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, now)
		b := body
		change(in, &b)
		if a, err := authn.ParseAWS4(in, []byte(b)); err == nil && a.Verify(secret.New([]byte("s3cret"))) {
			t.Errorf("%s: still verifies", name)
		}
	}
	in := officially(t, "POST", address, body, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, now)
	if a, err := authn.ParseAWS4(in, []byte(body)); err != nil || !a.Verify(secret.New([]byte("s3cret"))) {
		t.Errorf("unchanged: does not verify: %v", err)
	}
	_, _ = io.Copy(io.Discard, in.Body)
}

// Who encodes path and query no further than they are sent signs them so: curl before 8. The signature is one either way, so that it is not
// good again for a path that is written as the other way of signing writes this one.
func TestAWS4AsSent(t *testing.T) {
	t.Parallel()
	sign := func(path, query string) *http.Request { return signedByHand(path, query, "host", "x-amz-date") }
	verify := func(r *http.Request) (bool, string) {
		t.Helper()
		a, err := authn.ParseAWS4(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		return a.Verify(secret.New([]byte("s3cret"))), hex.EncodeToString(a.Mark())
	}
	one := sign("/iso/pam/credential/root@web1", "b=2&a=%20x&a")
	if good, _ := verify(one); !good {
		t.Error("what was signed as it was sent does not verify")
	}
	one.RequestURI = "/iso/pam/credential/root@web2?b=2&a=%20x&a"
	if again, _ := verify(one); again {
		t.Error("another path verifies")
	}
	first := sign("/iso/pam/credential/root%40web1", "") // the way of AWS writes /iso/pam/credential/root@web1 like this
	good, mark := verify(first)
	first.RequestURI = "/iso/pam/credential/root@web1"
	other, same := verify(first)
	if !good || other && mark != same {
		t.Errorf("verifies %v, and a second time %v as %v", good, other, mark == same)
	}
}

// signedByHand signs these headers only, and path and query as they are sent.
func signedByHand(path, query string, headers ...string) *http.Request {
	r := httptest.NewRequest("GET", "https://cofre.example.com"+path+"?"+query, nil)
	r.RequestURI = path + "?" + query
	r.Header.Set("X-Amz-Date", "20261128T100000Z")
	mac := func(key []byte, s string) []byte {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(s))
		return m.Sum(nil)
	}
	canonical := "GET\n" + path + "\n" + query + "\n"
	for _, name := range headers {
		canonical += name + ":" + map[string]string{"host": r.Host, "x-amz-date": r.Header.Get("X-Amz-Date")}[name] + "\n"
	}
	canonical += "\n" + strings.Join(headers, ";") + "\n" + hexSum("")
	key := []byte("AWS4s3cret")
	for _, part := range []string{"20261128", "any", "cofre", "aws4_request"} {
		key = mac(key, part)
	}
	signature := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n20261128T100000Z\n20261128/any/cofre/aws4_request\n"+hexSum(canonical)))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=COFRE1/20261128/any/cofre/aws4_request, SignedHeaders="+strings.Join(headers, ";")+", Signature="+signature)
	return r
}

// A good signature that leaves out for whom, or when, is none.
func TestAWS4LeftOut(t *testing.T) {
	t.Parallel()
	for _, headers := range [][]string{{"host"}, {"x-amz-date"}, {"x-amz-date", "host"}, {"host", "host", "x-amz-date"}, {"host", "x-amz-date"}} {
		a, err := authn.ParseAWS4(signedByHand("/iso/pam/device", "", headers...), nil)
		good := err == nil && a.Verify(secret.New([]byte("s3cret")))
		if want := len(headers) == 2 && headers[0] == "host"; good != want {
			t.Errorf("signed %v: %v, %v", headers, good, err)
		}
	}
}

package authn

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

// A parameter of the protocol stands once, wherever it stands.
func TestOAuth1Twice(t *testing.T) {
	t.Parallel()
	const header = `OAuth oauth_consumer_key="c",oauth_token="t",oauth_nonce="n",oauth_timestamp="1",oauth_signature_method="HMAC-SHA1",oauth_signature="YQ=="`
	for _, c := range []struct {
		query, form string
		good        bool
	}{{"", "", true}, {"a=1&a=2", "a=3", true}, {"oauth_nonce=n", "", false}, {"", "oauth_nonce=m", false}, {"oauth%5Fnonce=m", "", false}} {
		r := httptest.NewRequest("GET", "/x?"+c.query, nil)
		r.Header.Set("Authorization", header)
		if _, _, err := ParseOAuth1(r, c.form); (err == nil) != c.good {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestOAuth1Bounds: what is no OAuth 1.0, or would be kept without bound, is refused before any key is looked for.
func TestOAuth1Bounds(t *testing.T) {
	t.Parallel()
	parse := func(from, to string) (OAuth1, error) {
		t.Helper()
		header := `OAuth oauth_consumer_key="c",oauth_token="t",oauth_nonce="n",oauth_timestamp="1",oauth_version="1.0",oauth_signature_method="HMAC-SHA1",oauth_signature="YQ=="`
		r := httptest.NewRequest("GET", "/x", nil)
		r.Header.Set("Authorization", strings.Replace(header, from, to, 1))
		o, ok, err := ParseOAuth1(r, "")
		if !ok {
			t.Fatal("not seen")
		}
		return o, err
	}
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		from, to string
		good     bool
	}{
		{"", "", true}, {`,oauth_version="1.0"`, "", true}, {`"1.0"`, `"2.0"`, false}, {`"1.0"`, `"1.0a"`, false},
		{`timestamp="1"`, `timestamp="-1"`, false}, {`timestamp="1"`, fmt.Sprintf(`timestamp="%d"`, int64(1)<<40+1), false}, {`timestamp="1"`, `timestamp="9223372036854775807"`, false}, {`timestamp="1"`, `timestamp="soon"`, false},
		{`nonce="n"`, `nonce="` + long(256) + `"`, true}, {`nonce="n"`, `nonce="` + long(257) + `"`, false}, {`key="c"`, `key="` + long(257) + `"`, false}, {`token="t"`, `token="` + long(257) + `"`, false},
		{`nonce="n"`, `nonce=""`, false}, {`key="c"`, `key=""`, false}, {`token="t"`, `token=""`, false}, {`"YQ=="`, `""`, false}, {`"YQ=="`, `"?"`, false},
	} {
		if _, err := parse(c.from, c.to); (err == nil) != c.good {
			t.Errorf("%s instead of %s: %v", c.to, c.from, err)
		}
	}
	one, _ := parse("", "")
	for _, c := range [][2]string{{`token="t"`, `token="u"`}, {`nonce="n"`, `nonce="m"`}, {`timestamp="1"`, `timestamp="2"`}, {`"YQ=="`, `"Yg=="`}} {
		if other, err := parse(c[0], c[1]); err != nil || bytes.Equal(one.Mark(), other.Mark()) {
			t.Errorf("%s counts as the same use as %s (%v)", c[1], c[0], err)
		}
	}
}

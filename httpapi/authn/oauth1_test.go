package authn

import (
	"net/http/httptest"
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

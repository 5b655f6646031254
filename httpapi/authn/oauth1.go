package authn

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the protocol's HMAC-SHA1, which clients of the vendor still use
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// NonceWindow is how far a timestamp of OAuth 1.0 may be from the clock.
const NonceWindow = 300 * time.Second

// OAuth1 is a request that was signed as RFC 5849 says. Nothing of it is proven before Verify.
type OAuth1 struct {
	Consumer, Token string
	Method          string
	Nonce           string
	At              model.Time
	Signature       []byte
	InURL           bool      // the secrets themselves stand in the URL: PLAINTEXT in the query
	bases           [2]string // as sent, and over the lower-cased URL, as a known client signs it
}

const plaintext = "PLAINTEXT"

var errOAuth1 = model.Errorf(model.Unauthenticated, "Client authentication failed: the OAuth 1.0 parameters are incomplete or malformed")

// ParseOAuth1 reads the parameters from the Authorization header, else from the query or the form. ok is false when there
// are none. form is the body if it is one.
func ParseOAuth1(r *http.Request, form string) (o OAuth1, ok bool, err error) {
	var all [][2]string // decoded
	scheme, header, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	signed := strings.EqualFold(scheme, "OAuth") // in any case, as RFC 7235 says
	sources := []string{r.URL.RawQuery, form}
	if !signed && !strings.Contains(r.URL.RawQuery, "oauth_consumer_key=") && !strings.Contains(form, "oauth_consumer_key=") {
		return o, false, nil
	}
	if signed {
		if all, err = headerParams(header); err != nil {
			return o, true, err
		}
	}
	for _, s := range sources {
		for _, pair := range strings.Split(s, "&") {
			if pair == "" {
				continue
			}
			k, v, _ := strings.Cut(pair, "=")
			name, err1 := url.QueryUnescape(k)
			value, err2 := url.QueryUnescape(v)
			if err1 != nil || err2 != nil {
				return o, true, errOAuth1
			}
			all = append(all, [2]string{name, value})
		}
	}
	one := map[string]string{}
	for _, p := range all {
		if !strings.HasPrefix(p[0], "oauth_") {
			continue
		}
		if _, twice := one[p[0]]; twice {
			return o, true, errOAuth1
		}
		one[p[0]] = p[1]
	}
	if v := one["oauth_version"]; v != "" && v != "1.0" {
		return o, true, errOAuth1
	}
	seconds, err := strconv.ParseInt(one["oauth_timestamp"], 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return o, true, errOAuth1
	}
	o = OAuth1{Consumer: one["oauth_consumer_key"], Token: one["oauth_token"], Method: strings.ToUpper(one["oauth_signature_method"]), Nonce: one["oauth_nonce"], At: model.Time(seconds * 1000)}
	if o.Consumer == "" || o.Token == "" || o.Nonce == "" || max(len(o.Consumer), len(o.Token), len(o.Nonce)) > 256 {
		return o, true, errOAuth1
	}
	if o.Method == plaintext {
		o.Signature, o.InURL = []byte(one["oauth_signature"]), r.URL.Query().Has("oauth_signature")
		return o, true, nil
	}
	if o.Signature, err = base64.StdEncoding.DecodeString(strings.TrimSpace(one["oauth_signature"])); err != nil || len(o.Signature) == 0 {
		return o, true, errOAuth1
	}
	path, _, _ := strings.Cut(r.RequestURI, "?") // as it was sent: routing writes r.URL anew
	address := "https://" + strings.TrimSuffix(strings.ToLower(r.Host), ":443") + path
	for i, u := range []string{address, strings.ToLower(address)} {
		o.bases[i] = r.Method + "&" + percent(u) + "&" + percent(normalized(all))
	}
	return o, true, nil
}

// headerParams reads name="value" pairs with commas between them; blanks around a value are not part of it.
func headerParams(h string) ([][2]string, error) {
	var all [][2]string
	for _, part := range strings.Split(h, ",") {
		k, v, ok := strings.Cut(part, "=")
		v = strings.TrimSpace(v)
		if !ok || len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' {
			return nil, errOAuth1
		}
		name, err1 := url.PathUnescape(strings.TrimSpace(k))
		value, err2 := url.PathUnescape(v[1 : len(v)-1])
		if err1 != nil || err2 != nil {
			return nil, errOAuth1
		}
		if name != "realm" {
			all = append(all, [2]string{name, value})
		}
	}
	return all, nil
}

// normalized joins the parameters as RFC 5849 3.4.1.3.2 says, without the signature.
func normalized(all [][2]string) string {
	var pairs [][2]string
	for _, p := range all {
		if p[0] != "oauth_signature" {
			pairs = append(pairs, [2]string{percent(p[0]), percent(p[1])})
		}
	}
	slices.SortStableFunc(pairs, func(a, b [2]string) int {
		if c := strings.Compare(a[0], b[0]); c != 0 {
			return c
		}
		return strings.Compare(a[1], b[1])
	})
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[0] + "=" + p[1])
	}
	return b.String()
}

// percent encodes as RFC 5849 3.6 says: all but unreserved characters, in upper-case hexadecimal.
func percent(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// Verify compares the signature in constant time. PLAINTEXT must be allowed by the cluster's setting.
func (o OAuth1) Verify(consumer, token secret.Value, allowPlaintext bool) bool {
	match := false
	err := consumer.Reveal(func(c []byte) error {
		return token.Reveal(func(t []byte) error {
			key := []byte(percent(string(c)) + "&" + percent(string(t)))
			defer clear(key)
			match = o.matches(key, allowPlaintext)
			return nil
		})
	})
	return err == nil && match
}

func (o OAuth1) matches(key []byte, allowPlaintext bool) bool {
	var make func() hash.Hash
	switch o.Method {
	case "HMAC-SHA1":
		make = sha1.New
	case "HMAC-SHA256":
		make = sha256.New
	case plaintext:
		return subtle.ConstantTimeCompare(o.Signature, key) == 1 && allowPlaintext
	default:
		return false
	}
	match := false
	for _, base := range o.bases {
		m := hmac.New(make, key)
		m.Write([]byte(base))
		match = hmac.Equal(m.Sum(nil), o.Signature) || match
	}
	return match
}

// Mark identifies the use of a nonce: a client that repeats one within a second signs something else with it.
func (o OAuth1) Mark() []byte {
	h := sha256.New()
	for _, s := range []string{o.Token, o.Nonce, strconv.FormatInt(int64(o.At), 10), string(o.Signature)} {
		h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	return h.Sum(nil)
}

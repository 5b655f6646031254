package authn

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// ring is a key ring whose newest key is the last.
type ring struct {
	keys       []ed25519.PrivateKey
	asked      int
	generation uint32
}

func newRing(n int) *ring {
	r := &ring{}
	for i := range n {
		r.keys = append(r.keys, ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%032d", i))))
	}
	return r
}

func (r *ring) Sign(_ string, m []byte) (uint32, []byte, error) {
	return uint32(len(r.keys)), ed25519.Sign(r.keys[len(r.keys)-1], m), nil
}

func (r *ring) Public(_ string, id uint32) (ed25519.PublicKey, error) {
	r.asked++
	if id == 0 || int(id) > len(r.keys) {
		return nil, model.Errorf(model.NotFound, "no key")
	}
	return r.keys[id-1].Public().(ed25519.PublicKey), nil
}

func (r *ring) Generation() uint32 { return r.generation }

// A verified token is not verified again while its key stays; when keys may have been withdrawn, it is.
func TestWithdrawnKey(t *testing.T) {
	t.Parallel()
	r := newRing(1)
	tok := NewTokens(r, cluster("c1"))
	text := issue(t, tok)
	if _, err := tok.Verify(text, noon); err != nil {
		t.Fatal(err)
	}
	r.keys = nil
	if _, err := tok.Verify(text, noon); err != nil {
		t.Errorf("the control: a verified token was verified again: %v", err)
	}
	r.generation++
	if _, err := tok.Verify(text, noon); err == nil {
		t.Error("a token whose key was withdrawn is good")
	}
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func cluster(id model.ClusterID) func() model.ClusterID {
	return func() model.ClusterID { return id }
}

func reveal(v secret.Value) (s string) {
	_ = v.Reveal(func(b []byte) error { s = string(b); return nil })
	return s
}

func issue(t testing.TB, tok *Tokens) string {
	t.Helper()
	v, _, err := tok.Issue(Claims{Subject: "auth1", Epoch: 3}, DefaultTTL, noon)
	if err != nil {
		t.Fatal(err)
	}
	return reveal(v)
}

func TestTokenOfAnotherLibrary(t *testing.T) {
	t.Parallel()
	keys := newRing(2)
	raw := issue(t, NewTokens(keys, cluster("c1")))
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	body, err := jws.Verify(keys.keys[1].Public())
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(body, &c); err != nil {
		t.Fatal(err)
	}
	if c["sub"] != "auth1" || c["aud"] != "c1" || c["epoch"] != 3.0 || c["exp"].(float64)-c["iat"].(float64) != 3600 || jws.Signatures[0].Protected.KeyID != "2" {
		t.Errorf("%v", c)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	keys := newRing(1)
	tokens := NewTokens(keys, cluster("c1"))
	good := issue(t, tokens)
	parts := strings.Split(good, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	forge := func(header string) string { return b64([]byte(header)) + "." + parts[1] + "." + parts[2] }
	hs, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(keys.keys[0].Public().(ed25519.PublicKey))}, (&jose.SignerOptions{}).WithHeader("kid", "1"))
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	signed, err := hs.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	confused, _ := signed.CompactSerialize()
	for name, c := range map[string]struct {
		token   string
		at      time.Time
		cluster model.ClusterID
		ok      bool
	}{
		"good":                    {good, noon.Add(59 * time.Minute), "c1", true},
		"slightly early":          {good, noon.Add(-30 * time.Second), "c1", true},
		"expired":                 {good, noon.Add(time.Hour), "c1", false},
		"from the future":         {good, noon.Add(-time.Hour), "c1", false},
		"of another cluster":      {good, noon, "c2", false},
		"empty":                   {"", noon, "c1", false},
		"garbage":                 {"a.b.c", noon, "c1", false},
		"long":                    {strings.Repeat("a", 5000), noon, "c1", false},
		"no algorithm":            {forge(`{"alg":"none","kid":"1"}`), noon, "c1", false},
		"no signature":            {parts[0] + "." + parts[1] + ".", noon, "c1", false},
		"HMAC by the public key":  {confused, noon, "c1", false},
		"unknown key":             {forge(`{"alg":"EdDSA","kid":"9"}`), noon, "c1", false},
		"no key id":               {forge(`{"alg":"EdDSA"}`), noon, "c1", false},
		"other claims, same sign": {parts[0] + "." + b64([]byte(strings.Replace(string(payload), "auth1", "auth2", 1))) + "." + parts[2], noon, "c1", false},
	} {
		fresh := NewTokens(keys, cluster(c.cluster))
		for range 2 { // the second time out of the cache
			claims, err := fresh.Verify(c.token, c.at)
			if (err == nil) != c.ok || !c.ok && !model.Is(err, model.Unauthenticated) {
				t.Errorf("%s: %v", name, err)
			}
			if c.ok && (claims.Subject != "auth1" || claims.Epoch != 3) {
				t.Errorf("%s: %+v", name, claims)
			}
		}
	}
	// A hot token costs no signature check, and still ends.
	before := keys.asked
	for range 10 {
		if _, err := tokens.Verify(good, noon); err != nil {
			t.Fatal(err)
		}
	}
	if keys.asked != before+1 {
		t.Errorf("the key was fetched %d times", keys.asked-before)
	}
	if c, err := tokens.Identify(good); err != nil || c.Subject == "" {
		t.Errorf("whose token it is does not depend on a clock: %v", err)
	}
	if _, err := tokens.Verify(good, noon.Add(2*time.Hour)); err == nil {
		t.Error("a cached token outlives its end")
	}
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	keys := newRing(1)
	tokens := NewTokens(keys, cluster("c1"))
	old := issue(t, tokens)
	keys.keys = append(keys.keys, newRing(2).keys[1])
	fresh := NewTokens(keys, cluster("c1"))
	for _, tok := range []string{old, issue(t, tokens)} {
		if _, err := fresh.Verify(tok, noon); err != nil {
			t.Error(err)
		}
	}
	for _, ttl := range []time.Duration{0, -1, MaxTTL + 1} {
		if _, _, err := tokens.Issue(Claims{Subject: "a", Epoch: 1}, ttl, noon); !model.Is(err, model.Invalid) {
			t.Errorf("ttl %s: %v", ttl, err)
		}
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trusted   []string
		peer      string
		forwarded []string
		want      string
	}{
		"nobody is trusted":      {nil, "10.0.0.1:5", []string{"1.2.3.4"}, "10.0.0.1"},
		"an untrusted peer":      {[]string{"10.0.0.2"}, "10.0.0.1:5", []string{"1.2.3.4"}, "10.0.0.1"},
		"a trusted proxy":        {[]string{"10.0.0.0/8"}, "10.0.0.1:5", []string{"6.6.6.6, 1.2.3.4"}, "1.2.3.4"},
		"two proxies":            {[]string{"10.0.0.0/8"}, "10.0.0.1:5", []string{"6.6.6.6, 1.2.3.4", "10.0.0.9"}, "1.2.3.4"},
		"two lines":              {[]string{"10.0.0.0/8"}, "10.0.0.1:5", []string{"6.6.6.6", "1.2.3.4"}, "1.2.3.4"},
		"all of them proxies":    {[]string{"10.0.0.0/8"}, "10.0.0.1:5", []string{"10.0.0.7"}, "10.0.0.7"},
		"no header":              {[]string{"10.0.0.0/8"}, "10.0.0.1:5", nil, "10.0.0.1"},
		"garbage ends the trust": {[]string{"10.0.0.0/8"}, "10.0.0.1:5", []string{"1.2.3.4, x"}, "10.0.0.1"},
		"with ports":             {[]string{"10.0.0.0/8"}, "10.0.0.1:5", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		"IPv4 in IPv6":           {[]string{"10.0.0.1"}, "[::ffff:10.0.0.1]:5", []string{"::ffff:1.2.3.4"}, "1.2.3.4"},
		"a prefix in IPv6":       {[]string{"::ffff:10.0.0.0/104"}, "10.0.0.1:5", []string{"1.2.3.4"}, "1.2.3.4"},
		"outside of it":          {[]string{"::ffff:10.0.0.0/104"}, "11.0.0.1:5", []string{"1.2.3.4"}, "11.0.0.1"},
		"zones":                  {[]string{"fe80::/10"}, "[fe80::1%eth0]:5", []string{"fe80::2%eth1, 2001:db8::1"}, "2001:db8::1"},
	} {
		s, err := NewSources(c.trusted)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.forwarded
		if got := s.Of(r).String(); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if _, err := NewSources([]string{"all"}); err == nil {
		t.Error("a trusted proxy that is no address was accepted")
	}
	if a, b := Network(Peer("2001:db8::1")), Network(Peer("2001:db8::ffff:2")); a != b {
		t.Errorf("one /64 counts as two: %s %s", a, b)
	}
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	l := NewLimiter(Rate{PerSecond: 0.5, Burst: 2}, 2)
	for i, want := range []bool{true, true, false, false} {
		if err := l.Allow("a", noon); (err == nil) != want {
			t.Errorf("request %d: %v", i, err)
		}
	}
	err := l.Allow("a", noon)
	var e *model.Error
	if !errors.As(err, &e) || e.Kind != model.Limited || e.RetryAfter != 2 {
		t.Errorf("%v", err)
	}
	if err := l.Allow("b", noon); err != nil {
		t.Errorf("another key: %v", err)
	}
	if err := l.Allow("a", noon.Add(2*time.Second)); err != nil {
		t.Errorf("after Retry-After: %v", err)
	}
	quick := NewLimiter(Rate{PerSecond: 10, Burst: 2}, 2) // also where the next one is due within a second
	for i, want := range []bool{true, true, false} {
		if err := quick.Allow("a", noon); (err == nil) != want {
			t.Errorf("request %d of a quick one: %v", i, err)
		}
	}
	_ = l.Allow("c", noon)
	if n := l.keys.order.Len(); n != 2 || len(l.keys.index) != 2 {
		t.Errorf("%d keys are kept", n)
	}
}

// TestATokenHasOneText: the last letter of a part has bits that mean nothing, and a decoder skips line breaks.
func TestATokenHasOneText(t *testing.T) {
	t.Parallel()
	keys := newRing(1)
	good := issue(t, NewTokens(keys, cluster("c1")))
	other := strings.Replace(good, "fQ.", "fS.", 1)
	if other == good {
		t.Fatal("the header ends with another letter")
	}
	for _, text := range []string{other, good[:9] + "\n" + good[9:], good + "="} {
		if _, err := NewTokens(keys, cluster("c1")).Verify(text, noon); err == nil {
			t.Errorf("%q is taken for a token", text)
		}
	}
}

// FuzzVerify: what is taken for a token was signed, and so by whoever issues them.
func FuzzVerify(f *testing.F) {
	keys := newRing(1)
	good := issue(f, NewTokens(keys, cluster("c1")))
	if _, err := NewTokens(keys, cluster("c1")).Verify(good, noon); err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := NewTokens(keys, cluster("c1")).Verify(token, noon); err != nil {
			return
		}
		dot := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
		if err != nil || !ed25519.Verify(keys.keys[0].Public().(ed25519.PublicKey), []byte(token[:dot]), signature) {
			t.Fatalf("%q is taken for a token: %v", token, err)
		}
	})
}

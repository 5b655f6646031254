package authn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// AWS4 is a request that was signed by AWS Signature Version 4, in its header. Nothing of it is proven before Verify.
type AWS4 struct {
	AccessKey string
	At        model.Time
	scope     string    // date/region/service/aws4_request
	texts     [2]string // what was signed: as AWS says, and with path and query as they were sent, as curl signed before it encoded them
	signature []byte
}

// Credential of an Authorization header, and how X-Amz-Date is written.
const (
	aws4Algorithm = "AWS4-HMAC-SHA256"
	aws4Time      = "20060102T150405Z"
	aws4Service   = "cofre"
)

var (
	aws4Header = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/,\s]{1,128})/([0-9]{8})/([a-z0-9-]{1,64})/([a-z0-9-]{1,64})/aws4_request, ?SignedHeaders=([a-z0-9;_-]+), ?Signature=([0-9a-f]{64})$`)

	errAWS4     = model.Errorf(model.Unauthenticated, "Client authentication failed: the signature of AWS Signature Version 4 is incomplete or malformed")
	errAWS4Body = model.Errorf(model.Unauthenticated, "Client authentication failed: sign the body's SHA-256; UNSIGNED-PAYLOAD and signed chunks are not accepted")
)

// SignedHeader is a header of AWS Signature Version 4, taken apart.
type SignedHeader struct {
	AccessKey, Date, Region, Service string
	Headers                          []string // names of what was signed, in order
	Signature                        []byte
}

// ParseSignedHeader reads the value of an Authorization header; ok is false if it is none of AWS Signature Version 4.
func ParseSignedHeader(value string) (h SignedHeader, ok bool, err error) {
	value = strings.TrimSpace(value)
	if !strings.HasPrefix(value, aws4Algorithm) {
		return h, false, nil
	}
	m := aws4Header.FindStringSubmatch(value)
	if m == nil {
		return h, true, errAWS4
	}
	h = SignedHeader{AccessKey: m[1], Date: m[2], Region: m[3], Service: m[4], Headers: strings.Split(m[5], ";")}
	if !slices.IsSorted(h.Headers) || len(slices.Compact(slices.Clone(h.Headers))) != len(h.Headers) {
		return h, true, errAWS4
	}
	h.Signature, err = hex.DecodeString(m[6])
	return h, true, err
}

// Moment reads X-Amz-Date and compares its day with the scope.
func (h SignedHeader) Moment(date string) (model.Time, error) {
	at, err := time.Parse(aws4Time, date)
	if err != nil || date[:8] != h.Date {
		return 0, errAWS4
	}
	return model.TimeOf(at), nil
}

// IsAWS4 tells whether a request is signed so.
func IsAWS4(r *http.Request) bool {
	return strings.HasPrefix(strings.TrimSpace(r.Header.Get("Authorization")), aws4Algorithm)
}

// ParseAWS4 reads the signature of a request with this body.
func ParseAWS4(r *http.Request, body []byte) (a AWS4, err error) {
	h, ok, err := ParseSignedHeader(r.Header.Get("Authorization"))
	if err != nil || !ok || len(r.Header.Values("Authorization")) != 1 {
		return a, errAWS4
	}
	if h.Service != aws4Service {
		return a, model.Errorf(model.Unauthenticated, "Client authentication failed: sign for the service %s", aws4Service)
	}
	if a.At, err = h.Moment(r.Header.Get("X-Amz-Date")); err != nil {
		return a, err
	}
	must := []string{"host", "x-amz-date"} // a known client signs no content-type
	for name := range r.Header {
		if l := strings.ToLower(name); strings.HasPrefix(l, "x-amz-") {
			must = append(must, l)
		}
	}
	for _, name := range must {
		if !slices.Contains(h.Headers, name) {
			return a, model.Errorf(model.Unauthenticated, "Client authentication failed: host and every x-amz-* header must be signed")
		}
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if said := r.Header.Get("X-Amz-Content-Sha256"); said != "" && said != hash {
		return a, errAWS4Body
	}
	path, query, _ := strings.Cut(r.RequestURI, "?") // as it was sent: routing writes r.URL anew
	pairs, err := queryPairs(query)
	if err != nil {
		return a, err
	}
	var text strings.Builder
	for _, name := range h.Headers {
		values := slices.Clone(r.Header.Values(name))
		switch name {
		case "host":
			values = []string{r.Host}
		case "content-length":
			values = []string{strconv.Itoa(len(body))}
		}
		if len(values) == 0 {
			return a, errAWS4
		}
		for i, v := range values {
			values[i] = strings.Join(strings.Fields(v), " ")
		}
		text.WriteString(name + ":" + strings.Join(values, ",") + "\n")
	}
	text.WriteString("\n" + strings.Join(h.Headers, ";") + "\n" + hash)
	a.AccessKey, a.signature = h.AccessKey, h.Signature
	a.scope = h.Date + "/" + h.Region + "/" + h.Service + "/aws4_request"
	for i, address := range []string{encodedAgain(path) + "\n" + normalized(pairs), path + "\n" + query} {
		canonical := sha256.Sum256([]byte(r.Method + "\n" + address + "\n" + text.String()))
		a.texts[i] = aws4Algorithm + "\n" + r.Header.Get("X-Amz-Date") + "\n" + a.scope + "\n" + hex.EncodeToString(canonical[:])
	}
	return a, nil
}

// encodedAgain encodes a path that is encoded already once more, as all services but one are signed.
func encodedAgain(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = percent(s)
	}
	return strings.Join(segments, "/")
}

func queryPairs(query string) ([][2]string, error) {
	var all [][2]string
	for _, pair := range strings.Split(query, "&") {
		if pair == "" {
			continue
		}
		k, v, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(k)
		value, err2 := url.QueryUnescape(v)
		if err1 != nil || err2 != nil {
			return nil, errAWS4
		}
		all = append(all, [2]string{name, value})
	}
	return all, nil
}

// Verify compares the signature in constant time.
func (a AWS4) Verify(s secret.Value) bool {
	match := false
	err := s.Reveal(func(b []byte) error {
		key := append([]byte("AWS4"), b...)
		defer func() { clear(key) }()
		for _, part := range strings.Split(a.scope, "/") {
			m := hmac.New(sha256.New, key)
			m.Write([]byte(part))
			clear(key)
			key = m.Sum(nil)
		}
		for _, text := range a.texts {
			m := hmac.New(sha256.New, key)
			m.Write([]byte(text))
			match = hmac.Equal(m.Sum(nil), a.signature) || match
		}
		return nil
	})
	return err == nil && match
}

// Mark identifies what was signed, by the signature: it is good once, also for another request of which one text is the same.
func (a AWS4) Mark() []byte {
	h := sha256.Sum256(a.signature)
	return h[:]
}

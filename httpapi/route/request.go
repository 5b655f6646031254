package route

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
)

// Request is one request as a handler sees it.
type Request struct {
	HTTP   *http.Request
	ID     string
	Origin model.Origin
	Actor  model.Actor // who asks; the zero Actor on public routes
	At     model.Time  // this node's clock when it arrived

	route   *Route
	params  map[string]string
	query   url.Values
	names   []string // of the fields that were sent, as far as they are documented
	secrets bool     // secrets may stand in the URL
	inputs  []*compat.Input

	more     Needs // than the route says
	withheld func(error) error
}

// Need says that this call needs more than every call of the route.
func (r *Request) Need(n Needs) { r.more = n }

// Withheld is for handlers that answer errors about several objects: who lacks what the route needs is told that instead.
func (r *Request) Withheld(err error) error { return r.withheld(err) }

// Param is a parameter of the path, decoded.
func (r *Request) Param(name string) string { return r.params[name] }

// Former tells whether the client speaks as with the vendor's former releases, whose prefix was /iso; /api came later.
func (r *Request) Former() bool { return strings.HasPrefix(strings.ToLower(r.HTTP.URL.Path), "/iso/") }

// Switch writes a switch as the vendor's releases do that have the prefix of this request: below /iso "0" or "1", below /api a
// boolean.
func (r *Request) Switch(on bool) any {
	switch {
	case !r.Former():
		return on
	case on:
		return "1"
	}
	return "0"
}

// Query is a parameter of the query; "" if it was not sent.
func (r *Request) Query(name string) string { return r.query.Get(name) }

// Known lists the entity tags of the If-None-Match header, without quotes: readings that the client has. "*" is none of
// them, because it names no reading.
func (r *Request) Known() []string {
	var tags []string
	for _, line := range r.HTTP.Header.Values("If-None-Match") {
		for t := range strings.SplitSeq(line, ",") {
			t = strings.TrimPrefix(strings.TrimSpace(t), "W/")
			if len(t) > 2 && t[0] == '"' && t[len(t)-1] == '"' {
				tags = append(tags, t[1:len(t)-1])
			}
		}
	}
	return tags
}

// Queries are the values of a parameter of the query that may be repeated.
func (r *Request) Queries(name string) []string { return r.query[name] }

// QueryNumber is a whole number in the query between 0 and limit; otherwise what was not sent counts as def.
func (r *Request) QueryNumber(name string, def, limit uint64) (uint64, error) {
	s := r.Query(name)
	if s == "" {
		return def, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > limit {
		return 0, model.Errorf(model.Invalid, "%s must be a whole number up to %d", name, limit).WithField(name)
	}
	return n, nil
}

// QueryBool is a switch in the query; false if it was not sent.
func (r *Request) QueryBool(name string) (bool, error) {
	switch r.Query(name) {
	case "", "false", "0":
		return false, nil
	case "true", "1":
		return true, nil
	}
	return false, model.Errorf(model.Invalid, "%s must be true or false", name).WithField(name)
}

// QuerySpan is a span in the query such as 30s, cut at limit.
func (r *Request) QuerySpan(name string, limit time.Duration) (time.Duration, error) {
	s := r.Query(name)
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, model.Errorf(model.Invalid, "%s must be a span such as 30s", name).WithField(name)
	}
	return min(d, limit), nil
}

// maxRepeats is how often a parameter of the query may be repeated.
const maxRepeats = 32

func (r *Request) body() ([]byte, error) {
	return compat.ReadBody(r.HTTP, r.route.maxBody())
}

// Input decodes a request to one of the vendor's routes; it is wiped when the request ends.
func (r *Request) Input() (*compat.Input, error) {
	body, err := r.body()
	if err != nil {
		return nil, err
	}
	in, err := compat.Decode(r.HTTP, body, compat.DecodeOptions{RefuseSecretsInURL: !r.secrets, IgnoreBody: r.HTTP.Method == http.MethodDelete})
	if err != nil {
		return nil, err
	}
	r.inputs = append(r.inputs, in)
	r.remember(in.Names())
	return in, nil
}

// Bind decodes the body of a management call strictly.
func (r *Request) Bind(dst any) error {
	body, err := r.body()
	if err != nil {
		return err
	}
	return compat.Bind(body, dst)
}

// remember notes names for the access log: only documented ones, because a misplaced body may become a name.
func (r *Request) remember(names []string) {
	for _, n := range names {
		known := slices.ContainsFunc(r.route.Doc.Fields, func(f Field) bool { return f.Name == n })
		if known && !slices.Contains(r.names, n) {
			r.names = append(r.names, n)
		}
	}
}

// ignored tells what the client sent and had no effect, in the vendor's dialect, whose clients may send anything: a field of a put, or a
// filter of a read that shows everything.
func (r *Request) ignored() string {
	var names []string
	if r.HTTP.Method == http.MethodDelete {
		return ""
	}
	if len(r.inputs) == 0 {
		for _, name := range slices.Sorted(maps.Keys(r.query)) {
			names = append(names, strings.ToLower(name))
		}
	}
	for _, in := range r.inputs {
		names = append(names, in.Unasked()...)
	}
	return compat.NotKnown(names, func(name string) bool {
		return name == "consistency" || slices.ContainsFunc(r.route.Doc.Fields, func(f Field) bool { return strings.EqualFold(f.Name, name) })
	})
}

func (r *Request) wipe() {
	for _, in := range r.inputs {
		in.Wipe()
	}
}

// readQuery decodes the query; management routes take documented parameters only.
func (r *Request) readQuery() error {
	q, err := url.ParseQuery(r.HTTP.URL.RawQuery)
	strict := r.route.Dialect == compat.Management || r.route.Dialect == compat.Second
	if err != nil && strict {
		return model.Errorf(model.Invalid, "malformed query").WithField("query")
	}
	if r.query = q; !strict {
		r.query = r.spelt(q)
	}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		values := q[name]
		r.remember([]string{name})
		if !strict {
			continue
		}
		at := slices.IndexFunc(r.route.Doc.Fields, func(f Field) bool { return f.Name == name && f.In == "query" })
		if at < 0 && name != "consistency" {
			return model.Errorf(model.Invalid, "unknown query parameter %s", compat.FieldName(name)).WithField(compat.FieldName(name))
		}
		repeats := at >= 0 && r.route.Doc.Fields[at].Type == "array" && len(values) <= maxRepeats
		for _, v := range values {
			if len(values) > 1 && !repeats || !utf8.ValidString(v) || len(v) > maxParam {
				return model.Errorf(model.Invalid, "%s must be sent once, as at most %d bytes of UTF-8", name, maxParam).WithField(name)
			}
		}
	}
	return nil
}

// spelt names parameters as they are documented, in whatever case they came. Of one that came again the last counts.
func (r *Request) spelt(q url.Values) url.Values {
	out := url.Values{}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		values := q[name]
		if at := slices.IndexFunc(r.route.Doc.Fields, func(f Field) bool { return strings.EqualFold(f.Name, name) }); at >= 0 {
			name = r.route.Doc.Fields[at].Name
		}
		out[name] = values[len(values)-1:]
	}
	return out
}

type requestKey struct{}

func requestOf(ctx context.Context) *Request {
	r, _ := ctx.Value(requestKey{}).(*Request)
	return r
}

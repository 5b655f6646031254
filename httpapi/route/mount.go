package route

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/sirupsen/logrus"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
)

// Options are what the handler needs from the house.
type Options struct {
	Node         func() model.NodeID
	Source       func(*http.Request) netip.Addr
	Admit        func(source netip.Addr, at time.Time) error // the rate of a source
	Ready        func() error                                // why no authenticated request can be served; nil: it can
	Authenticate func(r *http.Request, from model.Origin, at time.Time, maxBody int64) (model.Actor, error)
	Permit       func(a model.Actor, at model.Time, n Needs) error                       // refuses who lacks what a route needs
	Fresh        func(context.Context) error                                             // waits for everything that was committed before
	Applied      func() uint64                                                           // log index that this replica has applied; nil: not shown
	Note         func(reason, source string)                                             // a denial at the edge; nil: not counted
	Concurrent   int                                                                     // requests at work at once
	Sealer       func(model.Actor) (*compat.Sealer, error)                               // encrypts what an answer shows to the client; nil: nothing is encrypted
	Rate         func(source netip.Addr, at time.Time) (limit, left int, full time.Time) // what is left of a source's rate; nil: not shown
	SecretsInURL bool                                                                    // secrets may stand in a URL
	Refusals     Refusals                                                                // nil: no limit
	Logger       *logrus.Logger
}

// Refusals is how often one request may be refused to one client. A refusal that the reducer decides is a log entry and an event of
// the trail, so a program that repeats what it may not do would fill both; what else its application does is not held up by it.
type Refusals interface {
	Check(request string, at time.Time) error
	Allow(request string, at time.Time) error
}

// timeout is how long an ordinary request may take: the life of a command (RULES 2).
const timeout = 30 * time.Second

type server struct {
	Options
	engine  *gin.Engine
	paths   *tree
	work    chan struct{} // ordinary requests
	waiting chan struct{} // long polls: they do not take the place of ordinary ones
}

var (
	errPath   = &compat.Error{Status: http.StatusNotFound, Code: 4, Err: model.Errorf(model.NotFound, "Resource sub not found")}
	errMethod = &compat.Error{Status: http.StatusMethodNotAllowed, Code: 4, Err: model.Errorf(model.Invalid, "the method is not allowed on this path")}
	errBusy   = &model.Error{Kind: model.Limited, Msg: "Too many requests at once", RetryAfter: 1}
)

// Mount checks the routes and puts them behind one handler.
func Mount(o Options, routes []Route) (http.Handler, error) {
	gin.SetMode(gin.ReleaseMode)
	s := &server{Options: o, engine: gin.New(), paths: &tree{}, work: make(chan struct{}, o.Concurrent), waiting: make(chan struct{}, o.Concurrent)}
	s.engine.UseRawPath, s.engine.RedirectTrailingSlash, s.engine.HandleMethodNotAllowed = true, false, true
	seen := map[string]bool{}
	for i := range routes {
		r := &routes[i]
		if err := r.check(); err != nil {
			return nil, err
		}
		for _, p := range r.Paths() {
			if key := r.Method + " " + ginPath(p); seen[key] {
				return nil, fmt.Errorf("route %s is declared twice", key)
			} else {
				seen[key] = true
			}
			s.paths.add(p)
			names := params(p)
			s.engine.Handle(r.Method, ginPath(p), func(c *gin.Context) { s.serve(c, r, names) })
			if r.heads() {
				s.engine.Handle(http.MethodHead, ginPath(p), func(c *gin.Context) { s.serve(c, r, names) })
			}
		}
	}
	s.engine.NoMethod(func(c *gin.Context) { s.fail(c, nil, requestOf(c.Request.Context()), errMethod) })
	s.engine.NoRoute(func(c *gin.Context) {
		s.fail(c, nil, requestOf(c.Request.Context()), unknown(c.Request.URL.EscapedPath()))
	})
	return s, nil
}

// ServeHTTP gives the request its id and finds its declared path before gin dispatches it.
func (s *server) ServeHTTP(w http.ResponseWriter, h *http.Request) {
	started := time.Now()
	var id [8]byte
	_, _ = rand.Read(id[:])
	source := s.Source(h)
	r := &Request{ID: hex.EncodeToString(id[:]), Origin: origin(h, source.String()), At: model.TimeOf(started)}
	defer r.wipe()
	rec := &recorder{ResponseWriter: w}
	rec.Header().Set("X-Cofre-Request-Id", r.ID)
	rec.Header().Set("X-Cofre-Node", string(s.Node()))
	path, values := s.paths.find(split(h.URL.EscapedPath()), nil)
	defer s.log(h.Method, path, rec, r, started)
	defer s.recovered(rec, r, path)
	admitted := s.Admit(source, started)
	if dialectOf(path) == compat.Second {
		s.second(rec.Header(), r, source)
	}
	if err := admitted; err != nil {
		s.write(rec, dialectOf(path), r, err)
		return
	}
	h = h.WithContext(context.WithValue(h.Context(), requestKey{}, r))
	r.HTTP = h
	if path != "" {
		u := *h.URL
		u.Path = canonical(path, values)
		u.RawPath = u.Path // gin matches escaped segments, so that an escaped slash stays inside its parameter
		h.URL = &u
		r.params = map[string]string{}
		for i, name := range params(path) {
			r.params[name] = values[i]
		}
	}
	s.engine.ServeHTTP(rec, h)
}

// second writes the headers that every answer of the vendor's second version has.
func (s *server) second(h http.Header, r *Request, source netip.Addr) {
	h.Set("X-Request-Id", r.ID)
	if s.Rate == nil {
		return
	}
	limit, left, full := s.Rate(source, r.At.Std())
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(full.Unix(), 10))
}

// dialectOf is how errors are written where no route decided.
func dialectOf(path string) compat.Dialect {
	switch {
	case strings.HasPrefix(path, "/api/v1"):
		return compat.Management
	case strings.HasPrefix(path, "/api/v2"):
		return compat.Second
	case strings.Contains(path, "/oauth2/"):
		return compat.OAuth
	}
	return compat.Vendor
}

func (s *server) serve(c *gin.Context, route *Route, names []string) {
	r := requestOf(c.Request.Context())
	r.HTTP, r.route, r.secrets = c.Request, route, s.SecretsInURL
	r.withheld = func(err error) error { return s.withheld(r, err) }
	pool, limit := s.work, timeout
	if route.Waits > 0 {
		pool, limit = s.waiting, route.Waits+5*time.Second
	}
	select {
	case pool <- struct{}{}:
		defer func() { <-pool }()
	default:
		s.fail(c, route, r, errBusy)
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), limit)
	defer cancel()
	reply, err := s.handle(ctx, r, names)
	if err != nil {
		err = r.withheld(err)
		s.refused(r, err)
		s.fail(c, route, r, err)
		return
	}
	// Asked after the handler: what was committed for this answer is applied here, so a key that was set before counts.
	if route.Auth == Authenticated && s.Sealer != nil {
		if reply.Sealer, err = s.Sealer(r.Actor); err != nil {
			reply.Wipe()
			s.fail(c, route, r, err)
			return
		}
	}
	if s.Applied != nil {
		c.Header("X-Applied-Index", strconv.FormatUint(s.Applied(), 10))
	}
	switch route.Dialect {
	case compat.Second:
		reply.Known = r.Known()
	case compat.Vendor:
		reply.Detail = compat.Hints(reply.Detail, r.ignored())
	}
	if err := reply.Write(c.Writer, route.Dialect); err != nil {
		s.entry(r).WithError(err).Warn("the answer was not written")
		if reply.File != nil {
			panic(http.ErrAbortHandler) // the client must not take it for whole
		}
	}
}

func (s *server) handle(ctx context.Context, r *Request, names []string) (compat.Reply, error) {
	for _, name := range names {
		v, err := unescapeParam(name, r.params[name])
		if err != nil {
			return compat.Reply{}, err
		}
		r.params[name] = v
	}
	if r.route.Auth == Authenticated {
		if err := s.Ready(); err != nil {
			return compat.Reply{}, err
		}
		actor, err := s.Authenticate(r.HTTP, r.Origin, r.At.Std(), r.route.maxBody())
		if err != nil {
			return compat.Reply{}, err
		}
		r.Actor = actor
		if s.Refusals != nil {
			if err := s.Refusals.Check(repeated(r), r.At.Std()); err != nil {
				return compat.Reply{}, err
			}
		}
	}
	if err := r.readQuery(); err != nil {
		return compat.Reply{}, err
	}
	if err := s.catchUp(ctx, r); err != nil {
		return compat.Reply{}, err
	}
	return r.route.Handle(ctx, r)
}

// refused counts a request that was refused to an authenticated client.
func (s *server) refused(r *Request, err error) {
	if s.Refusals != nil && r.Actor.Kind == model.ActorClient && (model.Is(err, model.Denied) || model.HasCode(err, 1009)) {
		_ = s.Refusals.Allow(repeated(r), r.At.Std()) // what is beyond the rate is told to the next request
	}
}

// repeated names what a client asks for: whoever asks for the same again is refused again.
func repeated(r *Request) string {
	return string(r.Actor.Authorization) + " " + r.HTTP.Method + " " + r.HTTP.URL.Path
}

// withheld gives who lacks what the route needs that refusal instead of an error about an object, so that it is the same
// whether the object exists or not. It comes behind the handler: a refusal of the reducer names in the trail who was refused.
func (s *server) withheld(r *Request, err error) error {
	if r.route.Auth != Authenticated || r.Actor.Kind != model.ActorClient || !(model.Is(err, model.Invalid) || model.Is(err, model.NotFound) || model.Is(err, model.Conflict)) {
		return err
	}
	for _, n := range []Needs{r.route.Doc.Needs, r.more} {
		if denied := s.Permit(r.Actor, r.At, n); denied != nil {
			return denied
		}
	}
	return err
}

// catchUp serves ?consistency=strong: the answer holds everything that was committed before the request.
func (s *server) catchUp(ctx context.Context, r *Request) error {
	if r.route.Auth != Authenticated || r.route.Method != http.MethodGet {
		return nil
	}
	switch r.query.Get("consistency") {
	case "", "default":
		return nil
	case "strong":
		return s.Fresh(ctx)
	}
	return model.Errorf(model.Invalid, "consistency is strong or default").WithField("consistency")
}

func (s *server) fail(c *gin.Context, route *Route, r *Request, err error) {
	d := dialectOf(strings.ToLower(c.Request.URL.Path))
	if route != nil {
		d = route.Dialect
	}
	s.write(c.Writer, d, r, err)
}

func (s *server) write(w http.ResponseWriter, d compat.Dialect, r *Request, err error) {
	f := compat.Fail(err, d, r.ID)
	if f.Kind == model.Internal {
		s.entry(r).WithError(err).Error("internal error")
	}
	if reason := denial(f, err); reason != "" && s.Note != nil {
		s.Note(reason, r.Origin.Source)
	}
	if err := f.Write(w, d); err != nil {
		s.entry(r).WithError(err).Debug("the error was not written")
	}
}

// denial tells why a request was refused to who asks; "" if it failed for another reason. The vendor answers 400 and 1009
// where the object belongs to others.
func denial(f compat.Failure, err error) string {
	switch {
	case slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests}, f.Status):
		return fmt.Sprintf("%d %s", f.Status, f.Kind)
	case model.HasCode(err, 1009):
		return fmt.Sprintf("%d %s", f.Status, model.Denied)
	}
	return ""
}

// recovered turns a panic into an answer. The value of a panic may hold anything, so only its type and the stack, which
// holds addresses, are logged.
func (s *server) recovered(w *recorder, r *Request, path string) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	s.entry(r).WithField("type", fmt.Sprintf("%T", p)).WithField("stack", string(debug.Stack())).Error("a handler panicked")
	if w.status == 0 {
		s.write(w, dialectOf(path), r, model.Errorf(model.Internal, "a handler panicked"))
	}
}

func (s *server) entry(r *Request) *logrus.Entry {
	return s.Logger.WithFields(logrus.Fields{"request": r.ID, "source": r.Origin.Source})
}

// log writes the access log: names of documented parameters, never a value. What went well is told on demand only: the audit trail has every
// read and change of a secret, and a journal that takes thousands of lines a second drops those that matter.
func (s *server) log(method, path string, w *recorder, r *Request, started time.Time) {
	level := logrus.DebugLevel
	if w.status >= http.StatusBadRequest {
		level = logrus.InfoLevel
	}
	if !s.Logger.IsLevelEnabled(level) {
		return
	}
	fields := logrus.Fields{
		"request": r.ID, "source": r.Origin.Source, "method": knownMethod(method), "route": path, "status": w.status, "duration_ms": time.Since(started).Milliseconds(),
	}
	if r.Actor.Authorization != "" {
		fields["authorization"] = string(r.Actor.Authorization)
	}
	if len(r.names) > 0 {
		slices.Sort(r.names)
		fields["parameters"] = strings.Join(r.names, ",")
	}
	s.Logger.WithFields(fields).Log(level, "request")
}

func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodHead, http.MethodOptions, http.MethodPatch:
		return m
	}
	return "other"
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

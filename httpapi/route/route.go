package route

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/model"
	"cofre/httpapi/compat"
)

// Requirement is who may call a route. The zero value is refused at start: forgetting is found by the first test.
type Requirement uint8

// The requirements.
const (
	Public        Requirement = iota + 1 // anybody, limits apply
	Authenticated                        // a valid access token; what it permits is decided by the service and the reducer
)

// Needs is what every call of a route asks of a caller, whatever it is about: what is not Public says so. The decision is that
// of the service and the reducer, on the object; this one keeps an error from telling others whether an object exists.
type Needs struct {
	Module  model.Module
	Write   bool
	Right   model.Right
	own     bool // less for what is the caller's own
	nothing bool
}

// Nothing is needed beyond a valid token.
var Nothing = Needs{nothing: true}

// Reads needs a module and a right; "" is none.
func Reads(m model.Module, r model.Right) Needs { return Needs{Module: m, Right: r} }

// Writes needs write permission besides.
func Writes(m model.Module, r model.Right) Needs { return Needs{Module: m, Write: true, Right: r} }

// OrOwn needs less for what is the caller's own.
func (n Needs) OrOwn() Needs {
	n.own = true
	return n
}

// String says it for people.
func (n Needs) String() string {
	var parts []string
	if n.Module != "" {
		parts = append(parts, "module "+string(n.Module))
	}
	if n.Write {
		parts = append(parts, "write")
	}
	if n.Right != "" {
		parts = append(parts, "`"+string(n.Right)+"`")
	}
	if n.own {
		parts = append(parts, "less for what is the caller's own")
	}
	return strings.Join(parts, ", ")
}

// NoEvent is the Event of routes that neither read a secret nor change anything.
const NoEvent = "none"

// Handler answers one request.
type Handler func(ctx context.Context, r *Request) (compat.Reply, error)

// Route is one thing that the API can do.
type Route struct {
	Method  string
	Path    string   // parameters in braces; below /iso the route exists below /api too
	Aliases []string // other paths with the same parameters
	Auth    Requirement
	Dialect compat.Dialect
	Event   string        // kind of the audit event that the call leaves, or NoEvent
	MaxBody int64         // 0: compat.MaxBody
	Waits   time.Duration // 0: an ordinary request; else a long poll of at most this
	Doc     Doc
	Handle  Handler
}

// Field documents one parameter, body field or answer field.
type Field struct {
	Name     string
	In       string // "query", "body" (a form, JSON or query field of the vendor's routes); "" in answers
	Type     string // "string" when empty, "integer", "boolean", "array", "object"
	Required bool
	Text     string
}

// Doc is what people read about a route; the OpenAPI document is made from it.
type Doc struct {
	Tag     string
	Summary string
	Text    string
	Fields  []Field // query parameters of management routes; every field of the vendor's
	Body    any     // management: the struct that is bound
	Status  int     // of success; 0: 200
	Returns any     // a struct, or []Field: what stands in the answer
	Binary  string  // media type of an answer that is a file
	CSV     bool    // the answer may be asked for as CSV too: ListReply
	Needs   Needs   // enforced where an error could tell something, too
}

// Paths lists every path of the route, its own first.
func (r *Route) Paths() []string {
	var all []string
	for _, p := range append([]string{r.Path}, r.Aliases...) {
		all = append(all, p)
		if rest, ok := strings.CutPrefix(p, "/iso/"); ok {
			all = append(all, "/api/"+rest)
		}
	}
	return all
}

func (r *Route) check() error {
	name := r.Method + " " + r.Path
	switch {
	case r.Auth != Public && r.Auth != Authenticated:
		return fmt.Errorf("route %s does not say who may call it", name)
	case r.Auth == Authenticated && !r.Doc.Needs.nothing && r.Doc.Needs.Module == "" && r.Doc.Needs.Right == "":
		return fmt.Errorf("route %s does not say what a caller needs", name)
	case r.Dialect < compat.Vendor || r.Dialect > compat.Second:
		return fmt.Errorf("route %s has no dialect", name)
	case r.Event != NoEvent && audit.Find(r.Event) == nil:
		return fmt.Errorf("route %s names the unknown audit event %q", name, r.Event)
	case r.Handle == nil || r.Doc.Summary == "" || r.Doc.Tag == "":
		return fmt.Errorf("route %s lacks a handler or its documentation", name)
	case !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}, r.Method):
		return fmt.Errorf("route %s has an unknown method", name)
	}
	for _, p := range r.Paths() {
		if !strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") {
			return errors.New("route " + name + " has a malformed path")
		}
	}
	return nil
}

// heads tells whether HEAD is answered as GET is, without the body. Where GET reads or issues a secret it is not (405): HEAD is sent by
// probes and prefetchers, whose call would take custody, start the change that follows a read, and stand in the trail as a read of who saw nothing.
func (r *Route) heads() bool { return r.Method == http.MethodGet && r.Event == NoEvent }

// maxBody is the greatest body that the route takes.
func (r *Route) maxBody() int64 {
	if r.MaxBody == 0 {
		return compat.MaxBody
	}
	return r.MaxBody
}

// params lists the names of the parameters in a path.
func params(path string) []string {
	var names []string
	for _, s := range strings.Split(path, "/") {
		if strings.HasPrefix(s, "{") {
			names = append(names, strings.Trim(s, "{}"))
		}
	}
	return names
}

// Params lists the names of the route's path parameters.
func (r *Route) Params() []string { return params(r.Path) }

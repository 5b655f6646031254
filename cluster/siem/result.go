package siem

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/model"
)

// Wanted selects the events that a receiver of results is told.
type Wanted struct {
	// Events are kinds of events; a trailing * stands for the rest. Default: operation.finished and operation.cancelled.
	Events []string `yaml:"events"`
	// Outcomes limits the ends of operations to succeeded, failed or cancelled; empty: every one.
	Outcomes []string `yaml:"outcomes"`
	// Modules limits operations to those of some modules, such as PAM Core; empty: every one.
	Modules []string `yaml:"modules"`
	// Requesters limits operations to those that some authorizations asked for, each named APPLICATION/NAME or by its id; empty: every
	// one, also those that nobody asked for.
	Requesters []string `yaml:"requesters"`
}

func (w Wanted) withDefaults() Wanted {
	if len(w.Events) == 0 {
		w.Events = []string{audit.OperationFinished.Kind, audit.OperationCancelled.Kind}
	}
	return w
}

func (w Wanted) matches(e *audit.Event) bool {
	if o := outcome(e); len(w.Outcomes) > 0 && o != "" && !slices.Contains(w.Outcomes, o) {
		return false
	}
	if len(w.Modules) > 0 && !slices.Contains(w.Modules, e.Field("module")) {
		return false
	}
	if len(w.Requesters) > 0 && !slices.ContainsFunc(w.Requesters, func(r string) bool {
		return r != "" && (r == e.Field("requester") || r == e.Field("requested_by"))
	}) {
		return false
	}
	return slices.ContainsFunc(w.Events, func(p string) bool { return matchesKind(p, e.Kind) })
}

// outcome is how an operation ended; "" for events that are not the end of one.
func outcome(e *audit.Event) string {
	switch state := e.Field("state"); {
	case e.Kind == audit.OperationCancelled.Kind, e.Kind == audit.OperationFinished.Kind && state == model.OpCancelled.String():
		return cancelled
	case e.Kind != audit.OperationFinished.Kind:
		return ""
	case state == model.OpSucceeded.String():
		return succeeded
	}
	return failed
}

// The outcomes.
const (
	succeeded = "succeeded"
	failed    = "failed"
	cancelled = "cancelled"
)

func matchesKind(pattern, kind string) bool {
	if start, any := strings.CutSuffix(pattern, "*"); any {
		return strings.HasPrefix(kind, start)
	}
	return pattern == kind
}

func (w Wanted) validate() (errs []error) {
	for _, p := range w.Events {
		if !slices.ContainsFunc(audit.Catalogue(), func(d *audit.Def) bool { return matchesKind(p, d.Kind) }) {
			errs = append(errs, fmt.Errorf("no event is called %q: see docs/audit-events.md", p))
		}
	}
	for _, s := range w.Outcomes {
		if s != succeeded && s != failed && s != cancelled {
			errs = append(errs, fmt.Errorf("an outcome is succeeded, failed or cancelled, not %q", s))
		}
	}
	for _, m := range w.Modules {
		if !slices.Contains(model.OperationModules, m) {
			errs = append(errs, fmt.Errorf("the modules that have operations are %s, not %q", strings.Join(model.OperationModules, ", "), m))
		}
	}
	if slices.Contains(w.Requesters, "") {
		errs = append(errs, errors.New("a requester is APPLICATION/NAME of an authorization, or its id"))
	}
	return errs
}

// results is a sink whose receiver answers. It remembers what the receiver took of a batch that failed half way,
// so that a slow receiver gets on.
type results struct {
	taken   positions       // everything up to there was dealt with
	done    map[uint64]bool // dealt with, of the batch at work
	refused *refusals
	// deliver hands over events in order and tells how many of them were taken.
	deliver func(ctx context.Context, events []audit.Event) (int, error)
	aside   func(e *audit.Event, err error) // is told what the receiver will never get
	note    func(string)                    // is told what does not work, although the receiver gets what it is sent; "": all does
	close   func()
}

func newResults(deliver func(ctx context.Context, events []audit.Event) (int, error), close func()) *results {
	return &results{taken: positions{}, done: map[uint64]bool{}, refused: &refusals{since: map[uint64]time.Time{}}, deliver: deliver, aside: func(*audit.Event, error) {}, note: func(string) {}, close: close}
}

// Settled is true: a receiver of results answers.
func (r *results) Settled() (bool, error) { return true, nil }

// Close gives idle connections back.
func (r *results) Close() error {
	r.close()
	return nil
}

var errEgress = errors.New("the name leads to this machine, a link-local address or the cluster: write the address itself if that is meant")

// dialer connects to the host of the configuration and nowhere else (RULES 10). The address that a name leads to is judged
// when the socket is made for it, so that a second answer of the resolver changes nothing.
func (o Options) dialer(host string) *net.Dialer {
	if _, err := netip.ParseAddr(host); err == nil {
		return &net.Dialer{}
	}
	return &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if a := to.Addr().Unmap(); a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a.IsMulticast() || o.Refuse != nil && o.Refuse(a.String()) {
			return errEgress
		}
		return nil
	}}
}

// secretFile reads the lines of a file with a secret. It is read again for each batch: secrets are renewed in place.
func secretFile(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	if info.Mode().Perm()&0o027 != 0 {
		return nil, fmt.Errorf("the secret in %s can be read by others or written by its group: chmod 0600", path)
	}
	if info.Size() > 4096 {
		return nil, fmt.Errorf("the secret in %s is longer than 4096 bytes", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	var lines []string
	for l := range strings.Lines(string(b)) {
		if l = strings.TrimRight(l, "\r\n"); l != "" {
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s holds no secret", path)
	}
	return lines, nil
}

// testKind is the kind of a made-up event, which stands in no trail.
const testKind = "receiver.test"

// Test sends one made-up event to a receiver of results, beside what it is told, and gives the receiver's refusal. The
// cursor stays where it is.
func (f *Forwarder) Test(ctx context.Context, name string) error {
	open, ok := f.tests[name]
	if !ok {
		return model.Errorf(model.NotFound, "no webhook or mail of this node is called %s: cofre status lists the receivers", name)
	}
	s, err := open()
	if err != nil {
		return model.Errorf(model.Invalid, "%v", err)
	}
	defer s.close()
	hash := make([]byte, 32)
	_, _ = rand.Read(hash) // never fails
	e := audit.Event{At: model.TimeOf(time.Now()), Node: f.o.Node, Kind: testKind, Severity: audit.Info, Actor: model.ActorOperator, Hash: hash}
	if _, err := s.deliver(ctx, []audit.Event{e}); err != nil {
		return model.Errorf(model.Unavailable, "%v", err)
	}
	return nil
}

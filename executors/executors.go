// Package executors is the contract between the runner and the engines that change secrets on targets.
//
// An Executor compiles a template once; the Program runs it against one target and says what it did as an Outcome
// that may be trusted: NotStarted and Rejected mean that the target still has the old secret, Applied that it has
// the new one, and everything that cannot be known is Uncertain, the zero value. Errors are *Failure and transcripts
// are model.Step; both are free of secrets. Sockets are opened only through Session.Dial. The runner and the
// template commands may call executors; executors know nothing of state, keys or cluster. See DESIGN.md.
package executors

import (
	"context"
	"net"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Outcome is what an attempt did to the target.
type Outcome = model.Outcome

// The outcomes.
const (
	Uncertain  = model.OutcomeUncertain
	NotStarted = model.OutcomeNotStarted
	Rejected   = model.OutcomeRejected
	Applied    = model.OutcomeApplied
)

// Executor is the engine for one protocol.
type Executor interface {
	// Name is the stable name in templates and operations.
	Name() model.ExecutorName
	// Compile prepares a template. It is pure; errors are *mask.Error with line and column. Which tags a template of a kind
	// may use is not its matter: others call the function Compile.
	Compile(source string) (Program, error)
}

// Compile checks a template of a kind with its executor. Only templates for secrets of applications may use tags outside the
// list, which are keys of the secret.
func Compile(e Executor, kind model.TemplateKind, source string) (Program, error) {
	if err := notText(source); err != nil {
		return nil, err
	}
	p, err := e.Compile(source)
	if err != nil {
		return nil, err
	}
	if kind != model.TemplateAutomation {
		if err := mask.Foreign(source, p.Masks(), string(model.TemplateAutomation)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// notText names the first place of a template that is no UTF-8.
func notText(source string) error {
	line, start := 1, 0
	for i, r := range source {
		if _, n := utf8.DecodeRuneInString(source[i:]); r == utf8.RuneError && n == 1 {
			return &mask.Error{Line: line, Column: i - start + 1, Msg: "expected text in UTF-8"}
		}
		if r == '\n' {
			line, start = line+1, i+1
		}
	}
	return nil
}

// Notices lists remarks for the author of a template of a kind.
func Notices(p Program, kind model.TemplateKind) []string {
	all := slices.Clone(p.Notices())
	if kind == model.TemplateChange && !slices.Contains(p.Masks(), mask.NewPassword) {
		all = append(all, "[#NEW_PASSWORD#] stands nowhere: a change by this template changes nothing")
	}
	return all
}

// Program is a compiled template. It may run many times, also at once.
type Program interface {
	// Masks lists the names that the template needs.
	Masks() []mask.Name
	// Notices lists remarks for the author, such as quotes that were replaced.
	Notices() []string
	// Run makes one attempt. The error is nil exactly when the outcome is Applied, and is a *Failure otherwise.
	Run(ctx context.Context, s Session) (Outcome, error)
}

// KeyProgram is a Program for credentials that are SSH keys: NEW_PASSWORD is a private key, of which only the public half reaches
// the target. Errors are *Failure.
type KeyProgram interface {
	Program
	// Add makes the target accept the new key besides all that it accepts; adding again changes nothing.
	Add(ctx context.Context, s Session) error
	// Withdraw makes the target accept the old public keys no more, provided that it accepts the new one.
	Withdraw(ctx context.Context, s Session, old []string) error
}

// Connectivity is an Executor whose port a device may list under other names than the executor's own in upper case.
type Connectivity interface{ Protocols() []string }

// Estate is an Executor for a service that has several hosts: a device stands for all of it.
type Estate interface {
	// Belongs tells whether another host is a part of the service that the device with this host name stands for. The list is closed and
	// of names: the runner's Dialer lets an attempt reach port 443 of those, under the same rules as the device.
	Belongs(hostname, host string) bool
}

// Verifier is an Executor, or a Program, that can prove a secret by a login.
type Verifier interface {
	// Verify logs in as USERNAME with a secret, once, over a fresh connection: true when the target let us in,
	// false when it said that the secret is wrong, an error when it could not be told.
	Verify(ctx context.Context, s Session, with secret.Value) (bool, error)
}

// VerifierOf finds who proves a secret: a Program that can, because its template says how to log in, else the executor.
func VerifierOf(e Executor, p Program) (Verifier, bool) {
	if v, ok := p.(Verifier); ok {
		return v, true
	}
	v, ok := e.(Verifier)
	return v, ok
}

// ManagerVerifier is a Program that changes accounts of one place on its target, while who manages them is known at another.
type ManagerVerifier interface {
	// ManagerVerifier proves the login of a manager, as USERNAME.
	ManagerVerifier() Verifier
}

// Carrier is a Program that sends new secrets through places that do not carry every character, such as a command line.
type Carrier interface {
	// Carries tells why a new secret cannot be sent as the template says; nil if it can. It sends nothing.
	Carries(fresh secret.Value) error
}

// Judge is a Program that can ask its target whether AUTH_USER may do what it does, for dry runs. It changes nothing there.
type Judge interface {
	// May logs in as AUTH_USER and asks: whether the target would allow it, and why in a few words. An error means that it cannot
	// be told, which is no statement about the right.
	May(ctx context.Context, s Session) (allowed bool, why string, err error)
}

// Lister is an Executor, or a Program, that can list the accounts of its target. It changes nothing there.
type Lister interface {
	// Accounts logs in as AUTH_USER and lists the names of accounts that begin with a prefix, in whatever case, MaxAccounts at
	// most; more tells that there are others.
	Accounts(ctx context.Context, s Session, prefix string) (names []string, more bool, err error)
}

// MaxAccounts is how many accounts a Lister lists.
const MaxAccounts = 50_000

// ListerOf finds who lists accounts: a Program that can, because its template says how to connect, else the executor.
func ListerOf(e Executor, p Program) (Lister, bool) {
	if l, ok := p.(Lister); ok {
		return l, true
	}
	l, ok := e.(Lister)
	return l, ok
}

// Dialer opens a connection; the runner's applies the egress rules of RULES 10. A connection that is a syscall.Conn, as
// the net package's are, lets the SSH executor ask for immediate acknowledgements, which saves 40 ms of each login.
type Dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// Keeper commits a secret that the target has just made, in place of a NEW_PASSWORD that Cofre made: a Program calls it before it does
// anything else. After an error nobody has the secret, and the attempt ends: whoever comes next removes it at the target by its name.
type Keeper func(ctx context.Context, made secret.Value) error

// Transcript takes the steps of an attempt, free of secrets.
type Transcript interface{ Step(model.Step) }

// Session is what a Program may use during one attempt.
type Session struct {
	Target         model.Endpoint
	Resolve        mask.Resolver
	Managed        bool // AUTH_USER is of another credential than the account, whatever its name
	Dial           Dialer
	Sessions       *Sessions               // sessions of AUTH_USER that wait for the next attempt; nil: each logs in
	Trace          Transcript              // nil: no transcript
	Capture        *Capture                // takes what the target says; nil: nobody wants it
	Entered        func()                  // told when AUTH_USER is logged in; nil: nobody wants to know
	Keep           Keeper                  // commits a secret that the target made; nil: nobody could
	Before         func(step string) error // asked before connecting and before each writing step: may we still? nil: yes
	ConnectTimeout time.Duration           // 0: the executor's default
	ReadTimeout    time.Duration           // 0: the executor's default
}

// Address is host:port of the target.
func (s Session) Address(defaultPort uint16) string {
	port := s.Target.Port
	if port == 0 {
		port = defaultPort
	}
	return net.JoinHostPort(s.Target.Address, strconv.Itoa(int(port)))
}

// Reading bounds how long an answer is waited for: the device's read timeout, or what is usual for the executor.
func (s Session) Reading(ctx context.Context, usual time.Duration) (context.Context, context.CancelFunc) {
	if s.ReadTimeout > 0 {
		usual = s.ReadTimeout
	}
	return context.WithTimeout(ctx, usual)
}

// Enter notes in the transcript that AUTH_USER is logged in. What fails from here on is no failing login.
func (s Session) Enter(how model.Step) {
	s.Trace.Step(how)
	s.Entered()
}

// Guard returns the session as an executor uses it: every secret that is resolved through it is known to the
// Redactor, and Trace and Before may be called without asking whether they are set.
func (s Session) Guard() (Session, *Redactor) {
	r := &Redactor{}
	if s.Capture != nil {
		r.also = &s.Capture.red
	}
	resolve := s.Resolve
	s.Resolve = func(n mask.Name) (secret.Value, error) {
		v, err := resolve(n)
		if err == nil && n.Secret() {
			r.Add(v)
		}
		return v, err
	}
	trace := s.Trace
	s.Trace = transcriptFunc(func(step model.Step) {
		if trace != nil {
			step.Error, step.Matched = r.Text(step.Error), r.Text(step.Matched)
			trace.Step(step)
		}
	})
	if s.Before == nil {
		s.Before = func(string) error { return nil }
	}
	if s.Entered == nil {
		s.Entered = func() {}
	}
	return s, r
}

type transcriptFunc func(model.Step)

func (f transcriptFunc) Step(s model.Step) { f(s) }

// CatalogueEntry is a template that Cofre ships.
type CatalogueEntry struct {
	Name     string
	Executor model.ExecutorName
	Kind     model.TemplateKind
	Content  string
}

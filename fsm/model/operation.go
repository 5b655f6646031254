package model

import "slices"

// OperationKind is what an operation does, with the contract's canonical names (product.md 1.3).
type OperationKind string

// The kinds of this release.
const (
	PasswordChange      OperationKind = "password_change"
	ChildPasswordChange OperationKind = "child_password_change"
	Verify              OperationKind = "verify"      // login only: finds which version is in force
	Preflight           OperationKind = "preflight"   // dry run of a template: reaches the target and logs in, changes nothing
	Provision           OperationKind = "provision"   // create a dynamic user
	Deprovision         OperationKind = "deprovision" // remove a dynamic user, until it is proven gone twice

	SearchOrphans OperationKind = "orphan_search" // lists accounts to find those that no dynamic user owns; changes nothing

	CredentialActivation   OperationKind = "credential_activation"   // unlock an account for a session
	CredentialInactivation OperationKind = "credential_inactivation" // lock it after the last one
	EphemeralCreate        OperationKind = "ephemeral_create"        // create an account for a session
	EphemeralRemove        OperationKind = "ephemeral_remove"        // delete it after the last one

	SecretAutomation OperationKind = "secret_management_automation" // run a template because something happened to a secret or an authorization
)

// TargetKind says what kind of object an operation works on.
type TargetKind string

// The kinds of targets; others come with their modules.
const (
	TargetCredential  TargetKind = "credential"
	TargetDynamicUser TargetKind = "dynamic_user"
	TargetOrphans     TargetKind = "orphan_search" // the users of a profile on a device
)

// TargetRef names the object that an operation works on.
type TargetRef struct {
	Kind TargetKind `cbor:"kind"`
	ID   string     `cbor:"id"`
}

// OperationState is a state of the operation machine (fsm/operation/machine.go).
type OperationState uint8

// The states.
const (
	OpReady     OperationState = iota + 1 // waits for its time and a slot
	OpLeased                              // a slot holds it; nothing was done yet
	OpRunning                             // the candidate is committed; the target may be touched
	OpUncertain                           // it may have happened: waits to be settled by login
	OpSettling                            // a slot is finding out by login which version is in force
	OpSucceeded                           // final
	OpCancelled                           // final
	OpDead                                // final: attempts exhausted, nothing changed on the target
	OpOutOfSync                           // final, alarm: no known version logs in
)

var operationStates = [...]string{"none", "ready", "leased", "running", "uncertain", "settling", "succeeded", "cancelled", "dead", "out_of_sync"}

func (s OperationState) String() string {
	if int(s) < len(operationStates) {
		return operationStates[s]
	}
	return operationStates[0]
}

// OperationStates finds states by name: "open" is every one that is not final, "failed" what a person must look at.
func OperationStates(name string) []OperationState {
	var out []OperationState
	for s := OpReady; int(s) < len(operationStates); s++ {
		if s.String() == name || name == "open" && !s.Final() || name == "failed" && (s == OpDead || s == OpOutOfSync) {
			out = append(out, s)
		}
	}
	return out
}

// OperationStateNames lists what OperationStates knows.
func OperationStateNames() []string {
	return append(slices.Clone(operationStates[OpReady:]), "open", "failed")
}

// Final tells whether the state has no way out but an explicit retry.
func (s OperationState) Final() bool { return s >= OpSucceeded }

// Live tells whether a slot holds the operation.
func (s OperationState) Live() bool { return s == OpLeased || s == OpRunning || s == OpSettling }

// Outcome is what an attempt did to the target. The zero value is Uncertain: forgetting is safe.
type Outcome uint8

// The outcomes.
const (
	OutcomeUncertain  Outcome = iota // it may have happened
	OutcomeNotStarted                // nothing was sent that could change the target
	OutcomeRejected                  // the target refused: nothing changed
	OutcomeApplied                   // the target has the new secret
)

func (o Outcome) String() string {
	return [...]string{"uncertain", "not_started", "rejected", "applied"}[o&3]
}

// Lease is the right of one slot to work on an operation until a moment.
type Lease struct {
	Node  NodeID `cbor:"node"`
	Slot  int    `cbor:"slot"`
	Token Pos    `cbor:"token"` // position of the grant in the log: the fencing token
	Until Time   `cbor:"until"`

	Door  CredentialID   `cbor:"door,omitempty"`  // the credential that logs in to do the work
	Way   []CredentialID `cbor:"way,omitempty"`   // those that log in at jump hosts and proxies on the way
	Begun bool           `cbor:"begun,omitempty"` // the slot began: an attempt that finds it so was begun by an earlier life
}

// Logins counts logins that an attempt failed, or may have failed.
type Logins struct {
	Door  int            `cbor:"door,omitempty"`  // as the account that logs in to do the work
	Own   int            `cbor:"own,omitempty"`   // as the account that the operation is about
	Way   []CredentialID `cbor:"way,omitempty"`   // one as each of those, at a jump host or proxy
	Every bool           `cbor:"every,omitempty"` // nothing is known of the attempt: all that it might have failed
}

// Transition is one step in an operation's life.
type Transition struct {
	At    Time           `cbor:"at"`
	From  OperationState `cbor:"from"`
	To    OperationState `cbor:"to"`
	Event string         `cbor:"event"`
	Node  NodeID         `cbor:"node,omitempty"`
	Note  string         `cbor:"note,omitempty"`
}

// MaxHistory bounds the transitions kept in an operation row.
const MaxHistory = 64

// Operation is one task on a target, whatever its trigger, with its retries.
type Operation struct {
	ID       OperationID   `cbor:"id"`
	Number   uint64        `cbor:"number"` // the API's numeric id
	Kind     OperationKind `cbor:"kind"`
	Target   TargetRef     `cbor:"target"`
	Device   DeviceID      `cbor:"device"`
	Site     string        `cbor:"site,omitempty"` // only nodes that reach it may run this
	Executor ExecutorName  `cbor:"executor"`
	Template TemplateID    `cbor:"template"`

	TemplateVersion int `cbor:"template_version,omitempty"` // of a dry run; 0: the one in force when it runs

	Trigger     string          `cbor:"trigger"`             // "request", "expiry", "view", "session", "timeout", "release", "parent" ...
	Requester   AuthorizationID `cbor:"requester,omitempty"` // empty: the system
	DedupKey    string          `cbor:"dedup"`               // unique among operations that are not final
	Parent      OperationID     `cbor:"parent,omitempty"`
	Source      uint64          `cbor:"source,omitempty"` // child change: version number of the parent credential to copy; in a run: of the credential itself, to restore
	State       OperationState  `cbor:"state"`
	NotBefore   Time            `cbor:"not_before"`
	Attempt     int             `cbor:"attempt"` // change attempts begun
	MaxAttempts int             `cbor:"max_attempts"`
	Settles     int             `cbor:"settles"`             // settling attempts begun
	Candidate   uint64          `cbor:"candidate,omitempty"` // version number committed by begin
	Refused     []uint64        `cbor:"refused,omitempty"`   // version numbers that the target refused while settling
	Lease       *Lease          `cbor:"lease,omitempty"`
	History     []Transition    `cbor:"history"`
	Message     string          `cbor:"message,omitempty"` // last message for people, redacted
	CreatedAt   Time            `cbor:"created_at"`
	FinishedAt  Time            `cbor:"finished_at,omitempty"`
	Revision    uint64          `cbor:"revision"`
	Reconcile   bool            `cbor:"reconcile,omitempty"` // a change by the reconciliation account and template
	Immediate   bool            `cbor:"immediate,omitempty"` // somebody said to run it now, whatever its schedule
	Run         ChainRunID      `cbor:"run,omitempty"`       // of a chained exchange
	Occasion    *Occasion       `cbor:"occasion,omitempty"`  // what happened to a secret or an authorization
	Capture     bool            `cbor:"capture,omitempty"`   // what the target says is kept, sealed, for who debugs
	Held        Time            `cbor:"held,omitempty"`      // NotBefore as it was when a freeze, a stop or the execution hours put it off; 0: none did
}

// Tries is how often an operation was tried. A verification changes nothing: what it does is what settles a change.
func (o *Operation) Tries() int {
	if o.Kind == Verify {
		return o.Settles
	}
	return o.Attempt
}

// Automatic tells whether an operation changes a secret although nobody asked for it. A child follows its parent, whose change
// is done: it is never held back, but what reconciles it by itself is. The members of a run are not either, since the run was when it began.
func (o *Operation) Automatic() bool {
	return (o.Kind == PasswordChange || o.Reconcile) && o.Requester == "" && !o.Immediate && o.Run == ""
}

// Changes tells whether an operation is there to change something on a target, and not only to look.
func (o *Operation) Changes() bool {
	return o.Kind != Verify && o.Kind != Preflight && o.Kind != SearchOrphans
}

// Scheduled is when the operation may begin, or might have. Of one that is over NotBefore may be that of a next try, which never came.
func (o *Operation) Scheduled() Time {
	at := max(o.NotBefore, o.CreatedAt)
	if last := o.LastAttempt(); o.State.Final() && last != 0 {
		return min(at, last)
	}
	return at
}

// Module is the vendor's name of the module that the operation works for (product.md 1.2).
func (o *Operation) Module() string {
	switch o.Kind {
	case Provision, Deprovision, SearchOrphans, SecretAutomation:
		return ModuleDSM
	}
	if o.Run != "" {
		return ModuleExecutions
	}
	return ModuleCore
}

// The modules that have operations.
const (
	ModuleCore       = "PAM Core"
	ModuleExecutions = "Executions" // chained exchanges
	ModuleDSM        = "DevOps Secret Manager"
)

// OperationModules lists them.
var OperationModules = []string{ModuleCore, ModuleExecutions, ModuleDSM}

// LastAttempt is when an attempt began last; 0: none did.
func (o *Operation) LastAttempt() Time {
	for i := len(o.History) - 1; i >= 0; i-- {
		if to := o.History[i].To; to == OpRunning || to == OpSettling {
			return o.History[i].At
		}
	}
	return 0
}

// Holdable tells whether an operation that waits is held back by a freeze or a stop; closed: by the execution hours, which hold
// back heartbeats too. What was begun is settled at any hour.
func (o *Operation) Holdable(closed bool) bool {
	if closed && o.Kind == Verify {
		return o.Requester == "" && !o.Immediate && o.State == OpUncertain
	}
	return o.State == OpReady && o.Automatic()
}

// Background tells whether nobody waits for an operation: an automatic change, a heartbeat, or the removal of a dynamic user
// whose time is over.
func (o *Operation) Background() bool {
	return o.Automatic() || o.Kind == Verify && o.Requester == "" && !o.Immediate || o.Kind == Deprovision && o.Trigger == "ttl"
}

// Prompt tells whether a slot takes an operation that waits before what merely fell due: somebody waits for it, or a secret
// is in doubt.
func (o *Operation) Prompt() bool {
	return !o.Background() || o.State == OpUncertain && o.Kind == PasswordChange
}

// Awaited tells whether a request is answered only when the operation is over, so that its commands are in as much haste as
// requests are.
func (o *Operation) Awaited() bool {
	return slices.Contains([]OperationKind{Provision, CredentialActivation, EphemeralCreate, Preflight}, o.Kind)
}

// Step is one line of a transcript: what the program said it does, never raw target output (RULES 10).
type Step struct {
	At      int64  `cbor:"at"`             // milliseconds since the attempt started
	Line    int    `cbor:"line,omitempty"` // line of the template, 0 outside of it
	Text    string `cbor:"text"`           // source line with holes as [#TAG#], or a step name
	Sent    int    `cbor:"sent,omitempty"` // bytes
	Got     int    `cbor:"got,omitempty"`  // bytes
	Matched string `cbor:"matched,omitempty"`
	Error   string `cbor:"error,omitempty"` // redacted
}

// Attempt is the record of one try of an operation: which node and template, when, what came out, and the steps.
type Attempt struct {
	Operation       OperationID `cbor:"operation"`
	Token           Pos         `cbor:"token"`
	Settle          bool        `cbor:"settle,omitempty"`
	Node            NodeID      `cbor:"node"`
	Template        TemplateID  `cbor:"template"`
	TemplateVersion int         `cbor:"template_version"`
	StartedAt       Time        `cbor:"started_at"`
	EndedAt         Time        `cbor:"ended_at,omitempty"`
	Outcome         string      `cbor:"outcome,omitempty"`
	Class           string      `cbor:"class,omitempty"` // error class: "auth", "network", "timeout", "policy" ...
	Message         string      `cbor:"message,omitempty"`
	Steps           []Step      `cbor:"steps,omitempty"`
}

// ReportedDone stands in the message of an attempt whose template ended well, and whose proof by a login did not.
const ReportedDone = "reported done but "

// Endpoint is where and as what an executor connects, resolved from a device; it holds no secret.
type Endpoint struct {
	Hostname    string
	Address     string // IP or host name
	Port        uint16 // 0: the executor's default
	Protocol    string // under which the device lists the port; empty: it lists none
	HostKeys    []HostKey
	CA          string
	InsecureTLS bool
}

package operation

import (
	"cofre/fsm/model"
	"cofre/httpapi/compat"
)

// Body asks for an operation.
type Body struct {
	Credential string              `json:"credential" doc:"number, identifier or user@host"`
	Kind       model.OperationKind `json:"kind" doc:"change (by default), verify, or reconcile: a change by the reconciliation account"`
	NotBefore  compat.Time         `json:"not_before" doc:"at most a year ahead"`
	Capture    bool                `json:"capture" doc:"keep what the target says, sealed, for a week"`
}

// View is an operation.
type View struct {
	ID            model.OperationID   `json:"id"`
	Number        uint64              `json:"number"`
	Kind          model.OperationKind `json:"kind"`
	KindLabel     string              `json:"kind_label" doc:"the kind as the vendor's reports write it"`
	StateLabel    string              `json:"state_label" doc:"the state as the vendor's reports write it: Scheduled, Running, Successfully performed, Canceled or Error"`
	State         string              `json:"state" doc:"ready, leased, running, uncertain, settling, succeeded, cancelled, dead or out_of_sync"`
	Final         bool                `json:"final"`
	Credential    Target              `json:"credential"`
	Executor      model.ExecutorName  `json:"executor"`
	Template      model.TemplateID    `json:"template,omitempty"`
	TemplateName  string              `json:"template_name,omitempty"`
	Module        string              `json:"module" doc:"that it works for, as the vendor's reports write it"`
	Trigger       string              `json:"trigger"`
	Reconcile     bool                `json:"reconcile,omitempty" doc:"by the reconciliation account"`
	Requester     string              `json:"requester,omitempty" doc:"authorization that asked for it; absent: the system"`
	RequesterName string              `json:"requester_name,omitempty" doc:"application/authorization"`
	Capture       bool                `json:"capture,omitempty" doc:"what the target says is kept"`
	Parent        model.OperationID   `json:"parent,omitempty"`
	NotBefore     compat.Time         `json:"not_before,omitempty"`
	Attempt       int                 `json:"attempt"`
	MaxAttempts   int                 `json:"max_attempts"`
	Message       string              `json:"message,omitempty"`
	WaitsFor      string              `json:"waits_for,omitempty" doc:"what keeps it from starting, in words; absent: it is at work or over"`
	Node          model.NodeID        `json:"node,omitempty" doc:"which node works on it now"`
	CreatedAt     compat.Time         `json:"created_at"`
	ScheduledAt   compat.Time         `json:"scheduled_at" doc:"when it may begin, or might have"`
	LastAttemptAt compat.Time         `json:"last_attempt_at,omitempty" doc:"when an attempt began last"`
	FinishedAt    compat.Time         `json:"finished_at,omitempty"`
	History       []Transition        `json:"history"`
	Attempts      []Attempt           `json:"attempts,omitempty" doc:"not in lists"`
}

// Target is the credential that an operation works on.
type Target struct {
	ID         model.CredentialID `json:"id"`
	Number     uint64             `json:"number"`
	Identifier string             `json:"identifier"`
	Username   string             `json:"username"`
	Hostname   string             `json:"hostname"`
	Type       string             `json:"type,omitempty"`
	Vendor     string             `json:"vendor,omitempty" doc:"of the device, like model and site"`
	Model      string             `json:"model,omitempty"`
	Site       string             `json:"site,omitempty"`
	Tags       []string           `json:"tags,omitempty"`
}

// Transition is one step in an operation's life.
type Transition struct {
	At    compat.Time  `json:"at"`
	From  string       `json:"from"`
	To    string       `json:"to"`
	Event string       `json:"event"`
	Node  model.NodeID `json:"node,omitempty"`
	Note  string       `json:"note,omitempty"`
}

// Attempt is one try.
type Attempt struct {
	Node            model.NodeID     `json:"node"`
	Settle          bool             `json:"settle" doc:"it only found out by login which secret is in force"`
	Template        model.TemplateID `json:"template,omitempty"`
	TemplateName    string           `json:"template_name,omitempty"`
	TemplateVersion int              `json:"template_version,omitempty"`
	StartedAt       compat.Time      `json:"started_at"`
	EndedAt         compat.Time      `json:"ended_at,omitempty"`
	Outcome         string           `json:"outcome,omitempty"`
	Class           string           `json:"class,omitempty" doc:"auth, network, timeout, policy ..."`
	Message         string           `json:"message,omitempty"`
	Captured        int              `json:"captured,omitempty" doc:"bytes that the target said, if they are kept"`
	Steps           []Step           `json:"steps,omitempty"`
}

// Step is one line of a transcript.
type Step struct {
	At      int64  `json:"at" doc:"milliseconds since the attempt started"`
	Line    int    `json:"line,omitempty"`
	Text    string `json:"text"`
	Sent    int    `json:"sent,omitempty"`
	Got     int    `json:"got,omitempty"`
	Matched string `json:"matched,omitempty"`
	Error   string `json:"error,omitempty"`
}

func view(d *Described) View {
	o, c := &d.Operation, &d.Credential
	v := View{ID: o.ID, Number: o.Number, Kind: o.Kind, KindLabel: kindLabel(o.Kind), StateLabel: stateLabel(o), State: o.State.String(), Final: o.State.Final(),
		Credential: Target{c.ID, c.Number, c.Identifier, c.Username, d.Device.Hostname, c.Type, d.Device.Vendor, d.Device.Model, d.Device.Site, c.Tags}, Executor: o.Executor, Template: o.Template, Trigger: o.Trigger, Reconcile: o.Reconcile, Capture: o.Capture,
		TemplateName: d.Templates[o.Template], Module: o.Module(), RequesterName: d.Requester, ScheduledAt: compat.Time(o.Scheduled()), LastAttemptAt: compat.Time(o.LastAttempt()),
		Requester: string(o.Requester), Parent: o.Parent, NotBefore: compat.Time(o.NotBefore), Attempt: o.Tries(), MaxAttempts: o.MaxAttempts, Message: o.Message, WaitsFor: d.WaitsFor,
		CreatedAt: compat.Time(o.CreatedAt), FinishedAt: compat.Time(o.FinishedAt), History: []Transition{}}
	if o.Lease != nil {
		v.Node = o.Lease.Node
	}
	for _, t := range o.History {
		v.History = append(v.History, Transition{compat.Time(t.At), t.From.String(), t.To.String(), t.Event, t.Node, t.Note})
	}
	for _, a := range d.Attempts {
		out := Attempt{Node: a.Node, Settle: a.Settle, Template: a.Template, TemplateName: d.Templates[a.Template], TemplateVersion: a.TemplateVersion, StartedAt: compat.Time(a.StartedAt),
			EndedAt: compat.Time(a.EndedAt), Outcome: a.Outcome, Class: a.Class, Message: a.Message, Captured: d.Captured[a.Token]}
		for _, s := range a.Steps {
			out.Steps = append(out.Steps, Step(s))
		}
		v.Attempts = append(v.Attempts, out)
	}
	return v
}

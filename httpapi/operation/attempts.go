package operation

import (
	"context"
	"strconv"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Tried is one attempt in the list of all: what became of it, without its steps.
type Tried struct {
	Operation       uint64              `json:"operation" doc:"its number"`
	Kind            model.OperationKind `json:"kind"`
	KindLabel       string              `json:"kind_label"`
	Credential      Target              `json:"credential"`
	Executor        model.ExecutorName  `json:"executor"`
	N               int                 `json:"n" doc:"the first attempt of an operation is 1"`
	Settle          bool                `json:"settle" doc:"it only found out by login which secret is in force"`
	Node            model.NodeID        `json:"node"`
	TemplateName    string              `json:"template_name,omitempty"`
	TemplateVersion int                 `json:"template_version,omitempty"`
	StartedAt       compat.Time         `json:"started_at"`
	EndedAt         compat.Time         `json:"ended_at,omitempty"`
	Outcome         string              `json:"outcome,omitempty" doc:"absent: it is at work"`
	Class           string              `json:"class,omitempty" doc:"auth, network, timeout, policy ..."`
	Message         string              `json:"message,omitempty"`
}

// TriedColumns are the names of an attempt's cells, the same in the API's CSV and on a terminal.
const TriedColumns = "OPERATION ATTEMPT KIND CREDENTIAL HOSTNAME NODE TEMPLATE VERSION STARTED ENDED OUTCOME CLASS MESSAGE"

// Row are an attempt's cells.
func (t Tried) Row() []string {
	return []string{
		strconv.FormatUint(t.Operation, 10), strconv.Itoa(t.N), string(t.Kind), t.Credential.Identifier, t.Credential.Hostname, string(t.Node), t.TemplateName, strconv.Itoa(t.TemplateVersion),
		t.StartedAt.Short(), t.EndedAt.Short(), t.Outcome, t.Class, t.Message,
	}
}

// attempts lists what each attempt of the operations of a page came to, as the vendor's report of attempted operations does.
func (m *management) attempts(ctx context.Context, r *route.Request) (compat.Reply, error) {
	f, err := readFilter(r)
	if err != nil {
		return compat.Reply{}, err
	}
	f.Attempts = true
	all, next, err := m.page(ctx, r, f)
	if err != nil {
		return compat.Reply{}, err
	}
	page := route.Listed[Tried]{Items: []Tried{}, Next: next}
	for i := range all {
		v := view(&all[i])
		for n, a := range v.Attempts {
			page.Items = append(page.Items, Tried{Operation: v.Number, Kind: v.Kind, KindLabel: v.KindLabel, Credential: v.Credential, Executor: v.Executor, N: n + 1, Settle: a.Settle, Node: a.Node,
				TemplateName: a.TemplateName, TemplateVersion: a.TemplateVersion, StartedAt: a.StartedAt, EndedAt: a.EndedAt, Outcome: a.Outcome, Class: a.Class, Message: a.Message})
		}
	}
	return route.ListReply(r, page, strings.Fields(TriedColumns), Tried.Row)
}

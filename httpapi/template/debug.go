package template

import (
	"context"
	"net/http"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// TagValue is what a tag would resolve to.
type TagValue struct {
	Tag
	State string `json:"state" doc:"value; hidden: it has one that is secret; none: an attempt would end before anything is sent"`
	Value string `json:"value,omitempty" doc:"never of a secret tag"`
}

// Explanation is what a version does, and with what.
type Explanation struct {
	Template string     `json:"template"`
	Version  int        `json:"version"`
	Review   string     `json:"review"`
	Steps    []Step     `json:"steps"`
	Tags     []TagValue `json:"tags" doc:"state and value only if a credential was named"`
	Hosts    []string   `json:"hosts"`
	Notices  []string   `json:"notices"`
	Runs     *bool      `json:"runs,omitempty" doc:"every tag has a value for the credential"`
}

// DryRunBody names the credential.
type DryRunBody struct {
	Credential string `json:"credential" doc:"number, identifier or user@host"`
	Version    int    `json:"version" doc:"the newest by default; it need not be approved"`
}

// DryRun is the operation that makes it.
type DryRun struct {
	Operation model.OperationID `json:"operation"`
	Number    uint64            `json:"number"`
}

// Recorded is what an attempt did at one step.
type Recorded struct {
	At      int64  `json:"at" doc:"milliseconds since the attempt started"`
	Line    int    `json:"line,omitempty"`
	Text    string `json:"text"`
	Sent    int    `json:"sent,omitempty" doc:"bytes"`
	Got     int    `json:"got,omitempty" doc:"bytes"`
	Matched string `json:"matched,omitempty"`
	Error   string `json:"error,omitempty"`
}

// ReplayStep is a step of the template beside what was recorded there.
type ReplayStep struct {
	Step
	Reached bool       `json:"reached"`
	Ran     []Recorded `json:"ran"`
}

// Replay is the record of an attempt along its template.
type Replay struct {
	Operation uint64       `json:"operation"`
	Attempt   int          `json:"attempt"`
	Attempts  int          `json:"attempts"`
	Template  string       `json:"template,omitempty"`
	Version   int          `json:"version"`
	Node      model.NodeID `json:"node"`
	StartedAt compat.Time  `json:"started_at"`
	EndedAt   compat.Time  `json:"ended_at,omitempty"`
	Outcome   string       `json:"outcome"`
	Class     string       `json:"class,omitempty"`
	Message   string       `json:"message,omitempty"`
	Steps     []ReplayStep `json:"steps"`
	Others    []Recorded   `json:"others" doc:"of no line of the template: logins, proofs, the end"`
}

func (m *management) debugRoutes(add func(method, path, event string, h route.Handler, d route.Doc) route.Route, executor []route.Field) []route.Route {
	return []route.Route{
		add(http.MethodPost, "/{name}/dry-run", "operation.created", m.dryRun, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Make a dry run on the real target", Text: "An operation fills every tag, reaches the device, and logs in as the credential that would do the work; Unix by SSH, PostgreSQL, MySQL, MariaDB, Redis, Oracle and SQL Server are asked whether they would allow it. Nothing of the template is sent. " +
			"It needs operation.run and the right to read every secret involved.", Status: http.StatusCreated, Body: DryRunBody{}, Returns: DryRun{}, Fields: executor}),
		add(http.MethodGet, "/{name}/explain", route.NoEvent, m.explain, route.Doc{Needs: route.Reads(model.ModulePAM, model.OperationRun), Summary: "Explain a version step by step", Text: "With a credential: what each tag would resolve to, secrets hidden. That needs operation.run and the right to read every secret involved.",
			Returns: Explanation{}, Fields: append([]route.Field{{Name: "credential", In: "query", Text: "number, identifier or user@host"}, {Name: "version", In: "query", Type: "integer", Text: "the newest by default"}}, executor...)}),
		{Method: http.MethodGet, Path: "/api/v1/operations/{id}/replay", Auth: route.Authenticated, Dialect: compat.Management, Event: route.NoEvent, Handle: m.replay,
			Doc: route.Doc{Tag: "template", Needs: route.Reads(model.ModulePAM, model.OperationRun), Summary: "Replay an attempt step by step", Text: "The record beside the version of the template that ran; nothing runs. It needs operation.run and the right to read every secret involved.",
				Returns: Replay{}, Fields: []route.Field{{Name: "attempt", In: "query", Type: "integer", Text: "the last by default"}}}},
	}
}

func (m *management) explain(ctx context.Context, r *route.Request) (compat.Reply, error) {
	t, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	v, err := picked(r, t, "version", len(t.Versions))
	if err != nil {
		return compat.Reply{}, err
	}
	c, values, err := m.s.ExplainVersion(ctx, r.Actor, r.At, t, v.Content, r.Query("credential"))
	if err != nil {
		return compat.Reply{}, err
	}
	e := Explanation{Template: t.Name, Version: v.N, Review: v.Review(r.At), Steps: steps(c.Steps), Tags: []TagValue{}, Hosts: append([]string{}, c.Hosts...), Notices: append([]string{}, c.Notices...)}
	if values == nil {
		for _, tag := range tags(c.Tags) {
			e.Tags = append(e.Tags, TagValue{Tag: tag})
		}
	}
	if r.Query("credential") != "" {
		runs := true
		for _, value := range values {
			runs = runs && value.State != "none"
		}
		e.Tags, e.Runs = append(e.Tags, values...), &runs
	}
	return compat.JSON(e), nil
}

func (m *management) dryRun(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b DryRunBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	t, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	if b.Version == 0 {
		b.Version = len(t.Versions)
	}
	id, number, err := m.s.DryRun(ctx, r.Actor, t, b.Version, b.Credential)
	if err != nil {
		return compat.Reply{}, err
	}
	reply := compat.JSON(DryRun{id, number})
	reply.Status = http.StatusCreated
	return reply, nil
}

func (m *management) replay(ctx context.Context, r *route.Request) (compat.Reply, error) {
	n, err := r.QueryNumber("attempt", 0, 1<<20)
	if err != nil {
		return compat.Reply{}, err
	}
	out, err := m.s.Replay(ctx, r.Actor, r.At, r.Param("id"), int(n))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(out), nil
}

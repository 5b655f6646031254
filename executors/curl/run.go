package curl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// run is one attempt in progress.
type run struct {
	session executors.Session
	red     *executors.Redactor
	client  *client
	last    answer
	exposed bool // a request with the new secret may have left
	done    bool // such a request has succeeded
	line    int
}

// refusal is the target's clear no: the request had no effect.
type refusal struct {
	*executors.Failure
	login bool // it did not look beyond the login
}

// Unwrap gives the failure.
func (e *refusal) Unwrap() error { return e.Failure }

// refusing are statuses by which a server says that it did not do what was asked.
var refusing = map[int]bool{400: true, 401: true, 403: true, 404: true, 405: true, 406: true, 409: true, 410: true, 411: true, 412: true, 413: true, 414: true, 415: true, 422: true, 429: true, 431: true}

// Run makes one attempt.
func (p *program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	s, red := s.Guard()
	r := &run{session: s, red: red, client: newClient(s, p.connect)}
	defer r.client.hangUp()
	err := r.run(ctx, p)
	if err == nil {
		return executors.Applied, nil
	}
	f := failure(red, r.line, err)
	s.Trace.Step(model.Step{Line: f.Line, Text: "stopped", Error: f.Msg})
	var no *refusal
	refused := errors.As(err, &no) && !r.done
	switch {
	case !r.exposed, refused && no.login:
		return executors.NotStarted, f
	case refused:
		return executors.Rejected, f
	}
	return executors.Uncertain, f
}

func failure(red *executors.Redactor, line int, err error) *executors.Failure {
	var f *executors.Failure
	if errors.As(err, &f) {
		return executors.Fail(f.Class, line, f)
	}
	return &executors.Failure{Class: executors.ClassOf(err), Line: line, Msg: executors.Said(red, err), Spared: executors.IsSpared(err)}
}

func newClient(s executors.Session, connect time.Duration) *client {
	if connect <= 0 {
		connect = s.ConnectTimeout
	}
	if connect <= 0 {
		connect = defaultTimeout
	}
	return &client{session: s, connect: connect}
}

func (r *run) run(ctx context.Context, p *program) error {
	if err := r.rehearse(p); err != nil {
		return err
	}
	if err := r.permit("connect"); err != nil {
		return err
	}
	for i := range p.steps {
		st := &p.steps[i]
		r.line = st.line
		note := model.Step{Line: st.line, Text: st.source}
		err := r.step(ctx, st, &note)
		if err != nil {
			note.Error = failure(r.red, st.line, err).Msg
		}
		r.session.Trace.Step(note)
		if err != nil {
			return err
		}
	}
	return nil
}

// rehearse fills all holes once, so that a value which does not fit is found before anything is dialed.
func (r *run) rehearse(p *program) error {
	for i := range p.steps {
		st := &p.steps[i]
		if st.verb != perform {
			text, err := mask.Render(st.text, r.session.Resolve, mask.Raw)
			if text.Wipe(); err != nil {
				return executors.Fail(executors.ClassTemplate, st.line, err)
			}
			continue
		}
		b, err := r.build(&st.request)
		if clear(b.body); err != nil {
			return executors.Fail(executors.ClassTemplate, st.line, err)
		}
		if st.request.oauth != nil {
			_, body, err := r.grant(st.request.oauth)
			if clear(body); err != nil {
				return executors.Fail(executors.ClassTemplate, st.line, err)
			}
		}
	}
	if _, err := p.proof.fill(r.session.Resolve, r.session.Target); err != nil {
		return executors.Fail(executors.ClassTemplate, 0, err)
	}
	fresh, err := r.session.Resolve.Optional(mask.NewPassword)
	if err == nil && fresh.Len() > 0 {
		// A value that no login can carry could never be proven.
		err = fresh.Reveal(func(b []byte) error { _, err := escape(mask.Part{Context: inHeader}, b); return err })
	}
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.NewPassword, err))
	}
	return nil
}

func (r *run) permit(step string) error {
	if err := r.session.Before(step); err != nil {
		return executors.Fail(executors.ClassRefused, r.line, err)
	}
	return nil
}

func (r *run) step(ctx context.Context, st *step, note *model.Step) error {
	switch st.verb {
	case perform:
		return r.perform(ctx, st, note)
	case pause:
		timer := time.NewTimer(st.wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	text, err := mask.Render(st.text, r.session.Resolve, mask.Raw)
	if err != nil {
		return err
	}
	defer text.Wipe()
	found := false
	_ = text.Reveal(func(b []byte) error {
		found = bytes.Contains(r.last.body, b) || bytes.Contains([]byte(r.last.line), b)
		return nil
	})
	switch {
	case st.verb == expect && !found:
		return &executors.Failure{Class: executors.ClassProtocol, Line: st.line, Msg: "the answer does not hold " + mask.Source(st.text)}
	case st.verb == forbid && found:
		return &executors.Failure{Class: executors.ClassProtocol, Line: st.line, Msg: "the answer holds a text that the template forbids here"}
	}
	note.Matched = mask.Source(st.text)
	return nil
}

func (r *run) perform(ctx context.Context, st *step, note *model.Step) error {
	q, err := r.build(&st.request)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, st.line, err)
	}
	defer clear(q.body)
	limit := st.request.timeout
	if limit <= 0 {
		limit = r.session.ReadTimeout
	}
	if limit <= 0 {
		limit = defaultTimeout
	}
	if st.request.oauth != nil {
		if err := r.authorize(ctx, st.request.oauth, q.head, limit); err != nil {
			return err
		}
	}
	if err := r.permit(st.source); err != nil {
		return err
	}
	if st.secret {
		// A connection that cannot be made exposes nothing.
		if err := r.client.open(ctx, q.head.URL); err != nil {
			return err
		}
		r.exposed = true
	}
	r.last, err = r.client.do(ctx, q.head, q.body, limit)
	note.Sent, note.Got = len(q.body), len(r.last.body)
	if err != nil {
		return err
	}
	r.last.tell(r.session.Capture)
	if err := r.judge(); err != nil {
		return err
	}
	r.done = r.done || st.secret
	if st.request.login {
		r.session.Entered()
	}
	return nil
}

// judge reads the status of an answer.
func (r *run) judge() error {
	a := r.last
	if a.status >= 200 && a.status < 400 {
		return nil
	}
	f := &executors.Failure{Class: executors.ClassPolicy, Line: r.line, Msg: r.red.Text(a.line + ": " + string(a.body[:min(len(a.body), 400)]))}
	switch {
	case a.status == http.StatusUnauthorized:
		f.Class = executors.ClassAuth
	case a.status >= 500:
		f.Class = executors.ClassProtocol
	}
	f.Spared = overloaded(a.status)
	if refusing[a.status] {
		return &refusal{f, a.status == http.StatusUnauthorized}
	}
	return f
}

// overloaded tells whether a status says that the server does not deal with requests just now, whoever sends them.
func overloaded(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

// built is a request with its values.
type built struct {
	head *http.Request
	body []byte // nil: none
}

func (r *run) build(q *request) (built, error) {
	u, err := q.to.fill(r.session.Resolve, r.session.Target)
	if err != nil {
		return built{}, err
	}
	b := built{head: &http.Request{Method: q.method, URL: u, Header: http.Header{"User-Agent": {"Cofre"}}}}
	for _, h := range q.headers {
		v, err := r.text(h.value)
		if err != nil {
			return built{}, err
		}
		b.head.Header.Set(h.name, v)
	}
	if q.login {
		if err := r.login(b.head); err != nil {
			return built{}, err
		}
	}
	parts := q.content
	for i, f := range q.fields {
		name := url.QueryEscape(f.name) + "="
		if i > 0 {
			name = "&" + name
		}
		parts = append(append(parts, mask.Part{Literal: name}), literalsEscaped(f.value)...)
	}
	if parts == nil {
		return b, nil
	}
	v, err := mask.Render(parts, r.session.Resolve, escape)
	if err != nil {
		return built{}, err
	}
	defer v.Wipe()
	_ = v.Reveal(func(c []byte) error { b.body = bytes.Clone(c); return nil })
	if len(b.body) > maxBody {
		return built{}, errors.New("the content is longer than 1 MiB")
	}
	if b.head.Header.Get("Content-Type") == "" {
		b.head.Header.Set("Content-Type", q.kind)
	}
	return b, nil
}

// literalsEscaped writes literal parts as a form does; holes know it already.
func literalsEscaped(parts []mask.Part) []mask.Part {
	out := append([]mask.Part(nil), parts...)
	for i := range out {
		out[i].Literal = url.QueryEscape(out[i].Literal)
	}
	return out
}

// text renders parts for a place that the library wants as a string.
func (r *run) text(parts []mask.Part) (out string, err error) {
	v, err := mask.Render(parts, r.session.Resolve, escape)
	if err == nil {
		err = v.Reveal(func(b []byte) error { out = string(b); return nil })
	}
	return out, err
}

func (r *run) login(q *http.Request) error {
	user, err := r.text([]mask.Part{{Hole: mask.AuthUser, Context: inHeader}})
	if err != nil {
		return err
	}
	password, err := r.session.Resolve(mask.AuthPassword)
	if err != nil {
		return fmt.Errorf("%s: %w", mask.AuthPassword, err)
	}
	return basic(q, user, password, r.red)
}

// grant builds the request for a token.
func (r *run) grant(o *oauth) (*http.Request, []byte, error) {
	u, err := o.to.fill(r.session.Resolve, r.session.Target)
	if err != nil {
		return nil, nil, err
	}
	id, err := r.text(literalsEscaped(o.id))
	if err != nil {
		return nil, nil, err
	}
	code, err := r.text(literalsEscaped(o.secret))
	if err != nil {
		return nil, nil, err
	}
	q := &http.Request{Method: http.MethodPost, URL: u, Header: http.Header{"User-Agent": {"Cofre"}, "Accept": {"application/json"}, "Content-Type": {"application/x-www-form-urlencoded"}}}
	return q, []byte("grant_type=client_credentials"), basic(q, id, secret.New([]byte(code)), r.red)
}

// authorize gets a token and puts it into a request.
func (r *run) authorize(ctx context.Context, o *oauth, q *http.Request, limit time.Duration) error {
	ask, body, err := r.grant(o)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, r.line, err)
	}
	a, err := r.client.do(ctx, ask, body, limit)
	if err != nil {
		return err
	}
	var got struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &got) != nil || got.Token == "" || !token.MatchString(got.Type) {
		f := &executors.Failure{Class: executors.ClassAuth, Line: r.line, Msg: fmt.Sprintf("the token request was answered with status %d and no token", a.status)}
		if overloaded(a.status) {
			f.Class, f.Spared = executors.ClassNetwork, true
		}
		return f
	}
	r.red.Add(secret.New([]byte(got.Token)))
	if _, err := escape(mask.Part{Context: inHeader}, []byte(got.Token)); err != nil {
		return &executors.Failure{Class: executors.ClassProtocol, Line: r.line, Msg: "the token holds control characters"}
	}
	q.Header.Set("Authorization", "Bearer "+got.Token)
	return nil
}

package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	tools   *devtools
	net     *network
	limit   time.Duration // of one wait
	refusal string        // the selector of the page's no, until the next action
	last    string        // the selector that was used last
	x, y    float64       // of the next click with the mouse
	shown   bool          // the page holds a secret: until then no login can have failed
	in      bool          // the login is over
	awaited bool          // something was awaited after the new secret had left
	line    int
}

// refusal is the page's clear no.
type refusal struct{ *executors.Failure }

// Unwrap gives the failure.
func (e *refusal) Unwrap() error { return e.Failure }

// Run makes one attempt.
func (p *program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	s, red := s.Guard()
	r := &run{session: s, red: red}
	err := r.attempt(ctx, p, len(p.steps))
	exposed := r.net != nil && r.net.wasExposed()
	if err == nil {
		switch {
		case !exposed:
			err = &executors.Failure{Class: executors.ClassProtocol, Msg: "the template ended, and nothing was sent"}
		case !r.awaited:
			err = &executors.Failure{Class: executors.ClassTemplate, Msg: "the template ended without a test of what the page says to the change"}
		default:
			return executors.Applied, nil
		}
	}
	f := r.failure(err)
	s.Trace.Step(model.Step{Line: f.Line, Text: "stopped", Error: f.Msg})
	var no *refusal
	switch {
	case !exposed:
		return executors.NotStarted, f
	case errors.As(err, &no) && p.fresh:
		return executors.Rejected, f
	}
	return executors.Uncertain, f
}

// Verify runs the template's login as USERNAME with a secret.
func (p *program) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	if p.login == 0 {
		return false, errNoLogin
	}
	resolve := s.Resolve
	s.Resolve = func(n mask.Name) (secret.Value, error) {
		switch n {
		case mask.CurrentPassword, mask.AuthPassword:
			return with.Clone(), nil
		case mask.AuthUser:
			n = mask.Username
		}
		return resolve(n)
	}
	s, red := s.Guard()
	red.Add(with)
	r := &run{session: s, red: red}
	err := r.attempt(ctx, p, p.login)
	var no *refusal
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &no):
		return false, nil
	}
	return false, r.failure(err)
}

// tell lets a capture hear what a person would read on the page: its address, title and text. What stands in its fields is no part
// of that.
func (r *run) tell(ctx context.Context) {
	if r.session.Capture == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	text, err := evaluate[string](ctx, r.tools, `location.href + "\n" + document.title + "\n" + (document.body ? document.body.innerText : "") + "\n"`)
	if err == nil { // a page that cannot be asked says nothing
		r.session.Capture.Hear([]byte(text))
	}
}

// failure makes a Failure of any error. Our own words stay; what target or browser say passes the redactor.
func failure(red *executors.Redactor, line int, err error) *executors.Failure {
	var f *executors.Failure
	if errors.As(err, &f) {
		return executors.Fail(f.Class, line, f)
	}
	class := executors.ClassOf(err)
	if errors.Is(err, errEnded) {
		class = executors.ClassNetwork
	}
	return &executors.Failure{Class: class, Line: line, Msg: executors.Said(red, err)}
}

// failure is the one of the attempt.
func (r *run) failure(err error) *executors.Failure {
	f := failure(r.red, r.line, err)
	f.Spared = !r.shown // later, the silence of one request says nothing of those before it
	return f
}

// late tells that the time of the whole attempt is over, whatever was waited for when it was.
func (p *program) late(ctx context.Context, err error) error {
	if err == nil || !errors.Is(ctx.Err(), context.DeadlineExceeded) || !errors.Is(err, errEnded) && failure(&executors.Redactor{}, 0, err).Class != executors.ClassTimeout {
		return err
	}
	return &executors.Failure{Class: executors.ClassTimeout, Msg: fmt.Sprintf("the template did not end within %s: its word timeout says how long an attempt may last, %s at most", p.process, maxProcess)}
}

// attempt starts a browser and runs the first steps.
func (r *run) attempt(ctx context.Context, p *program, steps int) error {
	if p.connect == nil {
		return errOff
	}
	for _, st := range p.steps[:steps] { // so that a value which does not fit is found before anything is dialed
		escape := escapeInput
		if st.css == "" {
			escape = escapeURL
		}
		if _, err := r.text(st.parts, escape); err != nil {
			return executors.Fail(executors.ClassTemplate, st.line, err)
		}
	}
	if err := r.permit("connect"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, p.process)
	defer cancel()
	conn, err := p.connect(ctx)
	if err != nil {
		return &executors.Failure{Class: executors.ClassRefused, Msg: "the node's browser does not start: " + err.Error()}
	}
	r.limit = r.session.ReadTimeout
	if r.limit <= 0 {
		r.limit = DefaultReadTimeout
	}
	connect := r.session.ConnectTimeout
	if connect <= 0 {
		connect = DefaultTimeout
	}
	r.net = &network{session: r.session, ctx: ctx, connect: connect, typed: !p.fresh, turns: make(chan struct{}, maxAtOnce)}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // a browser that hangs takes no message: nothing else would end the wait
	ready := make(chan struct{})
	r.tools = attach(conn, func(method string, params json.RawMessage) {
		<-ready
		r.net.event(method, params)
	})
	r.net.tools = r.tools
	close(ready)
	defer func() {
		cancel()
		_ = conn.Close() // ends the browser
		<-r.tools.ended
		r.net.flying.Wait()
	}()
	if err := r.tools.open(ctx, p.agent); err != nil {
		return p.late(ctx, err)
	}
	for i, st := range p.steps[:steps] {
		r.line = st.line
		err := p.late(ctx, r.step(ctx, st))
		note := model.Step{Line: st.line, Text: st.source}
		if err != nil {
			note.Error = failure(r.red, st.line, err).Msg
		}
		r.session.Trace.Step(note)
		if err != nil || i+1 == steps {
			r.tell(ctx)
		}
		if err != nil {
			return err
		}
		if i+1 == p.login {
			r.in, r.refusal = true, ""
			r.session.Entered()
		}
	}
	return nil
}

func (r *run) permit(step string) error {
	if err := r.session.Before(step); err != nil {
		return executors.Fail(executors.ClassRefused, r.line, err)
	}
	return nil
}

// writes are the verbs that make the page do something.
const writes = " start-at set-location fill really-fill click jclick really-click jscript prop "

func (r *run) step(ctx context.Context, st step) error {
	if strings.Contains(writes, " "+st.verb+" ") {
		if err := r.permit(st.source); err != nil {
			return err
		}
	}
	if st.css == "" && strings.Contains(st.verb, "click") {
		st.css = r.last
	}
	if st.css != "" && st.verb != "refusal" && st.verb != "test-not-visible" {
		r.last = st.css
	}
	switch st.verb {
	case "start-at", "set-location":
		return r.navigate(ctx, st)
	case "fill", "really-fill":
		return r.fill(ctx, st)
	case "click", "jclick", "really-click":
		if st.css == "" {
			return &executors.Failure{Class: executors.ClassTemplate, Msg: "nothing was selected that could be clicked"}
		}
		defer func() { r.x, r.y = 0, 0 }()
		return r.click(ctx, st)
	case "offset":
		r.x, r.y = st.x, st.y
	case "refusal":
		r.refusal = st.css
	case "new-action":
		err := r.settle(ctx)
		if err == nil && r.refusal != "" {
			if said, failed := evaluate[bool](ctx, r.tools, visible(r.refusal)); failed == nil && said {
				return r.refused()
			}
		}
		r.refusal = ""
		return err
	case "prop":
		if err := r.until(ctx, element(st.css)+" !== null", st.css); err != nil {
			return err
		}
		_, err := evaluate[any](ctx, r.tools, element(st.css)+"["+quote(st.name)+"] = "+quote(st.text))
		return err
	case "jscript":
		_, err := evaluate[any](ctx, r.tools, "(() => { "+st.text+" })()")
		return err
	case "sleep":
		select {
		case <-time.After(st.pause):
		case <-ctx.Done():
			return fmt.Errorf("sleep: %w", ctx.Err())
		}
	case "test-selector", "test-location", "test-visible", "test-not-visible", "logged-in":
		if err := r.settle(ctx); err != nil { // what is awaited must be of the page that comes, not of the one that goes
			return err
		}
		var err error
		if st.text, err = r.text(st.parts, escapeURL); err != nil {
			return executors.Fail(executors.ClassTemplate, st.line, err)
		}
		if err := r.until(ctx, condition(st), st.css+mask.Source(st.parts)); err != nil {
			return err
		}
		r.awaited = r.awaited || r.net.wasExposed()
	}
	return nil
}

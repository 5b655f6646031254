package dialogue

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Run makes one attempt.
func (p *Program) Run(ctx context.Context, s executors.Session, open Open) (executors.Outcome, error) {
	s, red := s.Guard()
	r := &run{session: s, out: NewStream(s.Capture)}
	defer r.wipe()
	line, err := r.run(ctx, p, open)
	if err == nil {
		return executors.Applied, nil
	}
	f := Failure(red, line, err)
	if r.red != "" {
		f.Class, f.Msg = executors.ClassPolicy, r.red
	}
	s.Trace.Step(model.Step{Line: line, Text: "stopped", Error: f.Msg})
	switch {
	case !r.exposed:
		return executors.NotStarted, f
	case r.red != "":
		return executors.Rejected, f
	}
	return executors.Uncertain, f
}

// ready is a step with its values.
type ready struct {
	*step
	data    secret.Value   // of a sending step
	pattern *regexp.Regexp // of a waiting step
}

// run is one attempt in progress.
type run struct {
	session  executors.Session
	steps    []ready
	out      *Stream
	line     Line
	exposed  bool             // the first byte of a step with the new secret may have left
	answered bool             // something that was awaited came after it
	not      []*regexp.Regexp // forbidden until the next match
	red      string           // how the target refused, over a live connection
	shown    mask.Name        // the secret other than the new one that was sent last, until the new one is
}

func (r *run) wipe() {
	for _, st := range r.steps {
		st.data.Wipe()
	}
}

// run returns the line that was being worked on and why it stopped; nil after the end of the template.
func (r *run) run(ctx context.Context, p *Program, open Open) (at int, err error) {
	if err := r.prepare(p); err != nil {
		return 0, err
	}
	if err := r.session.Before("connect"); err != nil {
		return 0, executors.Fail(executors.ClassRefused, 0, err)
	}
	limit := r.session.ConnectTimeout
	if p.connectTimeout > 0 {
		limit = p.connectTimeout
	}
	line, err := open(ctx, r.session, limit, r.out)
	if err != nil {
		return 0, err
	}
	r.line = line
	defer func() { line.Close(err) }()
	for i := range r.steps {
		if err := r.step(ctx, i); err != nil {
			return r.steps[i].line, err
		}
	}
	if r.exposed && !r.answered {
		return 0, &executors.Failure{Class: executors.ClassProtocol, Msg: "the template ended without an answer to the new secret"}
	}
	return 0, nil
}

// prepare fills all holes and refuses what a terminal cannot carry, before anything is dialed.
func (r *run) prepare(p *Program) error {
	for i := range p.steps {
		st := &p.steps[i]
		rd := ready{step: st}
		var err error
		switch st.verb {
		case send:
			rd.data, err = mask.Render(st.parts, r.session.Resolve, p.carry)
			if err == nil && rd.data.Len() > maxLine {
				err = fmt.Errorf("the line is longer than the %d bytes that a terminal takes", maxLine)
			}
		case await, forbid:
			rd.pattern, err = st.pattern(func(hole []mask.Part) string {
				v, e := mask.Render(hole, r.session.Resolve, mask.Raw)
				if e != nil {
					err = e
				}
				defer v.Wipe()
				var filled string
				_ = v.Reveal(func(b []byte) error { filled = string(b); return nil })
				return filled
			})
		}
		if err != nil {
			return executors.Fail(executors.ClassTemplate, st.line, err)
		}
		r.steps = append(r.steps, rd)
	}
	return r.resolvable(p)
}

// resolvable makes sure that a hole of a pattern without value stops the attempt too.
func (r *run) resolvable(p *Program) error {
	for _, n := range p.masks {
		if _, err := r.session.Resolve(n); err != nil {
			return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", n, err))
		}
	}
	return nil
}

// step runs one step and writes it down.
func (r *run) step(ctx context.Context, i int) error {
	st := r.steps[i]
	note := model.Step{Line: st.line, Text: st.source}
	var err error
	switch st.verb {
	case send:
		note.Sent, err = r.send(st)
	case await:
		err = r.await(ctx, st, st.pattern)
		note.Matched = mask.Source(st.parts)
	case forbid:
		r.not = append(r.not, st.pattern)
		if i+1 == len(r.steps) || r.steps[i+1].verb != await && r.steps[i+1].verb != forbid {
			err = r.await(ctx, st, nil)
		}
	case pause:
		err = sleep(ctx, st.timeout)
	}
	note.Got = r.out.take()
	if err != nil {
		note.Matched, note.Error = "", err.Error()
	}
	r.session.Trace.Step(note)
	return err
}

func (r *run) send(st ready) (int, error) {
	if err := r.session.Before(st.source); err != nil {
		return 0, executors.Fail(executors.ClassRefused, st.line, err)
	}
	if st.secret {
		r.exposed, r.answered, r.shown = true, false, ""
		r.out.mark()
	}
	if n := st.shows(); n != "" && !r.exposed {
		r.shown = n
		r.out.mark()
	}
	// A target that stops reading must not hold us longer than one that stops writing.
	timer := time.AfterFunc(r.timeout(st), r.line.Cut)
	defer timer.Stop()
	var sent int
	err := st.data.Reveal(func(b []byte) error {
		line := append(append(make([]byte, 0, len(b)+2), b...), st.newline...)
		defer clear(line)
		n, err := r.line.Write(line)
		sent = n
		return err
	})
	if err != nil {
		return sent, &executors.Failure{Class: executors.ClassNetwork, Line: st.line, Msg: "the connection was lost while sending"}
	}
	return sent, nil
}

// await waits for want; nil means to watch for forbidden text until the time is up.
func (r *run) await(ctx context.Context, st ready, want *regexp.Regexp) error {
	limit := r.timeout(st)
	v, err := r.out.wait(ctx, limit, want, r.not)
	if v != matched && err == nil && want != nil && r.shown != "" && denial.Match(r.out.since()) {
		return &executors.Failure{Class: executors.ClassPolicy, Line: st.line, Denied: r.shown, Msg: "the target refused " + r.shown.String() + ", which was sent after the login"}
	}
	r.not = keepUntil(v, r.not)
	switch {
	case err != nil:
		return err
	case v == matched:
		r.answered = true
		if !denial.Match(r.out.since()) {
			r.shown = "" // it was taken: what is denied from here on is something else
		}
		return nil
	case v == nothing && want == nil:
		return nil
	case v == closed && want == nil:
		return nil
	case v == closed:
		return &executors.Failure{Class: executors.ClassNetwork, Line: st.line, Msg: "the target closed the session while " + mask.Source(st.parts) + " was awaited" + r.besides()}
	}
	r.red = refusal(r.out.since())
	if !r.exposed {
		r.red = ""
	}
	if v == forbidden {
		return &executors.Failure{Class: executors.ClassProtocol, Line: st.line, Msg: "the target showed a text that the template forbids here"}
	}
	return &executors.Failure{Class: executors.ClassTimeout, Line: st.line, Msg: fmt.Sprintf("%s did not come within %s", mask.Source(st.parts), limit) + r.besides()}
}

// besides is what the target said that explains why something else did not come.
func (r *run) besides() string {
	if !r.exposed && expired.Match(r.out.since()) {
		return ": the target says that the password has expired, and wants a new one at the login; a template by which somebody else sets it does not log in as this account"
	}
	return ""
}

// keepUntil forgets forbidden texts once the wait that they guarded is over.
func keepUntil(v verdict, not []*regexp.Regexp) []*regexp.Regexp {
	if v == forbidden {
		return not
	}
	return nil
}

func (r *run) timeout(st ready) time.Duration {
	switch {
	case st.timeout > 0:
		return st.timeout
	case r.session.ReadTimeout > 0:
		return r.session.ReadTimeout
	}
	return DefaultTimeout
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

package ssh

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"time"

	"golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Run makes one attempt.
func (p *program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	s, red := s.Guard()
	r := &run{session: s}
	defer r.wipe()
	line, err := r.run(ctx, p)
	if err == nil {
		return executors.Applied, nil
	}
	f := failure(red, line, err)
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
	out      *stream
	in       io.Writer
	conn     io.Closer
	exposed  bool             // the first byte of a step with the new secret may have left
	answered bool             // something that was awaited came after it
	not      []*regexp.Regexp // forbidden until the next match
	red      string           // how the target refused, over a live connection
}

func (r *run) wipe() {
	for _, st := range r.steps {
		st.data.Wipe()
	}
}

// run returns the line that was being worked on and why it stopped; nil after the end of the template.
func (r *run) run(ctx context.Context, p *program) (int, error) {
	s := r.session
	user, err := text(s.Resolve, mask.AuthUser)
	if err != nil {
		return 0, executors.Fail(executors.ClassTemplate, 0, err)
	}
	password, err := s.Resolve(mask.AuthPassword)
	if err != nil {
		return 0, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	if err := r.prepare(p); err != nil {
		return 0, err
	}
	if err := s.Before("connect"); err != nil {
		return 0, executors.Fail(executors.ClassRefused, 0, err)
	}
	limit := s.ConnectTimeout
	if p.connectTimeout > 0 {
		limit = p.connectTimeout
	}
	client, err := dial(ctx, s, user, password, limit)
	if err != nil {
		return 0, err
	}
	s.Trace.Step(model.Step{Text: "logged in as " + mask.AuthUser.String()})
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	done, err := r.shell(client)
	defer func() {
		stop()
		_ = client.Close()
		<-done
		_ = client.Wait()
	}()
	if err != nil {
		return 0, fmt.Errorf("open a shell: %w", err)
	}
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
func (r *run) prepare(p *program) error {
	for i := range p.steps {
		st := &p.steps[i]
		rd := ready{step: st}
		var err error
		switch st.verb {
		case send:
			rd.data, err = mask.Render(st.parts, r.session.Resolve, carry)
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
func (r *run) resolvable(p *program) error {
	for _, n := range p.masks {
		if _, err := r.session.Resolve(n); err != nil {
			return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", n, err))
		}
	}
	return nil
}

// shell starts a shell on a wide terminal without echo. The returned channel closes when its output has ended.
func (r *run) shell(client *ssh.Client) (<-chan struct{}, error) {
	done := make(chan struct{})
	sess, err := client.NewSession()
	if err != nil {
		close(done)
		return done, err
	}
	r.out, r.conn = newStream(), client
	sess.Stdout, sess.Stderr = r.out, r.out
	in, err := sess.StdinPipe()
	if err == nil {
		r.in = in
		err = sess.RequestPty("dumb", 50, 500, ssh.TerminalModes{ssh.ECHO: 0, ssh.TTY_OP_ISPEED: 38400, ssh.TTY_OP_OSPEED: 38400})
	}
	if err == nil {
		err = sess.Shell()
	}
	if err != nil {
		close(done)
		return done, err
	}
	go func() {
		defer close(done)
		_ = sess.Wait() // how the shell ended does not matter, only that it did
		r.out.end()
	}()
	return done, nil
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
		r.exposed, r.answered = true, false
		r.out.mark()
	}
	// A target that stops reading must not hold us longer than one that stops writing.
	timer := time.AfterFunc(r.timeout(st), func() { _ = r.conn.Close() })
	defer timer.Stop()
	var sent int
	err := st.data.Reveal(func(b []byte) error {
		line := append(append(make([]byte, 0, len(b)+2), b...), st.newline...)
		defer clear(line)
		n, err := r.in.Write(line)
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
	r.not = keepUntil(v, r.not)
	switch {
	case err != nil:
		return err
	case v == matched:
		r.answered = true
		return nil
	case v == nothing && want == nil:
		return nil
	case v == closed && want == nil:
		return nil
	case v == closed:
		return &executors.Failure{Class: executors.ClassNetwork, Line: st.line, Msg: "the target closed the session while " + mask.Source(st.parts) + " was awaited"}
	}
	r.red = refusal(r.out.since())
	if !r.exposed {
		r.red = ""
	}
	if v == forbidden {
		return &executors.Failure{Class: executors.ClassProtocol, Line: st.line, Msg: "the target showed a text that the template forbids here"}
	}
	return &executors.Failure{Class: executors.ClassTimeout, Line: st.line, Msg: fmt.Sprintf("%s did not come within %s", mask.Source(st.parts), limit)}
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

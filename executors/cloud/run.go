package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Run is one attempt in progress.
type Run struct {
	Session executors.Session
	Red     *executors.Redactor
	executors.Effect
	Line int // of the template
}

// Attempt makes one attempt and says what it did. An answer that refuses us as a login did nothing.
func Attempt(s executors.Session, do func(*Run) error) (executors.Outcome, error) {
	s, red := s.Guard()
	r := &Run{Session: s, Red: red}
	err := do(r)
	if err == nil {
		return executors.Applied, nil
	}
	f := executors.FailureOf(red, r.Line, err)
	s.Trace.Step(model.Step{Line: f.Line, Text: "stopped", Error: f.Msg})
	var no executors.Refusal
	refused := errors.As(err, &no)
	if refused && !r.Done && no.Class() == executors.ClassAuth {
		return executors.NotStarted, f
	}
	return r.Outcome(refused), f
}

// Permit asks whether the next step may be taken.
func (r *Run) Permit(step string) error {
	if err := r.Session.Before(step); err != nil {
		return executors.Fail(executors.ClassRefused, r.Line, err)
	}
	return nil
}

// ErrDynamicOnly tells that a template makes a secret which nobody would keep.
var ErrDynamicOnly = errors.New("the provider makes the secret: the template is for dynamic users only")

// Keep commits what the provider has made, before anything else is done with it.
func (r *Run) Keep(ctx context.Context, made any) error {
	doc, err := json.Marshal(made)
	if err != nil {
		return fmt.Errorf("write down what the provider made: %w", err)
	}
	v := secret.New(doc)
	defer v.Wipe()
	if err := r.Session.Keep(ctx, v); err != nil {
		return executors.Fail(executors.ClassRefused, r.Line, fmt.Errorf("commit what the provider made: %w", err))
	}
	return nil
}

// Text renders the argument of a step, which holds no secret.
func (r *Run) Text(arg []mask.Part) (out string, err error) {
	v, err := mask.Render(arg, r.Session.Resolve, mask.Raw)
	if err != nil {
		return "", executors.Fail(executors.ClassTemplate, r.Line, err)
	}
	_ = v.Reveal(func(b []byte) error { out = string(b); return nil })
	return out, nil
}

// There tells whether something is there, as removals are proven: it waits for the provider to have forgotten it. look gets
// the guarded session.
func There(ctx context.Context, s executors.Session, p Patience, look func(*Run) (func() (bool, error), error)) (bool, error) {
	s, red := s.Guard()
	there := false
	ask, err := look(&Run{Session: s, Red: red})
	if err == nil {
		err = p.Until(ctx, func() (err error) {
			if there, err = ask(); there && err == nil {
				err = ErrAgain
			}
			return err
		})
	}
	if err != nil && !errors.Is(err, ErrAgain) {
		return false, executors.FailureOf(red, 0, err)
	}
	return there, nil
}

package runner

import (
	"errors"
	"fmt"
	"strings"

	"cofre/executors"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/vault/secret"
)

// each does something at every door, one after the other, until it fails.
func (j *job) each(do func() error) error {
	defer func() { j.device = j.doors[0] }()
	for _, d := range j.doors {
		j.device = d
		if err := do(); err != nil {
			if len(j.doors) > 1 {
				err = fmt.Errorf("%s: %w", d.Hostname, err)
			}
			return err
		}
	}
	return nil
}

var errShut = errors.New("refused")

// proof logs in with a secret at every door: true when all let us in, false as soon as one says that it is wrong.
func (r *Runner) proof(l *lease, j *job, verifier executors.Verifier, value secret.Value) (bool, error) {
	err := j.each(func() error {
		in, err := verifier.Verify(l.ctx, r.session(l, j), value)
		if err == nil && !in {
			err = errShut
		}
		return err
	})
	if errors.Is(err, errShut) {
		return false, nil
	}
	return err == nil, err
}

// rotate changes an SSH key. The new one is added and proven at every door before the old one is removed from any: until then the
// old one opens all of them, after that the new one does, and both are in the vault. What cannot be removed is told, and
// tried again by the next change, which removes every older key that the vault knows.
func (r *Runner) rotate(l *lease, j *job, program executors.Program, version uint64) operation.FinishArgs {
	keys, ok := program.(executors.KeyProgram)
	if !ok {
		return j.failed(model.OutcomeNotStarted, missing("the template changes passwords, and the credential is an SSH key"))
	}
	verifier, ok := j.verifier()
	if !ok {
		return j.failed(model.OutcomeNotStarted, missing("the executor cannot prove a key by a login"))
	}
	err := j.each(func() error {
		if err := keys.Add(l.ctx, r.session(l, j)); err != nil {
			return err
		}
		in, err := verifier.Verify(l.ctx, r.session(l, j), j.candidate)
		if err == nil && !in {
			err = &executors.Failure{Class: executors.ClassAuth, Msg: "the new key was added but does not log in"}
		}
		if err == nil {
			j.trace.Step(model.Step{Text: "login with the new key alone succeeded at " + j.device.Hostname})
		}
		return err
	})
	if err != nil {
		return j.ran(model.OutcomeNotStarted, err) // the old key is where it was
	}
	j.turned = true
	var old, left []string
	for i := range j.credential.Versions {
		if v := &j.credential.Versions[i]; v.Public != "" && v.N != version {
			old = append(old, v.Public)
		}
	}
	_ = j.each(func() error {
		if err := keys.Withdraw(l.ctx, r.session(l, j), old); err != nil {
			left = append(left, j.device.Hostname+": "+err.Error())
		}
		return nil
	})
	report := j.done(model.OutcomeApplied)
	report.Proven = version
	if len(left) > 0 {
		report.Message = "the old key could not be removed everywhere; the next change tries again. " + strings.Join(left, "; ")
		if len(report.Message) > maxMessage {
			report.Message = strings.ToValidUTF8(report.Message[:maxMessage], "")
		}
	}
	return report
}

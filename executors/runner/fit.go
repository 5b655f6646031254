package runner

import (
	"cmp"
	"fmt"
	"strings"

	"cofre/executors"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/policy"
	"cofre/vault/secret"
)

// fitting is how a new password is made: as the policy says, without the symbols that a template which will send it cannot carry. A
// password that does not fit would never leave, however often it is tried.
func fitting(s model.Strength, places []executors.Carrier) (model.Strength, error) {
	if s.Symbols == 0 {
		return s, nil
	}
	var kept strings.Builder
	var refusal error
	for _, symbol := range cmp.Or(s.Set, policy.DefaultSymbols) {
		err := carried(places, "x"+string(symbol)+"x")
		if err == nil {
			err = carried(places, "x"+string(symbol)) // such as a backslash before a closing quote
		}
		if err != nil {
			refusal = cmp.Or(refusal, err)
			continue
		}
		kept.WriteRune(symbol)
	}
	if refusal == nil {
		return s, nil
	}
	fit := s
	fit.Set = kept.String()
	if fit.Set == "" || policy.Validate(fit) != nil {
		return s, missing(fmt.Sprintf("the policy asks for %d symbols, and too few of %s go through the template: %s", s.Symbols, cmp.Or(s.Set, policy.DefaultSymbols), refusal))
	}
	return fit, nil
}

func carried(places []executors.Carrier, text string) error {
	v := secret.New([]byte(text))
	defer v.Wipe()
	for _, p := range places {
		if err := p.Carries(v); err != nil {
			return err
		}
	}
	return nil
}

// places are the programs that will send the new password of a job: its own, those of the children that follow, and in a run those of
// every member.
func (r *Runner) places(j *job, own executors.Program) []executors.Carrier {
	v := r.View()
	defer v.Close()
	p := &sought{runner: r, view: v, seen: map[model.CredentialID]bool{}}
	p.add(own)
	if run, ok := state.ChainRuns.Get(v, string(j.operation.Run)); ok {
		for _, m := range run.Members {
			p.template(m.Executor, m.Template)
			p.heirs(m.Credential)
		}
	}
	if j.user == nil {
		p.heirs(j.credential.ID)
	}
	return p.found
}

// sought collects programs.
type sought struct {
	runner *Runner
	view   table.Reader
	found  []executors.Carrier
	seen   map[model.CredentialID]bool
}

func (p *sought) add(program executors.Program) {
	if c, ok := program.(executors.Carrier); ok {
		p.found = append(p.found, c)
	}
}

func (p *sought) template(name model.ExecutorName, id model.TemplateID) {
	e, ok := p.runner.Executors(name)
	if !ok {
		return
	}
	if program, err := executors.Compile(e, model.TemplateChange, templateOf(p.view, id).Content); err == nil {
		p.add(program)
	}
}

func (p *sought) heirs(of model.CredentialID) {
	if p.seen[of] {
		return
	}
	p.seen[of] = true
	for c := range state.Credentials.By(p.view, "parent", string(of)) {
		if operation.Changeable(c) == nil {
			p.template(c.Execution.Executor, c.Execution.ChangeTemplate)
			p.heirs(c.ID)
		}
	}
}

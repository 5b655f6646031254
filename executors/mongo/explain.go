package mongo

import (
	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Explain tells what the template will do, in order.
func (p *program) Explain() []model.CompiledStep {
	out := []model.CompiledStep{executors.ExplainStep(0, "logs in as "+mask.AuthUser.String(), "", nil)}
	for _, st := range p.steps {
		out = append(out, executors.ExplainStep(st.line, "runs a command", st.source, st.in.parts, st.holes))
	}
	return out
}

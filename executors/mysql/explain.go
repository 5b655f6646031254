package mysql

import (
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Explain tells what the template will do, in order.
func (p *program) Explain() []model.CompiledStep {
	out := []model.CompiledStep{executors.ExplainStep(0, "logs in as "+mask.AuthUser.String(), "", nil)}
	for _, st := range p.statements {
		out = append(out, executors.ExplainStep(st.line, "runs", strings.TrimSpace(mask.Source(st.parts)), st.parts))
	}
	return out
}

package oracle

import (
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Explain tells what the template will do, in order.
func (p *program) Explain() []model.CompiledStep {
	who := "logs in as " + p.login.who.String()
	if p.login.sysdba {
		who += " with the rights of SYSDBA"
	}
	out := []model.CompiledStep{executors.ExplainStep(p.login.line, who, "to "+mask.Source(p.login.service), p.login.service)}
	for _, st := range p.statements {
		out = append(out, executors.ExplainStep(st.line, "runs", strings.TrimSpace(mask.Source(st.parts)), st.parts))
	}
	return out
}

package ssh

import (
	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Explain tells what the template will do, in order.
func (p *esxcli) Explain() []model.CompiledStep {
	out := []model.CompiledStep{executors.ExplainStep(0, "logs in as "+mask.AuthUser.String(), "", nil)}
	for _, c := range p.commands {
		out = append(out, executors.ExplainStep(c.line, "runs", c.source, c.args...))
	}
	return out
}

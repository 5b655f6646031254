package winrpc

import (
	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Explain tells what the template will do, in order.
func (p *program) Explain() []model.CompiledStep {
	out := []model.CompiledStep{executors.ExplainStep(0, "logs in as "+mask.AuthUser.String(), "", nil)}
	for _, st := range p.steps {
		does := "changes an account"
		switch {
		case st.verb == sleep:
			does = "pauses"
		case !st.writes():
			does = "uses the new secret from here on"
		}
		out = append(out, executors.ExplainStep(st.line, does, st.source, st.name, st.password))
	}
	return out
}

package winrm

import (
	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Explain tells what the template will do, in order.
func (p *program) Explain() []model.CompiledStep {
	out := []model.CompiledStep{executors.ExplainStep(0, "logs in as "+mask.AuthUser.String(), "", nil)}
	for _, st := range p.steps {
		does := map[verb]string{
			powershell: "runs a script; its values travel on standard input", command: "runs a command line", change: "changes the account's password",
			reload: "logs in again with the new secret", sleep: "pauses",
		}[st.verb]
		out = append(out, executors.ExplainStep(st.line, does, st.source, st.script.parts(), st.own.parts(), st.parts))
	}
	return out
}

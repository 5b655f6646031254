package browser

import (
	"cofre/executors"
	"cofre/fsm/model"
)

// Explain tells what the template will do, in order.
func (p *program) Explain() []model.CompiledStep {
	out := []model.CompiledStep{}
	for i, st := range p.steps {
		does := map[string]string{
			"start-at": "opens a page", "set-location": "opens a page", "fill": "types into a field", "really-fill": "types into a field", "click": "clicks", "jclick": "clicks",
			"really-click": "clicks with the mouse", "jscript": "runs a script in the page", "prop": "sets a property", "sleep": "pauses", "log": "writes into the transcript",
			"new-action": "waits for the page", "offset": "moves the next click", "refusal": "notes what the page shows when it says no", "logged-in": "waits for the end of the login",
		}[st.verb]
		if does == "" {
			does = "waits for the page to show it"
		}
		out = append(out, executors.ExplainStep(p.steps[i].line, does, st.source, st.parts))
	}
	return out
}

package curl

import (
	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Explain tells what the template will do, in order.
func (p *program) Explain() []model.CompiledStep {
	out := []model.CompiledStep{}
	for i := range p.steps {
		st := &p.steps[i]
		does := map[verb]string{perform: "sends " + st.request.method, expect: "fails unless the answer holds this", forbid: "fails if the answer holds this", pause: "pauses"}[st.verb]
		parts := [][]mask.Part{st.request.to.parts, st.request.content, st.text}
		for _, h := range append(append([]header(nil), st.request.headers...), st.request.fields...) {
			parts = append(parts, h.value)
		}
		if st.verb == perform && st.request.login {
			does += ", with the login of " + mask.AuthUser.String()
		}
		out = append(out, executors.ExplainStep(st.line, does, st.source, parts...))
	}
	return out
}

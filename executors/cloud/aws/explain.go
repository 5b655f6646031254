package aws

import (
	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

var does = map[string]string{
	createUser: "creates the IAM user", attachPolicies: "attaches managed policies", createKey: "makes the access key, which is committed at once",
	deleteUser: "removes access keys, policies and the IAM user",
}

// Explain tells what the template will do, in order.
func (p *program) Explain() []model.CompiledStep {
	out := []model.CompiledStep{executors.ExplainStep(0, "signs with the access key "+mask.AuthUser.String(), "", nil)}
	for _, st := range p.steps {
		out = append(out, executors.ExplainStep(st.line, does[st.word], st.source, st.arg))
	}
	return out
}

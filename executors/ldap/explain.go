package ldap

import (
	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Explain tells what the template will do, in order.
func (p *program) Explain() []model.CompiledStep {
	out := []model.CompiledStep{}
	for _, st := range p.steps {
		does := "changes the entry"
		switch st.verb {
		case "bind":
			does = "logs in"
		case "find":
			does = "finds exactly one entry"
		case "add":
			does = "adds an entry"
		case "delete":
			does = "deletes the entry"
		}
		parts := [][]mask.Part{st.name, st.filter}
		for _, v := range st.values {
			parts = append(parts, v.parts)
		}
		out = append(out, executors.ExplainStep(st.line, does, st.source, parts...))
	}
	return out
}

package dialogue

import (
	"fmt"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Explain tells what the template will do, in order.
func (p *Program) Explain() []model.CompiledStep {
	out := []model.CompiledStep{executors.ExplainStep(0, "logs in as "+mask.AuthUser.String(), "", nil)}
	for i := range p.steps {
		st := &p.steps[i]
		out = append(out, executors.ExplainStep(st.line, st.does(), st.source, st.parts))
	}
	return out
}

func (st *step) does() string {
	limit := "the read time"
	if st.timeout > 0 {
		limit = st.timeout.String()
	}
	switch {
	case st.verb == send && st.secret:
		return "sends the new secret"
	case st.verb == send && st.newline == "":
		return "sends, without an end of line"
	case st.verb == send:
		return "sends a line"
	case st.verb == await && st.regex:
		return fmt.Sprintf("waits for a pattern, up to %s", limit)
	case st.verb == await:
		return fmt.Sprintf("waits for a text, up to %s", limit)
	case st.verb == forbid:
		return "fails if this comes before what is awaited next"
	}
	return "pauses"
}

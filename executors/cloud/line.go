package cloud

import (
	"cofre/executors"
	"cofre/executors/mask"
	"cofre/executors/script"
	"cofre/fsm/model"
)

// Line is a template of one line: a word and what it is about, which holds no secret.
type Line struct {
	Number  int
	Source  string
	Word    string
	Arg     []mask.Part
	notices []string
	does    string
}

// CompileLine reads such a template. words says what each word does; example is what people see who wrote something else.
func CompileLine(source string, words map[string]string, example string) (Line, error) {
	sc, err := script.Parse(source)
	if err != nil {
		return Line{}, err
	}
	at := &mask.Error{Line: 1, Column: 1, Msg: "expected one line: " + example}
	if len(sc.Commands) != 1 {
		return Line{}, at
	}
	cmd := sc.Commands[0]
	at.Line, at.Column = cmd.Line, cmd.Column
	if words[cmd.Name] == "" || len(cmd.Args) != 1 {
		return Line{}, at
	}
	for _, n := range mask.Names(cmd.Args[0].Parts) {
		if n.Secret() {
			return Line{}, &mask.Error{Line: cmd.Line, Column: cmd.Args[0].Column, Msg: "expected no secret here"}
		}
	}
	return Line{cmd.Line, cmd.Source, cmd.Name, cmd.Args[0].Parts, sc.Notices, words[cmd.Name]}, nil
}

// Masks lists the names in the template, and those that the login needs besides.
func (l *Line) Masks(besides ...mask.Name) []mask.Name {
	parts := []mask.Part{{Hole: mask.AuthUser}, {Hole: mask.AuthPassword}}
	for _, n := range append(besides, mask.Username) {
		parts = append(parts, mask.Part{Hole: n})
	}
	return mask.Names(append(parts, l.Arg...))
}

// Notices lists remarks for the author.
func (l *Line) Notices() []string { return l.notices }

// Explain tells what the template will do, in order.
func (l *Line) Explain() []model.CompiledStep {
	return []model.CompiledStep{executors.ExplainStep(0, "gets a token as "+mask.AuthUser.String(), "", nil), executors.ExplainStep(l.Number, l.does, l.Source, l.Arg)}
}

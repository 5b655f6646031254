package postgres

import (
	"strings"

	"cofre/executors/mask"
)

// program is a compiled template.
type program struct {
	statements []statement
	masks      []mask.Name
	notices    []string
}

// Masks lists the names in the template.
func (p *program) Masks() []mask.Name { return p.masks }

// Notices lists remarks for the author.
func (p *program) Notices() []string { return p.notices }

// transaction holds the words that begin a statement which would break the one transaction of the executor.
var transaction = map[string]bool{
	"BEGIN": true, "START": true, "COMMIT": true, "END": true, "ROLLBACK": true, "ABORT": true, "SAVEPOINT": true, "RELEASE": true, "PREPARE": true,
}

func compile(source string) (*program, error) {
	source = strings.TrimPrefix(source, "\ufeff")
	// The escaping of values rests on this setting.
	if at := strings.Index(strings.ToLower(source), "standard_conforming_strings"); at >= 0 {
		line := strings.Count(source[:at], "\n") + 1
		return nil, &mask.Error{Line: line, Column: at - strings.LastIndex(source[:at], "\n"), Msg: "standard_conforming_strings is set by the executor and cannot be changed"}
	}
	all, err := lex(source)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected at least one SQL statement"}
	}
	p := &program{statements: all}
	var parts []mask.Part
	for _, st := range all {
		if len(st.words) == 0 {
			return nil, &mask.Error{Line: st.line, Column: 1, Msg: "expected a statement that begins with a word"}
		}
		if transaction[st.words[0]] {
			return nil, &mask.Error{Line: st.line, Column: 1, Msg: st.words[0] + " is not needed: several statements run as one transaction"}
		}
		for i, part := range st.parts {
			if part.Hole == mask.NewPassword && i != st.verifier {
				p.notices = append(p.notices, mask.NewPassword.String()+" is sent as clear text here, and may stand in the server's log; ALTER USER ... PASSWORD '"+mask.NewPassword.String()+"' sends a SCRAM verifier")
			}
		}
		parts = append(parts, st.parts...)
	}
	p.masks = mask.Names(parts)
	return p, nil
}

package mysql

import (
	"slices"
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

// settings are words that would change how the server reads text, on which the escaping of values rests.
var settings = []string{"SQL_MODE", "NAMES", "CHARSET", "CHARACTER", "CHARACTER_SET_CLIENT", "CHARACTER_SET_CONNECTION", "COLLATION_CONNECTION"}

// setting finds such a word. Clauses of other statements may use some of them.
func setting(words []string) string {
	for i, w := range words {
		if slices.Contains(settings, w) && (words[0] == "SET" || i > 0 && strings.Contains(w, "_")) {
			return w
		}
	}
	return ""
}

func compile(source string) (*program, error) {
	all, err := lex(strings.TrimPrefix(source, "\ufeff"))
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected at least one SQL statement"}
	}
	p := &program{statements: all}
	var parts []mask.Part
	for _, st := range all {
		if err := check(st); err != nil {
			return nil, err
		}
		for _, part := range st.parts {
			if part.Hole == mask.NewPassword && part.Context != inPassword {
				p.notices = append(p.notices, mask.NewPassword.String()+" is sent as clear text here, and may stand in the server's log; ALTER USER ... IDENTIFIED BY '"+
					mask.NewPassword.String()+"' sends a hash to MariaDB")
			}
		}
		parts = append(parts, st.parts...)
	}
	p.masks = mask.Names(parts)
	return p, nil
}

// traceless tells whether the statements leave nothing in the session, such as variables, roles, tables or locks: those about accounts do
// not, and the server has no statement that would clear the rest.
func (p *program) traceless() bool {
	return !slices.ContainsFunc(p.statements, func(st statement) bool {
		switch st.words[0] {
		case "ALTER", "CREATE", "DROP":
			return len(st.words) < 2 || st.words[1] != "USER" && st.words[1] != "ROLE"
		case "SET":
			return len(st.words) < 2 || st.words[1] != "DEFAULT" && st.words[1] != "PASSWORD"
		case "FLUSH":
			return len(st.words) != 2 || st.words[1] != "PRIVILEGES"
		case "GRANT", "REVOKE", "KILL":
			return false
		}
		return true
	})
}

func check(st statement) error {
	fail := func(msg string) error { return &mask.Error{Line: st.line, Column: 1, Msg: msg} }
	if len(st.words) == 0 {
		return fail("expected a statement that begins with a word")
	}
	if w := setting(st.words); w != "" {
		return fail(w + " is set by the executor and cannot be changed")
	}
	if first := st.words[0]; (first == "PREPARE" || first == "EXECUTE") && len(mask.Names(st.parts)) > 0 {
		return fail("a tag cannot stand in text that the server reads as SQL once more; expected the statement itself")
	}
	return nil
}

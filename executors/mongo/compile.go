package mongo

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/xdg-go/stringprep"
	"go.mongodb.org/mongo-driver/v2/bson"

	"cofre/executors/mask"
	"cofre/executors/script"
)

// place is a database; none: admin.
type place struct{ parts []mask.Part }

// name renders it.
func (p place) name(resolve mask.Resolver) (name string, err error) {
	if p.parts == nil {
		return "admin", nil
	}
	v, err := mask.Render(p.parts, resolve, asText)
	if err != nil {
		return "", err
	}
	_ = v.Reveal(func(b []byte) error { name = string(b); return nil })
	if !database.MatchString(name) {
		return "", errors.New("expected the name of a database")
	}
	return name, nil
}

var database = regexp.MustCompile(`^[^/\\. "$*<>:|?\x00]{1,63}$`)

// step is one command.
type step struct {
	line   int
	source string
	in     place
	doc    bson.D // holes stand in strings, as marks
	holes  []mask.Part
}

// program is a compiled template.
type program struct {
	steps   []step
	last    place // of the users that it changes
	masks   []mask.Name
	notices []string
}

// Masks lists the names in the template, and those that the login needs.
func (p *program) Masks() []mask.Name { return p.masks }

// Notices lists remarks for the author.
func (p *program) Notices() []string { return p.notices }

// Marks stand for holes while a document is read: characters of the private use area.
const (
	markOpen, markClose = "\ue000", "\ue001"
)

var mark = regexp.MustCompile(markOpen + `(\d+)` + markClose)

func compile(source string) (*program, error) {
	p := &program{}
	parts := []mask.Part{{Hole: mask.AuthUser}, {Hole: mask.AuthPassword}}
	for n, line := range strings.Split(strings.TrimPrefix(source, "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		fail := func(column int, msg string) error { return &mask.Error{Line: n + 1, Column: column, Msg: msg} }
		ascii := script.ASCII(line)
		if ascii != line {
			p.notices = append(p.notices, fmt.Sprintf("line %d: typographic quotes were read as ASCII quotes", n+1))
		}
		if strings.ContainsAny(line, markOpen+markClose) || !utf8.ValidString(line) {
			return nil, fail(1, "expected text in UTF-8, without characters for private use")
		}
		pieces, err := mask.Parse(ascii)
		var bad *mask.Error
		if errors.As(err, &bad) {
			return nil, fail(bad.Column, bad.Msg)
		}
		for i := range pieces {
			pieces[i].Line = n + 1
		}
		if rest, ok := strings.CutPrefix(ascii, "use "); ok {
			if pieces, err = mask.Parse(strings.TrimSpace(rest)); err != nil || len(pieces) == 0 || mask.Names(pieces) != nil && mask.Names(pieces)[0].Secret() {
				return nil, fail(1, "expected use with the name of a database")
			}
			p.last = place{pieces}
			parts = append(parts, pieces...)
			continue
		}
		st := step{line: n + 1, source: line, in: p.last}
		text := strings.Builder{}
		for _, piece := range pieces {
			if piece.Hole == "" {
				text.WriteString(piece.Literal)
				continue
			}
			fmt.Fprintf(&text, "%s%d%s", markOpen, len(st.holes), markClose)
			st.holes = append(st.holes, piece)
		}
		if err := bson.UnmarshalExtJSON([]byte(text.String()), false, &st.doc); err != nil || len(st.doc) == 0 {
			return nil, fail(1, `expected use with a database, or a command as one JSON document, such as {"updateUser": "[#USERNAME#]", "pwd": "[#NEW_PASSWORD#]"}, with tags inside of strings`)
		}
		if seen := count(st.doc); seen != len(st.holes) {
			return nil, fail(1, "expected every tag inside of a string that is a value, not a name")
		}
		parts = append(parts, st.holes...)
		p.steps = append(p.steps, st)
	}
	if len(p.steps) == 0 {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected at least one command"}
	}
	p.masks = mask.Names(parts)
	return p, nil
}

// count counts the marks in the strings of a document.
func count(v any) (n int) {
	switch v := v.(type) {
	case bson.D:
		for _, e := range v {
			n += count(e.Value)
		}
	case bson.A:
		for _, e := range v {
			n += count(e)
		}
	case string:
		n = len(mark.FindAllString(v, -1))
	}
	return n
}

// filled is a document with the values of its marks.
func filled(v any, values []string) any {
	switch v := v.(type) {
	case bson.D:
		out := make(bson.D, len(v))
		for i, e := range v {
			out[i] = bson.E{Key: e.Key, Value: filled(e.Value, values)}
		}
		return out
	case bson.A:
		out := make(bson.A, len(v))
		for i, e := range v {
			out[i] = filled(e, values)
		}
		return out
	case string:
		next := 0
		var out strings.Builder
		for _, m := range mark.FindAllStringSubmatchIndex(v, -1) {
			out.WriteString(v[next:m[0]])
			at := 0
			_, _ = fmt.Sscan(v[m[2]:m[3]], &at) // the mark is ours
			out.WriteString(values[at])
			next = m[1]
		}
		return out.String() + v[next:]
	}
	return v
}

// asText lets no value pass that a BSON string or a login cannot carry.
func asText(p mask.Part, value []byte) ([]byte, error) {
	text := string(value)
	switch {
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return nil, errors.New("expected text in UTF-8, without NUL")
	case !p.Hole.Candidate():
		return value, nil
	case text == "":
		return nil, errors.New("an empty password cannot log in")
	}
	if prepared, err := stringprep.SASLprep.Prepare(text); err != nil || prepared != text {
		return nil, errors.New("clients prepare such a password differently (SASLprep, RFC 4013): it has characters that are controls, or that have another form")
	}
	return value, nil
}

package mask

import (
	"fmt"
	"strings"
)

// Parse splits text into literals and holes. Letter case of names does not matter. "[nl]" is no hole, and neither is
// a "[#" that cannot be meant as one, such as the class [#$>] of a regular expression.
func Parse(src string) ([]Part, error) {
	var parts []Part
	line, column, start := 1, 1, 0
	from := Part{Line: 1, Column: 1}
	flush := func(end int) {
		if end > start {
			from.Literal = src[start:end]
			parts = append(parts, from)
		}
	}
	for i := 0; i < len(src); {
		name, width, err := At(src[i:])
		if err != nil {
			return nil, &Error{Line: line, Column: column, Msg: err.Error()}
		}
		if width > 0 {
			flush(i)
			parts = append(parts, Part{Hole: name, Line: line, Column: column})
			i, column = i+width, column+width
			start, from = i, Part{Line: line, Column: column}
			continue
		}
		if src[i] == '\n' {
			line, column = line+1, 0
		}
		i, column = i+1, column+1
	}
	flush(len(src))
	return parts, nil
}

// At looks for a hole at the very start of s: its canonical name and width in bytes, width 0 if there is none, and an
// error if there is something that was clearly meant as a hole. A name outside the list is a hole too, because a secret's
// own keys are tags: Foreign finds those that are not meant so. Scanners that know quotes build on it.
func At(s string) (Name, int, error) {
	if !strings.HasPrefix(s, "[#") {
		return "", 0, nil
	}
	word := 2
	for word < len(s) && inName(s[word]) {
		word++
	}
	name := s[2:word]
	def, known := Lookup(name)
	switch {
	case name != "" && strings.HasPrefix(s[word:], "#]"):
		if !known {
			return Name(strings.ToUpper(name)), word + 2, nil
		}
		return def.Name, word + 2, nil
	case known:
		return "", 0, fmt.Errorf("expected #] after [#%s", strings.ToUpper(name))
	case strings.HasPrefix(s, "[##]"):
		return "", 0, fmt.Errorf("expected a tag name between [# and #]")
	}
	end := strings.Index(s, "#]")
	if inner := strings.TrimSpace(s[2:max(end, 2)]); inner != "" && strings.IndexFunc(inner, notInName) < 0 {
		return "", 0, fmt.Errorf("expected [#%s#] without spaces", strings.ToUpper(inner))
	}
	return "", 0, nil
}

// Foreign is the mistake of a template that uses a name outside the list, with the place where it stands; nil if all of the
// names are in the list. ownKeys is the kind of template where the name would be good: it may be a value of a secret, and only
// the kind was forgotten.
func Foreign(src string, names []Name, ownKeys string) error {
	for _, n := range names {
		if _, known := Lookup(string(n)); known {
			continue
		}
		line, column := place(src, n)
		return &Error{Line: line, Column: column, Msg: fmt.Sprintf("unknown tag %s: if it is a value of an application's secret, the template is of the kind %q", n, ownKeys)}
	}
	return nil
}

// place finds a hole in the text outside of whole-line comments.
func place(src string, n Name) (line, column int) {
	for i, l := range strings.Split(src, "\n") {
		if strings.HasPrefix(strings.TrimSpace(l), "# ") {
			continue
		}
		if at := strings.Index(strings.ToUpper(l), n.String()); at >= 0 {
			return i + 1, at + 1
		}
	}
	return 1, 1
}

func inName(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

func notInName(r rune) bool { return r > 0x7f || !inName(byte(r)) }

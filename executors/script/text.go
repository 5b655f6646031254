package script

import (
	"strings"

	"cofre/executors/mask"
)

// Text walks once through statements of a language that an executor reads by its own grammar. What it walked over since the last
// piece is kept: text as it stood, and the holes in it.
type Text struct {
	Src string
	At  int // how far it came, in bytes

	line    int // where the piece in hand began; 0: nothing was taken yet
	literal strings.Builder
	parts   []mask.Part
}

// Rest is what is still ahead.
func (t *Text) Rest() string { return t.Src[t.At:] }

// Begun tells whether the piece in hand holds anything.
func (t *Text) Begun() bool { return t.line > 0 }

// Position is where a byte stands, both counted from 1.
func (t *Text) Position(at int) (line, column int) {
	return strings.Count(t.Src[:at], "\n") + 1, at - strings.LastIndex(t.Src[:at], "\n")
}

// Fail says what is wrong with a byte. The error is a *mask.Error.
func (t *Text) Fail(at int, msg string) error {
	line, column := t.Position(at)
	return &mask.Error{Line: line, Column: column, Msg: msg}
}

// Take moves n bytes into the piece.
func (t *Text) Take(n int) {
	t.Write(t.Src[t.At : t.At+n])
	t.At += n
}

// Write puts something into the piece that does not stand in the source.
func (t *Text) Write(literal string) {
	if t.line == 0 {
		t.line, _ = t.Position(t.At)
	}
	t.literal.WriteString(literal)
}

// Hole takes a hole if one starts here. Its name is "" if there is none.
func (t *Text) Hole(context int) (mask.Name, error) {
	name, width, err := mask.At(t.Rest())
	if err != nil {
		return "", t.Fail(t.At, err.Error())
	}
	if width == 0 {
		return "", nil
	}
	t.Write("")
	t.flush()
	line, column := t.Position(t.At)
	t.parts = append(t.parts, mask.Part{Hole: name, Context: context, Line: line, Column: column})
	t.At += width
	return name, nil
}

// Skip leaves out n bytes of a comment, in which no hole may stand.
func (t *Text) Skip(n int) error {
	for end := t.At + n; t.At < end; t.At++ {
		if _, width, err := mask.At(t.Rest()); width > 0 || err != nil {
			return t.Fail(t.At, "a tag cannot stand in a comment")
		}
	}
	return nil
}

// Quoted takes everything from an opening quote to the closing one, with the holes inside. A closing quote may stand there twice and
// then means itself, if doubled.
func (t *Text) Quoted(quote byte, doubled bool, context int) error {
	opened := t.At
	t.Take(1)
	for t.At < len(t.Src) {
		s := t.Rest()
		switch {
		case s[0] == 0:
			return t.Fail(t.At, "expected text without NUL")
		case doubled && s[0] == quote && len(s) > 1 && s[1] == quote:
			t.Take(2)
		case s[0] == quote:
			t.Take(1)
			return nil
		default:
			name, err := t.Hole(context)
			if err != nil {
				return err
			}
			if name == "" {
				t.Take(1)
			}
		}
	}
	return t.Fail(opened, "expected a closing "+string(quote)+" before the end")
}

func (t *Text) flush() {
	if t.literal.Len() > 0 {
		t.parts = append(t.parts, mask.Part{Literal: t.literal.String()})
		t.literal.Reset()
	}
}

// Piece ends the piece in hand: the line where it began, 0 if it holds nothing, and what it holds.
func (t *Text) Piece() (line int, parts []mask.Part) {
	t.flush()
	line, parts = t.line, t.parts
	t.line, t.parts = 0, nil
	return line, parts
}

// Package script reads command-style templates: one command per line, blank lines and # comments skipped, arguments
// separated by spaces or held in double quotes, holes anywhere in an argument.
//
// Inside double quotes \" is a quote and \\ a backslash; every other backslash stands for itself, because templates
// hold regular expressions. Typographic quotes of published templates count as ASCII quotes, with a notice. Errors
// are *mask.Error with line, column and what was expected. Executors with such a dialect call it.
package script

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"cofre/executors/mask"
)

// Arg is one argument: literals and holes.
type Arg struct {
	Parts  []mask.Part
	Quoted bool // at least one piece stood in quotes
	Column int  // where it starts, from 1
}

// Text is the argument if it has no hole, else false.
func (a Arg) Text() (string, bool) {
	var b strings.Builder
	for _, p := range a.Parts {
		if p.Hole != "" {
			return "", false
		}
		b.WriteString(p.Literal)
	}
	return b.String(), true
}

// Command is one line.
type Command struct {
	Line   int
	Source string // the line as it stands, without surrounding space: holes as written, so it may be shown
	Name   string // lower case
	Column int
	Args   []Arg
}

// Script is a template split into commands.
type Script struct {
	Commands []Command
	Notices  []string
}

var typographic = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "‟", `"`, "‘", "'", "’", "'", "‚", "'", "‛", "'")

// ASCII replaces typographic quotes, as word processors put them into published templates, by those that were meant.
func ASCII(text string) string { return typographic.Replace(text) }

// Parse splits a template.
func Parse(src string) (Script, error) {
	var s Script
	src = strings.TrimPrefix(src, "\ufeff")
	for n, line := range strings.Split(src, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if i := invalid(line); i >= 0 {
			return Script{}, &mask.Error{Line: n + 1, Column: i + 1, Msg: "expected text in UTF-8 without control characters"}
		}
		if trimmed := strings.TrimSpace(line); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		plain := ASCII(line)
		if plain != line {
			s.Notices = append(s.Notices, fmt.Sprintf("line %d: typographic quotes were read as ASCII quotes", n+1))
		}
		c, err := command(n+1, plain)
		if err != nil {
			return Script{}, err
		}
		s.Commands = append(s.Commands, c)
	}
	return s, nil
}

// invalid finds the first byte that no template line may hold; -1 if there is none.
func invalid(line string) int {
	for i, r := range line {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(line[i:]); size <= 1 {
				return i
			}
		}
		if r < ' ' && r != '\t' || r == 0x7f {
			return i
		}
	}
	return -1
}

func command(line int, text string) (Command, error) {
	sc := scanner{line: line, text: text}
	c := Command{Line: line, Source: strings.TrimSpace(text)}
	sc.space()
	c.Column = sc.at + 1
	first, err := sc.arg()
	if err != nil {
		return Command{}, err
	}
	name, plain := first.Text()
	if !plain || first.Quoted {
		return Command{}, &mask.Error{Line: line, Column: c.Column, Msg: "expected a command at the start of the line"}
	}
	c.Name = strings.ToLower(name)
	for sc.space(); sc.at < len(text); sc.space() {
		a, err := sc.arg()
		if err != nil {
			return Command{}, err
		}
		c.Args = append(c.Args, a)
	}
	return c, nil
}

// scanner walks through one line.
type scanner struct {
	line int
	text string
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.text) && isSpace(s.text[s.at]) {
		s.at++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// arg reads up to the next space outside of quotes.
func (s *scanner) arg() (Arg, error) {
	a := Arg{Column: s.at + 1}
	var literal []byte
	column := a.Column
	flush := func() {
		if len(literal) > 0 {
			a.Parts = append(a.Parts, mask.Part{Literal: string(literal), Line: s.line, Column: column})
			literal = nil
		}
	}
	opened := -1 // where the open quote stands
	for s.at < len(s.text) {
		c := s.text[s.at]
		if opened < 0 && isSpace(c) {
			break
		}
		name, width, err := mask.At(s.text[s.at:])
		if err != nil {
			return Arg{}, &mask.Error{Line: s.line, Column: s.at + 1, Msg: err.Error()}
		}
		if width > 0 {
			flush()
			a.Parts = append(a.Parts, mask.Part{Hole: name, Line: s.line, Column: s.at + 1})
			s.at += width
			continue
		}
		if c == '"' {
			a.Quoted = true
			if opened < 0 {
				opened = s.at
			} else {
				opened = -1
			}
			s.at++
			continue
		}
		if opened >= 0 && c == '\\' && s.at+1 < len(s.text) && (s.text[s.at+1] == '"' || s.text[s.at+1] == '\\') {
			s.at++
			c = s.text[s.at]
		}
		if len(literal) == 0 {
			column = s.at + 1
		}
		literal = append(literal, c)
		s.at++
	}
	if opened >= 0 {
		return Arg{}, &mask.Error{Line: s.line, Column: opened + 1, Msg: `expected a closing " before the end of the line`}
	}
	flush()
	return a, nil
}

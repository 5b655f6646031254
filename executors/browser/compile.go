package browser

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"cofre/executors/mask"
	"cofre/executors/script"
)

// step is one line.
type step struct {
	line   int
	source string
	verb   string
	css    string
	name   string        // of a property
	text   string        // of log and jscript
	parts  []mask.Part   // of URLs, of test-location, and of what is filled in
	pause  time.Duration // of sleep
	x, y   float64       // of offset
}

// candidate tells whether the step types the new secret.
func (s step) candidate() bool {
	return slices.ContainsFunc(s.parts, func(p mask.Part) bool { return p.Hole.Candidate() })
}

// program is a compiled template.
type program struct {
	connect Connector
	agent   string
	process time.Duration
	steps   []step
	login   int // how many steps the login has; 0: the template does not say
	fresh   bool
	masks   []mask.Name
	notices []string
}

// Masks lists the names in the template, and those of who logs in.
func (p *program) Masks() []mask.Name { return p.masks }

// Notices lists remarks for the author.
func (p *program) Notices() []string { return p.notices }

const words = "start-at, timeout, useragent, new-action, set-location, test-location, test-selector, test-visible, test-not-visible, refusal, logged-in, fill, really-fill, click, jclick, offset, really-click, prop, log, sleep or jscript"

func compile(source string) (*program, error) {
	p := &program{process: DefaultProcess}
	for n, line := range strings.Split(strings.TrimPrefix(source, "\ufeff"), "\n") {
		line = strings.TrimRight(line, " \t\r")
		if text := strings.TrimSpace(line); text == "" || text[0] == '#' {
			continue
		}
		ascii := script.ASCII(line)
		if ascii != line {
			p.notices = append(p.notices, fmt.Sprintf("line %d: typographic quotes were read as ASCII quotes", n+1))
		}
		parts, err := mask.Parse(ascii)
		if err != nil {
			return nil, &mask.Error{Line: n + 1, Column: 1, Msg: err.Error()}
		}
		if err := p.read(n+1, strings.TrimSpace(ascii), parts); err != nil {
			return nil, err
		}
	}
	if len(p.steps) < 2 || p.steps[0].verb != "start-at" {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected start-at with a URL, and what to do on the page"}
	}
	if p.login == 0 {
		p.notices = append(p.notices, "without logged-in no change can be proven by a login, and none that is uncertain can be settled")
	}
	p.collect()
	return p, nil
}

func (p *program) collect() {
	var parts []mask.Part
	for _, st := range p.steps {
		parts = append(parts, st.parts...)
		p.fresh = p.fresh || st.candidate()
	}
	p.masks = mask.Names(parts)
}

// read reads one line.
func (p *program) read(n int, text string, parts []mask.Part) error {
	fail := func(msg string) error { return &mask.Error{Line: n, Column: 1, Msg: msg} }
	word, rest := text, ""
	if end := strings.IndexAny(text, " \t"); end > 0 {
		word, rest = text[:end], strings.TrimSpace(text[end:])
	}
	st := step{line: n, source: text, verb: strings.ToLower(word)}
	var holes []mask.Part
	for _, part := range parts {
		if part.Hole != "" {
			part.Line = n
			holes = append(holes, part)
		}
	}
	head, tail := split(rest)
	takesTags := false
	number := func(s string, most int) (int, bool) {
		i, err := strconv.Atoi(s)
		return i, err == nil && i > 0 && i <= most
	}
	switch st.verb {
	case "timeout":
		ms, ok := number(rest, math.MaxInt32)
		if !ok {
			return fail("expected timeout with milliseconds")
		}
		if p.process = time.Duration(ms) * time.Millisecond; p.process > maxProcess {
			p.process = maxProcess
			p.notices = append(p.notices, fmt.Sprintf("line %d: an attempt lasts %d milliseconds at most", n, maxProcess.Milliseconds()))
		}
		return nil
	case "useragent", "user-agent":
		if p.agent = strings.Trim(rest, `"`); p.agent == "" || len(holes) > 0 {
			return fail("expected useragent with a text without tags")
		}
		return nil
	case "start-at", "set-location":
		takesTags, st.parts = true, partsOf(rest, n)
		if len(p.steps) == 0 != (st.verb == "start-at") {
			return fail("expected start-at once, before everything else, and set-location later")
		}
		if st.verb == "set-location" && strings.HasPrefix(rest, "/") {
			st.parts = append(origin(p.steps[0].parts), st.parts...)
		}
		if err := address(st.parts); err != nil {
			return fail(err.Error())
		}
	case "fill", "really-fill":
		takesTags, st.css, st.parts = true, head, partsOf(strings.TrimSuffix(strings.TrimPrefix(tail, `"`), `"`), n)
		if head == "" || strings.Contains(head, "[#") {
			return fail("expected " + st.verb + " selector value, without tags in the selector")
		}
		if st.candidate() && p.login == 0 && slices.ContainsFunc(p.steps, func(s step) bool { return s.verb == "refusal" }) {
			p.notices = append(p.notices, fmt.Sprintf("line %d: the login before it has a refusal, but no logged-in", n))
		}
	case "prop":
		selector, property := split(head)
		st.css, st.name, st.text = selector, property, strings.Trim(tail, `"`)
		if selector == "" {
			return fail("expected prop selector property value")
		}
	case "test-selector", "test-visible", "test-not-visible", "refusal", "logged-in":
		if st.css = rest; rest == "" {
			return fail("expected " + st.verb + " with a selector")
		}
		if st.verb == "logged-in" {
			if p.login > 0 || slices.ContainsFunc(p.steps, step.candidate) {
				return fail("expected logged-in once, before the new secret is filled in")
			}
			p.login = len(p.steps) + 1
		}
	case "click", "jclick", "really-click":
		st.css = rest
	case "test-location":
		takesTags, st.parts = true, partsOf(rest, n)
		if err := location(st.parts); err != nil {
			return fail(err.Error())
		}
	case "log", "jscript":
		if st.text = rest; rest == "" {
			return fail("expected " + st.verb + " with a text")
		}
	case "offset":
		x, errX := strconv.ParseFloat(head, 64)
		y, errY := strconv.ParseFloat(tail, 64)
		if errX != nil || errY != nil {
			return fail("expected offset x y")
		}
		st.x, st.y = x, y
	case "sleep":
		ms, ok := number(rest, 60000)
		if !ok {
			return fail("expected sleep with milliseconds, at most 60000")
		}
		st.pause = time.Duration(ms) * time.Millisecond
	case "new-action":
	default:
		return fail("unknown word " + word + "; expected " + words)
	}
	if !takesTags && len(holes) > 0 {
		return fail("a tag can stand in a URL and in what is filled in only: everything else is script or log")
	}
	p.steps = append(p.steps, st)
	return nil
}

// split takes the last word, or what stands in double quotes at the end, off a text.
func split(text string) (head, tail string) {
	at := strings.LastIndexAny(text, " \t")
	if strings.HasSuffix(text, `"`) {
		if open := strings.LastIndex(strings.TrimSuffix(text, `"`), ` "`); open >= 0 {
			at = open
		}
	}
	if at < 0 {
		return "", text
	}
	return strings.TrimSpace(text[:at]), text[at+1:]
}

// partsOf reads text in which the holes are known to be well.
func partsOf(text string, line int) []mask.Part {
	parts, err := mask.Parse(text)
	if err != nil {
		return nil
	}
	for i := range parts {
		parts[i].Line = line
	}
	return parts
}

package compat

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"cofre/fsm/model"
)

// Limits of a JSON body.
const (
	maxDepth   = 32
	maxMembers = 4096 // values in one object or list
)

type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeBool
	nodeNumber
	nodeString
	nodeList
	nodeObject
)

func (k nodeKind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// node is a decoded value. Text of strings and numbers lives in bytes of its own, so that it can be wiped.
type node struct {
	kind nodeKind
	text []byte // of a string, decoded; of a number or boolean, as written
	list []*node
	keys []string // of an object, with list as values
}

func (n *node) wipe() {
	clear(n.text)
	for _, c := range n.list {
		c.wipe()
	}
}

// parseJSON reads one JSON value strictly: valid UTF-8, no duplicate keys, nothing behind it, bounded depth.
func parseJSON(b []byte) (*node, error) {
	p := &jsonParser{b: b}
	p.space()
	n, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(p.b) {
		return nil, p.wrong("there is something behind the JSON value")
	}
	return n, nil
}

type jsonParser struct {
	b  []byte
	at int
}

// wrong never quotes the body: it may hold a secret.
func (p *jsonParser) wrong(what string) error {
	return model.Errorf(model.Invalid, "malformed JSON at byte %d: %s", p.at, what).WithField("body")
}

func (p *jsonParser) space() {
	for p.at < len(p.b) {
		switch p.b[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *jsonParser) take(c byte) bool {
	if p.at < len(p.b) && p.b[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *jsonParser) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, p.wrong("nested too deeply")
	}
	if p.at >= len(p.b) {
		return nil, p.wrong("it ends too early")
	}
	switch c := p.b[p.at]; {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		text, err := p.str()
		return &node{kind: nodeString, text: text}, err
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for word, kind := range map[string]nodeKind{"null": nodeNull, "true": nodeBool, "false": nodeBool} {
		if len(p.b)-p.at >= len(word) && string(p.b[p.at:p.at+len(word)]) == word {
			p.at += len(word)
			return &node{kind: kind, text: []byte(word)}, nil
		}
	}
	return nil, p.wrong("a value was expected")
}

func (p *jsonParser) object(depth int) (*node, error) {
	n := &node{kind: nodeObject}
	seen := map[string]bool{}
	p.at++
	if p.space(); p.take('}') {
		return n, nil
	}
	for {
		p.space()
		if p.at >= len(p.b) || p.b[p.at] != '"' {
			return nil, p.wrong("a name in quotes was expected")
		}
		key, err := p.str()
		if err != nil {
			return nil, err
		}
		if seen[string(key)] {
			return nil, p.wrong("a name occurs twice in one object")
		}
		seen[string(key)] = true
		if p.space(); !p.take(':') {
			return nil, p.wrong("':' was expected")
		}
		p.space()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.keys, n.list = append(n.keys, string(key)), append(n.list, v)
		if len(n.list) > maxMembers {
			return nil, p.wrong("too many members")
		}
		if p.space(); p.take('}') {
			return n, nil
		}
		if !p.take(',') {
			return nil, p.wrong("',' or '}' was expected")
		}
	}
}

func (p *jsonParser) array(depth int) (*node, error) {
	n := &node{kind: nodeList}
	p.at++
	if p.space(); p.take(']') {
		return n, nil
	}
	for {
		p.space()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if n.list = append(n.list, v); len(n.list) > maxMembers {
			return nil, p.wrong("too many elements")
		}
		if p.space(); p.take(']') {
			return n, nil
		}
		if !p.take(',') {
			return nil, p.wrong("',' or ']' was expected")
		}
	}
}

func (p *jsonParser) number() (*node, error) {
	start := p.at
	digits := func() bool {
		from := p.at
		for p.at < len(p.b) && p.b[p.at] >= '0' && p.b[p.at] <= '9' {
			p.at++
		}
		return p.at > from
	}
	p.take('-')
	if !p.take('0') && !digits() {
		return nil, p.wrong("a digit was expected")
	}
	if p.take('.') && !digits() {
		return nil, p.wrong("a digit was expected")
	}
	if p.take('e') || p.take('E') {
		if !p.take('+') {
			p.take('-')
		}
		if !digits() {
			return nil, p.wrong("a digit was expected")
		}
	}
	return &node{kind: nodeNumber, text: append([]byte(nil), p.b[start:p.at]...)}, nil
}

// str reads a string into bytes of exactly its decoded length at most, so that no copy is left behind by growing.
func (p *jsonParser) str() ([]byte, error) {
	p.at++
	end := p.at
	for end < len(p.b) && p.b[end] != '"' {
		if p.b[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.b) {
		return nil, p.wrong("a string does not end")
	}
	out := make([]byte, 0, end-p.at)
	for p.at < end {
		c := p.b[p.at]
		switch {
		case c < 0x20:
			return nil, p.wrong("a control character in a string")
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
		case c < utf8.RuneSelf:
			out = append(out, c)
			p.at++
		default:
			r, n := utf8.DecodeRune(p.b[p.at:end])
			if r == utf8.RuneError && n == 1 {
				return nil, p.wrong("bad UTF-8 in a string")
			}
			out = append(out, p.b[p.at:p.at+n]...)
			p.at += n
		}
	}
	p.at++
	return out, nil
}

func (p *jsonParser) escape() (rune, error) {
	c := p.b[p.at+1] // str saw a byte behind every backslash
	p.at += 2
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		r, err := p.hex()
		if err != nil || !utf16.IsSurrogate(r) {
			return r, err
		}
		if !p.take('\\') || !p.take('u') {
			return 0, p.wrong("half of a surrogate pair")
		}
		low, err := p.hex()
		if err != nil {
			return 0, err
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return 0, p.wrong("half of a surrogate pair")
		}
		return r, nil
	}
	return 0, p.wrong("an unknown escape in a string")
}

func (p *jsonParser) hex() (rune, error) {
	if len(p.b)-p.at < 4 {
		return 0, p.wrong("four hexadecimal digits were expected")
	}
	v, err := strconv.ParseUint(string(p.b[p.at:p.at+4]), 16, 32)
	if err != nil {
		return 0, p.wrong("four hexadecimal digits were expected")
	}
	p.at += 4
	return rune(v), nil
}

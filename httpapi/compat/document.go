package compat

import (
	"bytes"
	"encoding/base64"
	"strings"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Document is a part of a client's JSON whose names are not known beforehand, such as the data of a secret. Its bytes are
// wiped with the Input that it came from. The zero value is an absent document.
type Document struct{ n *node }

// Document reads a nested document: an object or list, its JSON as text, or the base64 of that, in any of the alphabets
// that clients use.
func (in *Input) Document(names ...string) (Document, error) {
	n := in.find(names)
	if n == nil {
		return Document{}, nil
	}
	if n.kind == nodeObject || n.kind == nodeList {
		return Document{n}, nil
	}
	wrong := model.Errorf(model.Invalid, "%s must be an object, its JSON, or the base64 of its JSON", names[0]).WithField(names[0])
	text := bytes.TrimSpace(n.text)
	if len(text) == 0 {
		return Document{}, nil
	}
	if text[0] != '{' && text[0] != '[' {
		plain, ok := Base64(text)
		if !ok {
			return Document{}, wrong
		}
		defer clear(plain)
		text = bytes.TrimSpace(plain)
	}
	parsed, err := parseJSON(text)
	if err != nil {
		return Document{}, wrong
	}
	in.names, in.values = append(in.names, ""), append(in.values, parsed) // wiped with the rest
	if parsed.kind != nodeObject && parsed.kind != nodeList {
		return Document{}, wrong
	}
	return Document{parsed}, nil
}

// Base64 decodes what clients call base64: standard or URL-safe, or the dsm client's '-', '_' and ',' for '+', '/' and '=';
// padded or not. A blank is a '+' that a form swallowed. The caller wipes what it gets.
func Base64(text []byte) ([]byte, bool) {
	plain := make([]byte, 0, len(text))
	defer clear(plain[:cap(plain)])
	for _, c := range text {
		switch c {
		case '-', ' ':
			c = '+'
		case '_':
			c = '/'
		case '\n', '\r', ',', '=':
			continue
		}
		plain = append(plain, c)
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(plain)))
	n, err := base64.RawStdEncoding.Decode(out, plain)
	if err != nil {
		clear(out)
		return nil, false
	}
	return out[:n], true
}

// ParseDocument reads a JSON document that a client sent in another wrapping. The caller wipes it.
func ParseDocument(b []byte) (Document, error) {
	n, err := parseJSON(bytes.TrimSpace(bytes.TrimPrefix(b, []byte(bom))))
	if err != nil {
		return Document{}, err
	}
	return Document{n}, nil
}

// Wipe overwrites the document.
func (d Document) Wipe() {
	if d.n != nil {
		d.n.wipe()
	}
}

// Absent tells whether nothing was sent; JSON null is nothing.
func (d Document) Absent() bool { return d.n == nil || d.n.kind == nodeNull }

// IsObject tells whether it has members.
func (d Document) IsObject() bool { return d.n != nil && d.n.kind == nodeObject }

// Named is one member of an object.
type Named struct {
	Name string
	Document
}

// Members lists the members of an object in their order; nil of anything else.
func (d Document) Members() []Named {
	if !d.IsObject() {
		return nil
	}
	out := make([]Named, len(d.n.keys))
	for i, k := range d.n.keys {
		out[i] = Named{k, Document{d.n.list[i]}}
	}
	return out
}

// Member finds a member by name, in any case; absent if there is none.
func (d Document) Member(name string) Document {
	for _, m := range d.Members() {
		if strings.EqualFold(m.Name, name) {
			return m.Document
		}
	}
	return Document{}
}

// Items lists the elements of a list, or the document itself if it is no list.
func (d Document) Items() []Document {
	switch {
	case d.Absent():
		return nil
	case d.n.kind != nodeList:
		return []Document{d}
	}
	out := make([]Document, len(d.n.list))
	for i, n := range d.n.list {
		out[i] = Document{n}
	}
	return out
}

// Text is a string, number or boolean as text; "" of anything else. Not for secrets.
func (d Document) Text() string {
	if d.Absent() || d.n.kind == nodeList || d.n.kind == nodeObject {
		return ""
	}
	return string(d.n.text)
}

// Secret gives a string, number or boolean as a secret of the caller's.
func (d Document) Secret() (secret.Value, bool) {
	if d.Absent() || d.n.kind == nodeList || d.n.kind == nodeObject {
		return secret.Value{}, false
	}
	return secret.New(append([]byte(nil), d.n.text...)), true
}

package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"cofre/vault/secret"
)

// Member is one name and value of an Object.
type Member struct {
	Name  string
	Value any
}

// Object is a JSON object in the order of its members. Values are Object, []Object, Secret, or anything that encoding/json
// writes.
type Object []Member

// Secret is a place in an answer where a secret's bytes are written. The answer owns the value and wipes it.
// It is encrypted if the client's authorization asks for that, unless Cofre has just made it for the client to use: a key.
type Secret struct {
	Value  secret.Value
	Issued bool
}

// buffer collects an answer; what it leaves behind when it grows is wiped.
type buffer struct {
	b      []byte
	sealer *Sealer // nil: secrets are written as they are
	none   bool    // no secret is written at all
}

var errSecret = errors.New("a secret stands in an answer that must hold none")

func (w *buffer) room(n int) {
	if cap(w.b)-len(w.b) >= n {
		return
	}
	old := w.b
	w.b = append(make([]byte, 0, 2*cap(old)+n+1024), old...)
	clear(old)
}

func (w *buffer) raw(s string) { w.room(len(s)); w.b = append(w.b, s...) }

func (w *buffer) bytes(b []byte) { w.room(len(b)); w.b = append(w.b, b...) }

const hexDigits = "0123456789abcdef"

// quoted writes bytes as a JSON string without making a copy that nobody wipes. Bytes that are not UTF-8 become U+FFFD.
func (w *buffer) quoted(s []byte) {
	w.room(6*len(s) + 2)
	w.b = append(w.b, '"')
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			w.b = append(w.b, '\\', c)
			i++
		case c < 0x20:
			w.b = append(w.b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			i++
		case c < utf8.RuneSelf:
			w.b = append(w.b, c)
			i++
		default:
			r, n := utf8.DecodeRune(s[i:])
			w.b = utf8.AppendRune(w.b, r)
			i += n
		}
	}
	w.b = append(w.b, '"')
}

func (w *buffer) object(o Object) error {
	w.raw("{")
	for i, m := range o {
		if i > 0 {
			w.raw(",")
		}
		w.raw(strconv.Quote(m.Name))
		w.raw(":")
		if err := w.value(m.Value); err != nil {
			return fmt.Errorf("write %s: %w", m.Name, err)
		}
	}
	w.raw("}")
	return nil
}

func (w *buffer) value(v any) error {
	switch v := v.(type) {
	case nil:
		w.raw("null")
	case string:
		w.quoted([]byte(v))
	case Object:
		return w.object(v)
	case []Object:
		w.raw("[")
		for i, o := range v {
			if i > 0 {
				w.raw(",")
			}
			if err := w.object(o); err != nil {
				return err
			}
		}
		w.raw("]")
	case Secret:
		if w.none {
			return errSecret
		}
		if w.sealer != nil && !v.Issued {
			text, err := w.sealer.seal(v.Value)
			w.raw(`"` + text + `"`) // base64, dots and dashes only
			return err
		}
		return v.Value.Reveal(func(b []byte) error { w.quoted(b); return nil })
	default:
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return err
		}
		w.bytes(bytes.TrimSuffix(out.Bytes(), []byte("\n")))
	}
	return nil
}

// wipeSecrets empties every secret below v.
func wipeSecrets(v any) {
	switch v := v.(type) {
	case Secret:
		v.Value.Wipe()
	case Object:
		for _, m := range v {
			wipeSecrets(m.Value)
		}
	case []Object:
		for _, o := range v {
			wipeSecrets(o)
		}
	}
}

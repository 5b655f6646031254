package dsm

import (
	"bytes"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
)

// environment reads the variables of a pipeline: a JSON object of texts, in which nothing is ambiguous, or the lines NAME=value
// of the vendor's clients. The caller wipes the values.
func environment(env []byte) (map[string][]byte, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(env), []byte("{")) {
		return variables(env), nil
	}
	wrong := model.Errorf(model.Invalid, "env is neither lines of NAME=value nor a JSON object of texts").WithField("env")
	doc, err := compat.ParseDocument(env)
	if err != nil {
		return nil, wrong
	}
	defer doc.Wipe()
	out := map[string][]byte{}
	for _, m := range doc.Members() {
		v, ok := m.Secret()
		if !ok {
			for _, b := range out {
				clear(b)
			}
			return nil, wrong
		}
		_ = v.Reveal(func(b []byte) error { out[m.Name] = bytes.Clone(b); return nil })
		v.Wipe()
	}
	return out, nil
}

// variables finds the values of NAME=value lines; a line that begins with no name belongs to the value before it, and so does
// every line of a PEM block, whose last one often looks like a name: QUJD=. The values are parts of env.
func variables(env []byte) map[string][]byte {
	out := map[string][]byte{}
	name, from, at, block := "", 0, 0, false
	for at <= len(env) {
		end := bytes.IndexByte(env[at:], '\n')
		if end < 0 {
			end = len(env) - at
		}
		line := env[at : at+end]
		if key, value, ok := bytes.Cut(line, []byte("=")); ok && !block && (isName(key) || isFunction(key)) {
			name, from, line = string(key), at+len(key)+1, value
		}
		switch {
		case bytes.HasPrefix(line, []byte("-----BEGIN ")):
			block = endsBefore(env[at+end:])
		case bytes.HasPrefix(line, []byte("-----END ")):
			block = false
		}
		if name != "" {
			out[name] = env[from : at+end]
		}
		at += end + 1
	}
	return out
}

// endsBefore tells whether the PEM block that begins before rest ends on a line of its own before another one begins: what only
// looks like a block takes nothing in.
func endsBefore(rest []byte) bool {
	end, next := bytes.Index(rest, []byte("\n-----END ")), bytes.Index(rest, []byte("-----BEGIN "))
	return end >= 0 && (next < 0 || end < next)
}

// isFunction tells whether a name is that of a function which bash exports: it would else belong to the value before it.
func isFunction(b []byte) bool {
	name, exported := bytes.CutPrefix(b, []byte("BASH_FUNC_"))
	return exported && (bytes.HasSuffix(name, []byte("%%")) || bytes.HasSuffix(name, []byte("()")))
}

func isName(b []byte) bool {
	for i, c := range b {
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return len(b) > 0
}

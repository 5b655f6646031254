package route

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"cofre/fsm/model"
)

// tree finds the declared path of a request: fixed segments in any case, parameters as they are. A fixed segment wins
// over a parameter.
type tree struct {
	fixed map[string]*tree // by lower case
	param *tree
	path  string // of the declaration that ends here; "": none
}

func (t *tree) add(path string) {
	at := t
	for _, s := range strings.Split(path[1:], "/") {
		if strings.HasPrefix(s, "{") {
			if at.param == nil {
				at.param = &tree{}
			}
			at = at.param
			continue
		}
		if at.fixed == nil {
			at.fixed = map[string]*tree{}
		}
		s = strings.ToLower(s)
		if at.fixed[s] == nil {
			at.fixed[s] = &tree{}
		}
		at = at.fixed[s]
	}
	if at.path == "" {
		at.path = path
	}
}

// find gives the declared path and the parameters' escaped values in order.
func (t *tree) find(segments, values []string) (string, []string) {
	if len(segments) == 0 {
		return t.path, values
	}
	if next := t.fixed[strings.ToLower(segments[0])]; next != nil {
		if path, v := next.find(segments[1:], values); path != "" {
			return path, v
		}
	}
	if t.param != nil {
		return t.param.find(segments[1:], append(values[:len(values):len(values)], segments[0]))
	}
	return "", nil
}

// split cuts an escaped path into segments; empty ones, which clients make by joining URLs, do not count.
func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

const maxParam = 512

// unescapeParam decodes a path parameter.
func unescapeParam(name, escaped string) (string, error) {
	v, err := url.PathUnescape(escaped)
	if err != nil || !utf8.ValidString(v) || len(v) > maxParam {
		return "", model.Errorf(model.Invalid, "%s in the path is not valid: at most %d bytes of percent-encoded UTF-8", name, maxParam).WithField(name)
	}
	return v, nil
}

// ginPath writes a declared path for gin: fixed segments in lower case, parameters named by their place, because gin
// wants the same name wherever two routes share a place.
func ginPath(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = ":p" + strconv.Itoa(i)
		} else {
			segments[i] = strings.ToLower(s)
		}
	}
	return strings.Join(segments, "/")
}

// canonical writes the path of a request as gin knows it.
func canonical(path string, values []string) string {
	segments := strings.Split(path, "/")
	n := 0
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = values[n]
			n++
		} else {
			segments[i] = strings.ToLower(s)
		}
	}
	return strings.Join(segments, "/")
}

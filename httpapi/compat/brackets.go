package compat

import (
	"slices"
	"strings"

	"cofre/fsm/model"
)

// maxNested bounds how deep the names of form fields go.
const maxNested = 8

// nested cuts the name of a form field as the vendor's server, which is written in PHP, reads it: tags[], tags[0],
// execution_settings[change_plugin], devices[0][hostname]. What is not of that form is a name as it stands.
func nested(name string) (base string, path []string) {
	base, rest, found := strings.Cut(name, "[")
	if !found || base == "" || !strings.HasSuffix(rest, "]") {
		return name, nil
	}
	path = strings.Split(strings.TrimSuffix(rest, "]"), "][")
	if len(path) > maxNested || slices.ContainsFunc(path, func(s string) bool { return strings.ContainsAny(s, "[]") }) {
		return name, nil
	}
	return base, path
}

// isPlace tells whether a part of a path is a place in a list: nothing is the next one.
func isPlace(s string) bool { return strings.Trim(s, "0123456789") == "" }

// put writes a value below a field, making lists and objects on the way. The places of a list are kept as its keys, so that
// parts of one element find it again.
func put(n *node, path []string, v *node) bool {
	kind := nodeObject
	if isPlace(path[0]) {
		kind = nodeList
	}
	if n.kind == nodeNull {
		n.kind = kind
	}
	if n.kind != kind || len(n.keys) != len(n.list) {
		return false // it is there in another form
	}
	at := -1
	if path[0] != "" {
		at = slices.Index(n.keys, path[0])
	}
	switch {
	case at >= 0 && len(path) == 1:
		n.list[at].wipe()
		n.list[at] = v
		return true
	case at >= 0:
		return put(n.list[at], path[1:], v)
	case len(n.list) >= maxMembers:
		return false
	}
	if len(path) > 1 {
		inner := &node{}
		if !put(inner, path[1:], v) {
			return false
		}
		v = inner
	}
	n.keys, n.list = append(n.keys, path[0]), append(n.list, v)
	return true
}

// addField adds a field of a form. Of a name that is sent again, Input.List takes every value and everything else the last.
func (in *Input) addField(name string, v *node) error {
	base, path := nested(name)
	field := strings.ToLower(base)
	if path == nil {
		in.names, in.values = append(in.names, field), append(in.values, v)
		return nil
	}
	i := slices.Index(in.names, field)
	if i < 0 {
		i = len(in.names)
		in.names, in.values = append(in.names, field), append(in.values, &node{})
	}
	if !put(in.values[i], path, v) {
		v.wipe()
		return model.Errorf(model.Invalid, "%s is sent in two forms", FieldName(field)).WithField(FieldName(field))
	}
	return nil
}

// secretIn finds a field that holds a secret in some request; "" if there is none.
func (in *Input) secretIn() string {
	for i, name := range in.names {
		if slices.Contains(SecretNames, name) {
			return name
		}
		if found := in.values[i].named(SecretNames); found != "" {
			return found
		}
	}
	return ""
}

// named finds one of the names among the members below a value.
func (n *node) named(names []string) string {
	for i, c := range n.list {
		if n.kind == nodeObject && slices.Contains(names, strings.ToLower(n.keys[i])) {
			return strings.ToLower(n.keys[i])
		}
		if found := c.named(names); found != "" {
			return found
		}
	}
	return ""
}

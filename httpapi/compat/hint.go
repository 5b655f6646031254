package compat

import "strings"

// Hints joins what a client should know besides, for Reply.Detail; empty ones do not count.
func Hints(all ...string) string {
	out := ""
	for _, h := range all {
		if h != "" {
			out = strings.TrimPrefix(out+"; "+h, "; ")
		}
	}
	return out
}

// NotKept says that fields which were sent have no effect; "" for none.
func NotKept(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "not kept: " + strings.Join(names, ", ")
}

// Said lists those of the fields that a client sent and that ask for something.
func (in *Input) Said(fields ...string) (names []string) {
	for _, f := range fields {
		if in.Says(f) {
			names = append(names, f)
		}
	}
	return names
}

// When gives a hint if it holds, else "".
func When(holds bool, hint string) string {
	if !holds {
		return ""
	}
	return hint
}

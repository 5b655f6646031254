package compat

import (
	"slices"
	"strings"
)

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

func (in *Input) ask(name string) {
	if in.asked == nil {
		in.asked = map[string]bool{}
	}
	in.asked[name] = true
}

// Unasked lists the fields that were sent and that nobody asked for, such as misspelt ones.
func (in *Input) Unasked() (names []string) {
	for _, n := range in.names {
		if !in.asked[n] {
			names = append(names, n)
		}
	}
	return names
}

// NotKnown says which of the names have no meaning; known are those that have. What is no plain name is left out: a body that is no form
// may have become one.
func NotKnown(names []string, known func(name string) bool) string {
	var told []string
	for _, n := range names {
		plain := n != "" && strings.Trim(n, "abcdefghijklmnopqrstuvwxyz0123456789_-.") == "" && len(n) <= 64
		if plain && !known(n) && !strings.HasPrefix(n, "oauth_") && !slices.Contains(told, n) && len(told) < maxIgnored {
			told = append(told, n)
		}
	}
	return When(len(told) > 0, "not known here: "+strings.Join(told, ", "))
}

// maxIgnored bounds how many fields an answer names.
const maxIgnored = 16

// When gives a hint if it holds, else "".
func When(holds bool, hint string) string {
	if !holds {
		return ""
	}
	return hint
}

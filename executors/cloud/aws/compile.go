package aws

import (
	"errors"
	"regexp"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/executors/script"
)

// The words of templates.
const (
	createUser     = "create-user"
	attachPolicies = "attach-policies"
	createKey      = "create-access-key"
	deleteUser     = "delete-user"
)

// maxPolicies is how many managed policies AWS attaches to a user by default.
const maxPolicies = 10

// step is one line.
type step struct {
	line   int
	source string
	word   string
	arg    []mask.Part // path, or list of policies
}

// program is a compiled template that makes a user.
type program struct {
	executor Executor
	steps    []step
	masks    []mask.Name
	notices  []string
}

// removal is one that removes it, and can tell whether it is there.
type removal struct{ program }

// Masks lists the names in the template, and those that the login needs.
func (p *program) Masks() []mask.Name { return p.masks }

// Notices lists remarks for the author.
func (p *program) Notices() []string { return p.notices }

// order is what may stand after a word.
var order = map[string][]string{
	"": {createUser, deleteUser}, createUser: {attachPolicies, createKey}, attachPolicies: {attachPolicies, createKey},
}

func compile(e Executor, source string) (executors.Program, error) {
	sc, err := script.Parse(source)
	if err != nil {
		return nil, err
	}
	p := program{executor: e, notices: sc.Notices}
	parts := []mask.Part{{Hole: mask.AuthUser}, {Hole: mask.AuthPassword}, {Hole: mask.Username}}
	last := ""
	for _, cmd := range sc.Commands {
		fail := func(msg string) error { return &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: msg} }
		if !strings.Contains(" "+strings.Join(order[last], " ")+" ", " "+cmd.Name+" ") {
			if len(order[last]) == 0 {
				return nil, fail("expected nothing after " + last)
			}
			return nil, fail("expected " + strings.Join(order[last], " or "))
		}
		st := step{line: cmd.Line, source: cmd.Source, word: cmd.Name}
		switch {
		case cmd.Name == attachPolicies && len(cmd.Args) == 1:
			st.arg = cmd.Args[0].Parts
		case cmd.Name == attachPolicies:
			return nil, fail(`attach-policies expects one list of ARNs with commas between them, such as "[#ADD_INFO#]"`)
		case cmd.Name == createUser && len(cmd.Args) == 1:
			if at, ok := cmd.Args[0].Text(); !ok || !path.MatchString(at) {
				return nil, fail(`create-user expects a path such as "/cofre/", or nothing`)
			}
			st.arg = cmd.Args[0].Parts
		case len(cmd.Args) > 0:
			return nil, fail(cmd.Name + " expects nothing after it")
		}
		for _, n := range mask.Names(st.arg) {
			if n.Secret() {
				return nil, fail("expected no secret in a list of policies")
			}
		}
		parts = append(parts, st.arg...)
		p.steps = append(p.steps, st)
		last = cmd.Name
	}
	if last != createKey && last != deleteUser {
		return nil, &mask.Error{Line: max(1, len(strings.Split(strings.TrimRight(source, "\n"), "\n"))), Column: 1, Msg: "expected create-user up to create-access-key, or delete-user"}
	}
	p.masks = mask.Names(parts)
	if last == deleteUser {
		return &removal{p}, nil
	}
	return &p, nil
}

var (
	path = regexp.MustCompile(`^/([!-.0-~]+/)*$`)
	arn  = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(aws|\d{12}):policy/[\w+=,.@/-]{1,512}$`)
	name = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
)

// policies reads a list of ARNs; commas are part of no managed policy's name that Cofre attaches.
func policies(list string) ([]string, error) {
	var out []string
	for _, p := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !arn.MatchString(p) {
			return nil, errors.New("expected ARNs of managed policies, with commas between them, such as arn:aws:iam::aws:policy/ReadOnlyAccess")
		}
		out = append(out, p)
	}
	if len(out) == 0 || len(out) > maxPolicies {
		return nil, errors.New("expected 1 to 10 ARNs of managed policies")
	}
	return out, nil
}

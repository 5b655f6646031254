// Package examples holds a request and its answer for every route of the API. The requests are written by hand; the answers
// are those of a real node, which the test of httpapi/edge compares and, with -rewrite, records. docs/api.md and the OpenAPI
// document show them.
package examples

import (
	"embed"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Step is one request of a script, or, with a Verb, something that happens beside the API.
type Step struct {
	Comment string // lines that begin with #
	Verb    string // "!grant 1": what a node does; "" for a request
	Method  string
	Path    string            // as it is sent, variables not filled in
	Options map[string]string // as=NAME, save=NAME:PATH, media=TYPE
	Body    string
	Answer  string // the status in the first line, the body below it
}

// Script is a sequence of steps that begins with an empty node.
type Script struct {
	Name  string
	Steps []Step
}

//go:embed *.txt
var folder embed.FS

// All gives the scripts of this folder.
func All() []Script {
	all, err := Read(folder)
	if err != nil {
		panic("examples: " + err.Error()) // they are a part of the binary
	}
	return all
}

// Read reads every script of a folder.
func Read(dir fs.FS) ([]Script, error) {
	names, err := fs.Glob(dir, "*.txt")
	if err != nil {
		return nil, err
	}
	var all []Script
	for _, name := range names {
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		all = append(all, parse(strings.TrimSuffix(name, path.Ext(name)), string(b)))
	}
	return all, nil
}

// parse reads a script: steps apart by a blank line, in each the request, a line ----, and the answer.
func parse(name, text string) Script {
	s := Script{Name: name}
	for _, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		request, answer, _ := strings.Cut(block, "\n----\n")
		step := Step{Answer: answer, Options: map[string]string{}}
		lines := strings.Split(request, "\n")
		for len(lines) > 0 && strings.HasPrefix(lines[0], "#") {
			step.Comment += lines[0] + "\n"
			lines = lines[1:]
		}
		if len(lines) > 0 {
			step.header(lines[0])
			step.Body = strings.Join(lines[1:], "\n")
		}
		s.Steps = append(s.Steps, step)
	}
	return s
}

func (s *Step) header(line string) {
	if strings.HasPrefix(line, "!") {
		s.Verb = line
		return
	}
	words := strings.Fields(line)
	s.Method = words[0]
	if len(words) > 1 {
		s.Path = words[1]
	}
	for _, w := range words[min(2, len(words)):] {
		k, v, _ := strings.Cut(w, "=")
		s.Options[k] = v
	}
}

// Request writes the step as a script does, without its answer.
func (s *Step) Request() string {
	if s.Verb != "" {
		return s.Comment + s.Verb
	}
	head := s.Method + " " + s.Path
	for _, k := range slices.Sorted(maps.Keys(s.Options)) {
		head += " " + k + "=" + s.Options[k]
	}
	if s.Method == "" {
		return strings.TrimSuffix(s.Comment, "\n")
	}
	return strings.TrimSuffix(s.Comment+head+"\n"+s.Body, "\n")
}

// Status is the status of the answer; "" if there is none yet.
func (s *Step) Status() string {
	status, _, _ := strings.Cut(s.Answer, "\n")
	return status
}

// Route is a declared route: a method, and a path with its parameters in braces.
type Route struct{ Method, Path string }

// For gives each route the first step that succeeded there. A step belongs to the route with the fewest parameters that it fits.
func For(scripts []Script, routes []Route) map[Route]*Step {
	found := map[Route]*Step{}
	for _, s := range scripts {
		for i := range s.Steps {
			step := &s.Steps[i]
			r, ok := step.Of(routes)
			if status := step.Status(); ok && found[r] == nil && status >= "200" && status < "400" {
				found[r] = step
			}
		}
	}
	return found
}

// Of finds the route of a step.
func (s *Step) Of(routes []Route) (best Route, ok bool) {
	for _, r := range routes {
		if s.fits(r) && (!ok || strings.Count(r.Path, "{") < strings.Count(best.Path, "{")) {
			best, ok = r, true
		}
	}
	return best, ok
}

func (s *Step) fits(r Route) bool {
	p, _, _ := strings.Cut(s.Path, "?")
	want, got := strings.Split(r.Path, "/"), strings.Split(p, "/")
	if s.Method != r.Method || len(want) != len(got) {
		return false
	}
	for i := range want {
		if !strings.HasPrefix(want[i], "{") && want[i] != got[i] {
			return false
		}
	}
	return true
}

package executors

import (
	"regexp"
	"slices"
	"strings"

	"cofre/executors/mask"
	"cofre/fsm/model"
)

// Explainer is a Program that tells what it will do, step by step.
type Explainer interface{ Explain() []model.CompiledStep }

// ExplainStep describes one step from its parts.
func ExplainStep(line int, does, text string, parts ...[]mask.Part) model.CompiledStep {
	s := model.CompiledStep{Line: line, Does: does, Text: text, Tags: []string{}}
	for _, p := range parts {
		for _, n := range mask.Names(p) {
			if !slices.Contains(s.Tags, string(n)) {
				s.Tags = append(s.Tags, string(n))
			}
		}
	}
	return s
}

// authority finds hosts in addresses such as https://host:port/, with tags in them.
var authority = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://((?:\[#\w+#\]|[^\s/"'?#\[\]])+)`)

// protocols is where a device lists the port of an executor.
func protocols(e Executor) []string {
	if c, ok := e.(Connectivity); ok {
		return c.Protocols()
	}
	return []string{strings.ToUpper(string(e.Name()))}
}

// Inspect compiles a template for somebody who reads it.
func Inspect(e Executor, kind model.TemplateKind, source string) (model.Compiled, error) {
	p, err := Compile(e, kind, source)
	if err != nil {
		return model.Compiled{}, err
	}
	c := model.Compiled{Steps: []model.CompiledStep{}, Tags: []model.CompiledTag{}, Hosts: []string{}, Notices: append([]string{}, Notices(p, kind)...)}
	c.Protocols = protocols(e)
	if x, ok := p.(Explainer); ok {
		c.Steps = x.Explain()
	}
	for _, n := range p.Masks() {
		d, known := mask.Lookup(string(n))
		meaning := d.Description
		if !known {
			meaning = "value of the secret with this name"
		}
		c.Tags = append(c.Tags, model.CompiledTag{Name: string(n), Secret: n.Secret(), Meaning: meaning})
	}
	for _, s := range c.Steps {
		for _, m := range authority.FindAllStringSubmatch(s.Text, -1) {
			if !slices.Contains(c.Hosts, m[1]) {
				c.Hosts = append(c.Hosts, m[1])
			}
		}
	}
	return c, nil
}

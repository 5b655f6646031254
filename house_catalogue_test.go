package house

import (
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

var nounVerb = regexp.MustCompile(`^[a-z][a-z_]*\.[a-z][a-z_]*$`)

// commandLaw reads command.Define calls. A verb that its Feature does not list, or a Feature that fsm/features.go does
// not list, could be proposed by a newer node and would stop this one.
var commandLaw = law{
	name: "commands", why: "a kind is one verb for ever, and fsm/features.go is the table of contents (DESIGN 5.1)",
	check: func(h house) []string {
		var out []string
		seen := map[string]string{}
		listed := map[string]bool{}   // "fsm/device.Put" in some Feature literal
		features := map[string]bool{} // dirs named in fsm/features.go
		type verb struct{ name, at string }
		var verbs []verb
		for _, f := range h.files {
			if f.test || !matches("fsm/...", f.dir) {
				continue
			}
			if f.path == "fsm/features.go" {
				for _, i := range f.imports {
					if dir, ok := strings.CutPrefix(i, "cofre/"); ok {
						f.selectors(i, func(n *ast.SelectorExpr) { features[dir] = features[dir] || n.Sel.Name == "Feature" })
					}
				}
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.KeyValueExpr:
					if k, ok := n.Key.(*ast.Ident); ok && k.Name == "Commands" {
						ast.Inspect(n.Value, func(n ast.Node) bool {
							if i, ok := n.(*ast.Ident); ok {
								listed[f.dir+"."+i.Name] = true
							}
							return true
						})
					}
				case *ast.ValueSpec:
					for i, v := range n.Values {
						if call := defineCall(v); call != nil && i < len(n.Names) {
							kind := literal(call.Args[0])
							if !nounVerb.MatchString(kind) {
								out = append(out, fmt.Sprintf("%s: the kind %q is not noun.verb", f.at(call), kind))
							}
							key := kind + " " + literal(call.Args[1])
							if first, twice := seen[key]; twice {
								out = append(out, fmt.Sprintf("%s: %s was declared at %s", f.at(call), key, first))
							}
							seen[key] = f.at(call)
							verbs = append(verbs, verb{f.dir + "." + n.Names[i].Name, f.at(call)})
						}
					}
				}
				return true
			})
		}
		for _, v := range verbs {
			dir := v.name[:strings.LastIndex(v.name, ".")]
			if !listed[v.name] {
				out = append(out, v.at+": "+v.name+" is not in its Feature")
			}
			if !features[dir] {
				out = append(out, v.at+": "+dir+" is not in fsm/features.go")
			}
		}
		return out
	},
	broken: []house{
		sample(append(aFeature("A, B"), "fsm/a/a.go", verbSource("A", "a.put")+verbSource("B", "a.put")[len(verbHead):])...),
		sample(append(aFeature("A"), "fsm/a/a.go", verbSource("A", "Put"))...),
		sample(append(aFeature(""), "fsm/a/a.go", verbSource("A", "a.put"))...),
		sample("fsm/a/feature.go", "package a\nvar Feature = command.Feature{Commands: []command.Erased{A}}", "fsm/a/a.go", verbSource("A", "a.put")),
	},
	kept: []house{sample(append(aFeature("A"), "fsm/a/a.go", verbSource("A", "a.put"))...)},
}

const verbHead = "package a\nimport \"cofre/fsm/command\"\n"

func verbSource(name, kind string) string {
	return verbHead + "var " + name + " = command.Define(\"" + kind + "\", 1, nil).AuditDenials()\n"
}

func aFeature(commands string) []string {
	return []string{
		"fsm/features.go", "package fsm\nimport \"cofre/fsm/a\"\nvar Features = []command.Feature{a.Feature}",
		"fsm/a/feature.go", "package a\nvar Feature = command.Feature{Commands: []command.Erased{" + commands + "}}",
	}
}

// defineCall finds command.Define at the root of a chain of calls.
func defineCall(e ast.Expr) *ast.CallExpr {
	for {
		call, ok := e.(*ast.CallExpr)
		if !ok {
			return nil
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return nil
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == "command" && sel.Sel.Name == "Define" && len(call.Args) == 3 {
			return call
		}
		e = sel.X
	}
}

func literal(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok {
		return unquote(l.Value)
	}
	return ""
}

var auditLaw = law{
	name: "audit kinds", why: "an event that nothing emits is a promise to auditors that nobody keeps",
	check: func(h house) []string {
		declared := map[string]string{} // variable -> kind
		place := map[string]string{}
		emitted := map[string]bool{}
		var out []string
		for _, f := range h.files {
			if f.test {
				continue
			}
			f.selectors("cofre/fsm/audit", func(n *ast.SelectorExpr) { emitted[n.Sel.Name] = true })
			if f.dir != "fsm/audit" {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				s, ok := n.(*ast.ValueSpec)
				if !ok || !isDefine(s) {
					return true
				}
				args := s.Values[0].(*ast.CallExpr).Args
				kind := literal(args[0])
				if !nounVerb.MatchString(kind) || literal(args[2]) == "" {
					out = append(out, fmt.Sprintf("%s: the event %q needs a kind like noun.happened and a sentence", f.at(s), kind))
				}
				for other, k := range declared {
					if k == kind {
						out = append(out, fmt.Sprintf("%s: %s is also %s", f.at(s), kind, other))
					}
				}
				declared[s.Names[0].Name], place[s.Names[0].Name] = kind, f.at(s)
				return true
			})
		}
		for name, kind := range declared {
			if !emitted[name] {
				out = append(out, place[name]+": nothing emits "+kind)
			}
		}
		slices.Sort(out)
		return out
	},
	broken: []house{
		sample("fsm/audit/a.go", "package audit\nvar A = define(\"a.put\", Notice, \"it was put\", nil)"),
		sample("fsm/audit/a.go", "package audit\nvar A = define(\"a.put\", Notice, \"\", nil)", "fsm/a/a.go", useA),
		sample("fsm/audit/a.go", "package audit\nvar (\n\tA = define(\"a.put\", Notice, \"x\", nil)\n\tB = define(\"a.put\", Notice, \"x\", nil)\n)", "fsm/a/a.go", useA+"\nvar y = audit.B"),
	},
	kept: []house{sample("fsm/audit/a.go", "package audit\nvar A = define(\"a.put\", Notice, \"it was put\", nil)", "fsm/a/a.go", useA)},
}

const useA = "package a\nimport \"cofre/fsm/audit\"\nvar x = audit.A"

// templateLaw: TestMain of a folder of templates sees that a test applied each of them.
var templateLaw = law{
	name: "applied templates", why: "a template that no test applied is code that is handed secrets and that nobody has seen work: TestMain calls executortest.Main",
	check: func(h house) []string {
		kept, counted := map[string]string{}, map[string]bool{}
		for _, f := range h.files {
			if f.path == f.dir+"/catalogue.go" && matches("executors/...", f.dir) && f.dir != "executors" {
				kept[f.dir] = f.path
			}
			if f.test {
				f.selectors("cofre/executors/executortest", func(n *ast.SelectorExpr) { counted[f.dir] = counted[f.dir] || n.Sel.Name == "Main" })
			}
		}
		var out []string
		for dir, path := range kept {
			if !counted[dir] {
				out = append(out, path+": no test of the package calls executortest.Main")
			}
		}
		slices.Sort(out)
		return out
	},
	broken: []house{
		sample("executors/a/catalogue.go", "package a"),
		sample("executors/a/catalogue.go", "package a", "executors/a/a_test.go", "package a\nimport \"cofre/executors/executortest\"\nvar k executortest.Kit"),
	},
	kept: []house{sample("executors/a/catalogue.go", "package a", "executors/a/main_test.go", "package a\nimport \"cofre/executors/executortest\"\nvar m = executortest.Main"), sample("executors/catalogue.go", "package executors")},
}

// Package house holds the laws of this house as tests, so that plain `go test ./...` protects it: who may import whom,
// which third-party module lives where, what the replicated state may not touch, how files look. The tests read source
// text only and build nothing. Every law carries its reason, and a sample that breaks it, so that it provably can fail.
package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is one parsed Go file.
type source struct {
	path      string // "fsm/model/node.go"
	dir       string // "fsm/model"; "." at the root
	test      bool   // *_test.go
	generated bool
	lines     int
	fset      *token.FileSet
	ast       *ast.File
	imports   []string
}

// at names a place for people.
func (s *source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(n.Pos()).Line)
}

// name is the name under which the file uses an import; "" if it does not.
func (s *source) name(importPath string) string {
	for _, i := range s.ast.Imports {
		if unquote(i.Path.Value) == importPath {
			if i.Name != nil {
				return i.Name.Name
			}
			return path.Base(importPath)
		}
	}
	return ""
}

// house is everything that laws look at.
type house struct {
	files []*source
	gomod string
}

// law is one rule of the house.
type law struct {
	name, why string
	check     func(house) []string
	broken    []house // each must give at least one finding
	kept      []house // none of them may give one
}

var laws = []law{
	importLaw, kitLaw, thirdPartyLaw, purityLaw, clockLaw, packageCommentLaw, docLaw, sizeLaw, initLaw, persistedLaw,
	dialLaw, insecureLaw, pinLaw, commandLaw, auditLaw, templateLaw,
}

func TestLawsHold(t *testing.T) {
	t.Parallel()
	h := readHouse(t)
	if len(h.files) < 100 {
		t.Fatalf("only %d files were found: the laws look in the wrong place", len(h.files))
	}
	for _, f := range h.files {
		if f.lines > thinkLines && !f.generated {
			t.Logf("%s has %d lines: think about a second subject in it", f.path, f.lines)
		}
	}
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			for _, finding := range l.check(h) {
				t.Errorf("%s\n\twhy: %s", finding, l.why)
			}
		})
	}
}

func TestLawsCanFail(t *testing.T) {
	t.Parallel()
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			if len(l.broken) == 0 || l.why == "" {
				t.Fatal("a law needs a reason and a sample that breaks it")
			}
			for i, h := range l.broken {
				if len(l.check(h)) == 0 {
					t.Errorf("sample %d breaks the law and was not found", i)
				}
			}
			for i, h := range l.kept {
				if got := l.check(h); len(got) > 0 {
					t.Errorf("sample %d keeps the law and was blamed: %q", i, got)
				}
			}
		})
	}
}

// TestDebtsAreOwed keeps the list of known exceptions honest: an edge that is gone leaves it.
func TestDebtsAreOwed(t *testing.T) {
	t.Parallel()
	owed := map[string]bool{}
	for _, f := range readHouse(t).files {
		for _, i := range f.imports {
			owed[f.dir+" -> "+strings.TrimPrefix(i, "cofre/")] = true
		}
	}
	for edge := range debts {
		if !owed[edge] {
			t.Errorf("the debt %s is paid: take it off the list", edge)
		}
	}
}

func readHouse(t *testing.T) house {
	t.Helper()
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	h := house{gomod: string(mod)}
	err = filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "vendor" || exists(filepath.Join(p, "go.mod"))):
			return filepath.SkipDir // another module is not the product
		case d.IsDir() || !strings.HasSuffix(p, ".go"):
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		s, err := parse(filepath.ToSlash(p), text)
		if err != nil {
			return err
		}
		h.files = append(h.files, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func parse(name string, text []byte) (*source, error) {
	s := &source{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), fset: token.NewFileSet()}
	s.lines = bytes.Count(text, []byte("\n"))
	f, err := parser.ParseFile(s.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", name, err)
	}
	s.ast, s.generated = f, ast.IsGenerated(f)
	for _, i := range f.Imports {
		s.imports = append(s.imports, unquote(i.Path.Value))
	}
	return s, nil
}

// sample makes a house of path, text pairs.
func sample(pairs ...string) house {
	h := house{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == "go.mod" {
			h.gomod = pairs[i+1]
			continue
		}
		s, err := parse(pairs[i], []byte(pairs[i+1]))
		if err != nil {
			panic(err)
		}
		h.files = append(h.files, s)
	}
	return h
}

func unquote(s string) string {
	u, err := strconv.Unquote(s)
	if err != nil {
		return s
	}
	return u
}

// matches tells whether a package path fits a pattern: itself, or "x/..." for x and everything below.
func matches(pattern, pkg string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == base || strings.HasPrefix(pkg, base+"/")
	}
	return pattern == pkg
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

// selectors calls fn for every use of a name of an imported package.
func (s *source) selectors(importPath string, fn func(n *ast.SelectorExpr)) {
	local := s.name(importPath)
	if local == "" {
		return
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local {
				fn(sel)
			}
		}
		return true
	})
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

package house

import (
	"go/ast"
	"slices"
	"strings"
)

// pureList is the standard library that the state may use: nothing that reads a clock, a file, a socket or chance.
var pureList = []string{
	"bytes", "cmp", "context", "crypto/sha256", "encoding/base64", "encoding/binary", "encoding/hex", "errors", "fmt",
	"iter", "maps", "math", "math/bits", "regexp", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// pureMore is what single packages may use besides, with the reason.
var pureMore = map[string][]string{
	"fsm/table":         {"reflect", "io", "os", "sync", "sync/atomic"},                  // the storage adapter around Pebble
	"fsm/table/cryptfs": {"io", "io/fs", "os", "sync", "sync/atomic"},                    // the file system wrapper of the same
	"fsm/authz":         {"net/netip"},                                                   // a value type: addresses of clients
	"fsm/audit":         {"bufio", "crypto/ed25519", "encoding/json", "io", "net/netip"}, // exports and checkpoints: streams are handed in
}

// purelyFsm tells whether the state's purity binds a file: below fsm, product code, no test kit.
func purelyFsm(f *source) bool {
	return strings.HasPrefix(f.dir, "fsm/") && !f.test && !matches("fsm/fsmtest", f.dir)
}

var purityLaw = law{
	name: "purity of the state", why: "Apply is a function of state and command: what another node cannot repeat forks the state",
	check: func(h house) []string {
		var out []string
		for _, f := range h.files {
			if !purelyFsm(f) {
				continue
			}
			for _, i := range f.imports {
				if within("cofre", i) || strings.Contains(strings.Split(i, "/")[0], ".") {
					continue // other laws
				}
				if !slices.Contains(pureList, i) && !slices.Contains(pureMore[f.dir], i) {
					out = append(out, f.path+" imports "+i+", which is not on the closed list of the state")
				}
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if g, ok := n.(*ast.GoStmt); ok && !matches("fsm/table/...", f.dir) {
					out = append(out, f.at(g)+" starts a goroutine")
				}
				return true
			})
		}
		return out
	},
	broken: []house{
		sample("fsm/credential/a.go", `package credential; import _ "os"`),
		sample("fsm/credential/a.go", `package credential; import _ "math/rand/v2"`),
		sample("fsm/model/a.go", `package model; import _ "crypto/rand"`),
		sample("fsm/state/a.go", `package state; import _ "sync"`),
		sample("fsm/device/a.go", `package device; import _ "net"`),
		sample("fsm/device/a.go", "package device\nfunc f() { go f() }"),
	},
	kept: []house{
		sample("fsm/table/a.go", `package table; import _ "os"`),
		sample("fsm/fsmtest/a.go", `package fsmtest; import _ "os"`),
		sample("fsm/credential/a_test.go", `package credential; import _ "os"`),
	},
}

// clocks are the names of package time that read a clock or wait for one.
var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep", "Local", "LoadLocation"}

var clockLaw = law{
	name: "no clock in the state", why: "state time comes in with the log entry (RULES 1); a node's clock or zone would fork the state",
	check: func(h house) []string {
		var out []string
		for _, f := range h.files {
			if !matches("fsm/...", f.dir) || f.test || matches("fsm/fsmtest", f.dir) {
				continue
			}
			f.selectors("time", func(n *ast.SelectorExpr) {
				if slices.Contains(clocks, n.Sel.Name) {
					out = append(out, f.at(n)+" uses time."+n.Sel.Name)
				}
			})
		}
		return out
	},
	broken: []house{
		sample("fsm/credential/a.go", "package credential\nimport \"time\"\nvar a = time.Now()"),
		sample("fsm/a.go", "package fsm\nimport clock \"time\"\nfunc f() { clock.Sleep(1) }"),
		sample("fsm/model/a.go", "package model\nimport \"time\"\nvar f = time.Since"),
	},
	kept: []house{sample("fsm/model/a.go", "package model\nimport \"time\"\nvar d = time.Hour")},
}

// persistedLaw looks at structs with cbor tags. Named types are followed when the tree declares them as interfaces.
var persistedLaw = law{
	name: "persisted fields", why: "a decoded time.Time depends on the node's zone, floats on the machine, interfaces on the decoder: same bytes, two states (RULES 1)",
	check: func(h house) []string {
		interfaces := map[string]bool{"any": true, "error": true} // "dir.Name" or a builtin
		for _, f := range h.files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if t, ok := n.(*ast.TypeSpec); ok {
					if _, ok := t.Type.(*ast.InterfaceType); ok {
						interfaces[f.dir+"."+t.Name.Name] = true
					}
				}
				return true
			})
		}
		var out []string
		for _, f := range h.files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				st, ok := n.(*ast.StructType)
				if !ok || !hasCBOR(st) {
					return true
				}
				for _, field := range st.Fields.List {
					if field.Tag != nil && strings.Contains(field.Tag.Value, `cbor:"-"`) {
						continue
					}
					if bad := unstable(f, field.Type, interfaces); bad != "" {
						out = append(out, f.at(field)+" persists "+bad)
					}
				}
				return true
			})
		}
		return out
	},
	broken: []house{
		sample("fsm/model/a.go", "package model\nimport \"time\"\ntype A struct { At time.Time `cbor:\"at\"` }"),
		sample("fsm/model/a.go", "package model\nimport \"time\"\ntype A struct { At []*time.Time `cbor:\"at\"` }"),
		sample("fsm/model/a.go", "package model\ntype A struct { X map[string]float64 `cbor:\"x\"` }"),
		sample("fsm/model/a.go", "package model\ntype A struct { X any `cbor:\"x\"` }"),
		sample("fsm/model/a.go", "package model\ntype B interface{ F() }\ntype A struct { X B `cbor:\"x\"` }"),
		sample("fsm/model/b.go", "package model\ntype B interface{ F() }", "fsm/state/a.go", "package state\nimport \"cofre/fsm/model\"\ntype A struct { X []model.B `cbor:\"x\"` }"),
	},
	kept: []house{sample("fsm/model/a.go", "package model\nimport \"time\"\ntype Time int64\ntype A struct { At Time `cbor:\"at\"` }\ntype C struct { At time.Time }\ntype D struct { A int `cbor:\"a\"`; Err error `cbor:\"-\"` }")},
}

func hasCBOR(st *ast.StructType) bool {
	return slices.ContainsFunc(st.Fields.List, func(f *ast.Field) bool {
		return f.Tag != nil && strings.Contains(f.Tag.Value, "cbor:")
	})
}

// unstable names the part of a type that does not persist well; "" if all is fine.
func unstable(f *source, e ast.Expr, interfaces map[string]bool) string {
	switch t := e.(type) {
	case *ast.Ident:
		if t.Name == "float32" || t.Name == "float64" {
			return "a float"
		}
		if interfaces[t.Name] || interfaces[f.dir+"."+t.Name] {
			return "the interface " + t.Name
		}
	case *ast.SelectorExpr:
		x, ok := t.X.(*ast.Ident)
		if !ok {
			return ""
		}
		for _, i := range f.imports {
			if f.name(i) != x.Name {
				continue
			}
			if i == "time" && t.Sel.Name == "Time" {
				return "time.Time"
			}
			if dir, ok := strings.CutPrefix(i, "cofre/"); ok && interfaces[dir+"."+t.Sel.Name] {
				return "the interface " + x.Name + "." + t.Sel.Name
			}
		}
	case *ast.InterfaceType:
		return "an interface"
	case *ast.StarExpr:
		return unstable(f, t.X, interfaces)
	case *ast.ArrayType:
		return unstable(f, t.Elt, interfaces)
	case *ast.MapType:
		if bad := unstable(f, t.Key, interfaces); bad != "" {
			return bad
		}
		return unstable(f, t.Value, interfaces)
	}
	return ""
}

package oracle_test

import (
	"fmt"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/oracle"
)

// TestPlacesOnDouble: every hole is written for its place.
func TestPlacesOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	k := d.kit()
	for _, c := range []struct{ name, src, want string }{
		{"scott", "A [#USERNAME#] -- x\n B", `A "SCOTT"  B`},
		{`"scott"`, "A [#USERNAME#]", `A "scott"`},
		{"o'b $1", "A [#USERNAME#]", `A "o'b $1"`},
		{"scott", `A "[#USERNAME#]" BY [#NEW_PASSWORD#]`, `A "scott" BY "p'w-1234"`},
		{"o'b", "A '[#USERNAME#]' /* it's */ 'x''' N'y[#NEW_PASSWORD#]'", "A 'o''b'  'x''' N'yp''w-1234'"},
		{"scott", "begin x('[#USERNAME#]'); end;\n/\n", "begin x('scott'); end;"},
	} {
		k.Template = c.src
		_, _ = k.Once(t, executortest.Account{Name: c.name, Password: "unknown-1"}, "p'w-1234")
		d.mu.Lock()
		if got := strings.TrimSpace(strings.ReplaceAll(d.seen[len(d.seen)-1], "\n", "")); got != c.want {
			t.Errorf("%s became %q, want %q", c.src, got, c.want)
		}
		d.mu.Unlock()
	}
	for name, src := range map[string]string{
		`o"b`: "A [#USERNAME#]", `"scott"`: `A "[#USERNAME#]"`, "o'b": "BEGIN x('[#USERNAME#]'); END;", strings.Repeat("n", 129): "A [#USERNAME#]",
	} {
		k.Template = src
		if outcome, err := k.Once(t, executortest.Account{Name: name, Password: "unknown-1"}, "Unused-pass-1"); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTemplate {
			t.Errorf("%s in %s: %s, %v", name, src, outcome, err)
		}
	}
}

func TestCompile(t *testing.T) {
	t.Parallel()
	const conn = "CONN [#AUTH_USER#]@service or CONN [#USERNAME#]@service, and AS SYSDBA after it if that is meant"
	for src, want := range map[string]string{
		" ; -- nothing": "line 1, column 1: expected at least one statement",
		"ALTER USER x\nIDENTIFIED [#NEW_PASSWORD#]": "line 2, column 12: expected [#NEW_PASSWORD#] after BY or REPLACE, or inside quotes: it is a value, not a name",
		"ALTER USER x[#USERNAME#]":                  "line 1, column 13: expected a tag that stands alone as a name, or inside quotes",
		"ALTER USER [#USERNAME#][#IP#]":             "line 1, column 12: expected a tag that stands alone as a name, or inside quotes",
		"A 'x":                                      "line 1, column 3: expected a closing ' before the end",
		"A -- [#USERNAME#]":                         "line 1, column 6: a tag cannot stand in a comment",
		"A /* x":                                    "line 1, column 3: expected a comment that ends",
		"A q'[x]'":                                  "line 1, column 3: expected plain quotes: '...'",
		"CONN scott@x\nA":                           "line 1, column 1: expected [#AUTH_USER#] or [#USERNAME#] before the @, and no password: it is the credential's",
		"\nCONN [#AUTH_USER#]\nA":                   "line 2, column 1: expected " + conn,
		"CONN [#AUTH_USER#]@[#NEW_PASSWORD#]\nA":    "line 1, column 1: expected a service without [#NEW_PASSWORD#], which is secret",
	} {
		if _, err := oracle.New().Compile(src); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", src, err, want)
		}
	}
	for name, want := range map[string]string{
		"Oracle user":            "[[#AUTH_USER#] [#AUTH_PASSWORD#] [#ADD_INFO#] [#USERNAME#] [#NEW_PASSWORD#]]",
		"Oracle user, by itself": "[[#AUTH_USER#] [#AUTH_PASSWORD#] [#ADD_INFO#] [#USERNAME#] [#NEW_PASSWORD#] [#CURRENT_PASSWORD#]]",
	} {
		p, err := oracle.New().Compile(template(t, name))
		if err != nil || fmt.Sprint(p.Masks()) != want {
			t.Errorf("%s: %v, %v", name, p.Masks(), err)
		}
	}
}

// FuzzCompile: no template makes the compiler panic.
func FuzzCompile(f *testing.F) {
	for _, c := range oracle.Catalogue() {
		f.Add(c.Content)
	}
	f.Add("conn [#AUTH_USER#]@x as sysdba\nA [[#IP#]] '' \"\" /**/ N'\n/\n")
	f.Fuzz(func(t *testing.T, src string) {
		if p, err := oracle.New().Compile(src); err == nil && p == nil {
			t.Fatal("no program and no error")
		}
	})
}

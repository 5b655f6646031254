package script

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofre/executors/mask"
)

// flat writes a command as name and arguments, holes as [#NAME#].
func flat(c Command) []string {
	out := []string{c.Name}
	for _, a := range c.Args {
		out = append(out, mask.Source(a.Parts))
	}
	return out
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, src string
		want      [][]string
		notices   int
		err       string
	}{
		{"blank and comments", "\n  # exec \"x\n\t\n", nil, 0, ""},
		{"plain", "exec passwd\r\nEND", [][]string{{"exec", "passwd"}, {"end"}}, 0, ""},
		{"quotes", `exec "a b" "" c"d e"f`, [][]string{{"exec", "a b", "", "cd ef"}}, 0, ""},
		{"backslashes", `expect-regex "/\d+\\ \"[$#>]\s/"`, [][]string{{"expect-regex", `/\d+\ "[$#>]\s/`}}, 0, ""},
		{"holes", `exec [#new_password#] "u=[#USERNAME#];"`, [][]string{{"exec", "[#NEW_PASSWORD#]", "u=[#USERNAME#];"}}, 0, ""},
		{"typographic", "exec “echo ’x’”", [][]string{{"exec", "echo 'x'"}}, 1, ""},
		{"open quote", "a\n exec \"abc", nil, 0, `line 2, column 7: expected a closing " before the end of the line`},
		{"no command", `"exec" a`, nil, 0, "line 1, column 1: expected a command at the start of the line"},
		{"control", "exec a\x00b", nil, 0, "line 1, column 7: expected text in UTF-8 without control characters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := Parse(c.src)
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Fatalf("error %v, want %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got [][]string
			for _, cmd := range s.Commands {
				got = append(got, flat(cmd))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			if len(s.Notices) != c.notices {
				t.Errorf("notices %q", s.Notices)
			}
		})
	}
}

// FuzzParse: no panic, every position lies inside the text, and no literal holds a line break.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"exec \"a\"", "exec [#IP#]x\"y z\"", "a “b”", "\"", "exec \\\"", "expect-regex \"/[#$>]\\s/\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		s, err := Parse(src)
		if err != nil {
			return
		}
		lines := strings.Count(src, "\n") + 1
		for _, c := range s.Commands {
			if c.Line < 1 || c.Line > lines || c.Name == "" {
				t.Fatalf("command %+v of %q", c, src)
			}
			for _, a := range c.Args {
				for _, p := range a.Parts {
					if strings.ContainsAny(p.Literal, "\r\n") || p.Line != c.Line {
						t.Fatalf("part %+v of %q", p, src)
					}
				}
			}
		}
	})
}

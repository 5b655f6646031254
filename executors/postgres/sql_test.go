package postgres

import (
	"strings"
	"testing"

	"cofre/executors/mask"
	"cofre/vault/secret"
)

func TestContexts(t *testing.T) {
	t.Parallel()
	const value = `a'b"c\d`
	resolve := func(mask.Name) (secret.Value, error) { return secret.New([]byte(value)), nil }
	for _, c := range []struct{ name, src, want string }{
		{"published", `ALTER USER [#USERNAME#] WITH PASSWORD '[#NEW_PASSWORD#]'`, `ALTER USER "a'b""c\d" WITH PASSWORD 'a''b"c\d'`},
		{"escape string", `SELECT e'x\'[#NEW_PASSWORD#]'`, `SELECT e'x\'a''b"c\\d'`},
		{"quoted name", `ALTER ROLE "[#USERNAME#]"`, `ALTER ROLE "a'b""c\d"`},
		{"doubled quote before", `SELECT 'it''s [#IP#]'`, `SELECT 'it''s a''b"c\d'`},
		{"after a comment", "/* a /* b */ ' */ SELECT '[#IP#]' -- '", `/* a /* b */ ' */ SELECT 'a''b"c\d' -- '`},
		{"after a dollar quote", `SELECT $x$ ' $$ $x$, '[#IP#]'`, `SELECT $x$ ' $$ $x$, 'a''b"c\d'`},
		{"parameter sign", `SELECT $1, '[#IP#]'`, `SELECT $1, 'a''b"c\d'`},
		{"standard backslash", `SELECT '\', '[#IP#]'`, `SELECT '\', 'a''b"c\d'`},
		{"dotted", `GRANT x ON s.[#USERNAME#] TO y`, `GRANT x ON s."a'b""c\d" TO y`},
	} {
		p, err := compile(c.src)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		v, err := mask.Render(p.statements[0].parts, resolve, escape)
		if err != nil || !v.Equal(secret.New([]byte(c.want))) {
			_ = v.Reveal(func(b []byte) error { t.Errorf("%s: %s, %v; want %s", c.name, b, err, c.want); return nil })
		}
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"":                                   "line 1, column 1: expected at least one SQL statement",
		" -- nothing\n;;":                    "line 1, column 1: expected at least one SQL statement",
		"SELECT 1 -- [#IP#]":                 "line 1, column 13: a tag cannot stand in a comment",
		"SELECT /* [#IP#] */ 1":              "line 1, column 11: a tag cannot stand in a comment",
		"SELECT\n $$[#IP#]$$":                "line 2, column 4: a tag cannot stand in dollar quotes",
		"SELECT 'abc":                        "line 1, column 8: expected a closing ' before the end",
		"SELECT /* abc":                      "line 1, column 8: expected */ before the end",
		"SELECT $a$ abc":                     "line 1, column 8: expected a closing $a$ before the end",
		"ALTER USER x[#USERNAME#]":           "line 1, column 13: expected a tag that stands alone as a name, or inside quotes",
		"ALTER USER [#USERNAME#]x":           "line 1, column 12: expected a tag that stands alone as a name, or inside quotes",
		"ALTER USER [#IP#][#USERNAME#]":      "line 1, column 18: expected a tag that stands alone as a name, or inside quotes",
		"ALTER USER x PASSWORD [#PASSWORD#]": "line 1, column 23: expected [#NEW_PASSWORD#] inside single quotes: it is a value, not a name",
		"BEGIN; SELECT 1":                    "line 1, column 1: BEGIN is not needed: several statements run as one transaction",
		"SELECT U&'\\0041'":                  "line 1, column 8: U& quotes are not offered; expected plain quotes",
		"SELECT 1;\nSET Standard_Conforming_Strings = off": "line 2, column 5: standard_conforming_strings is set by the executor and cannot be changed",
		"[#USERNAME#]": "line 1, column 1: expected a statement that begins with a word",
	} {
		if _, err := compile(src); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

func TestVerifierIsUsedForRolePasswords(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]bool{
		`ALTER USER [#USERNAME#] WITH PASSWORD '[#NEW_PASSWORD#]'`:                        true,
		`alter role "[#USERNAME#]" encrypted password '[#new_password#]' valid until 'x'`: true,
		`CREATE ROLE [#USERNAME#] LOGIN PASSWORD '[#NEW_PASSWORD#]'`:                      true,
		`ALTER USER [#USERNAME#] WITH PASSWORD 'x[#NEW_PASSWORD#]'`:                       false,
		`ALTER USER [#USERNAME#] WITH PASSWORD '[#NEW_PASSWORD#]x'`:                       false,
		`ALTER USER [#USERNAME#] WITH PASSWORD E'[#NEW_PASSWORD#]'`:                       true,
		`SELECT set_password('[#NEW_PASSWORD#]')`:                                         false,
		`ALTER USER MAPPING FOR x SERVER y OPTIONS (SET password '[#NEW_PASSWORD#]')`:     false,
		`ALTER USER [#USERNAME#] SET search_path = ''; SELECT '[#NEW_PASSWORD#]'`:         false,
	} {
		p, err := compile(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got := p.statements[0].verifier >= 0; got != want {
			t.Errorf("%s: %v", src, got)
		}
		if want == (len(p.notices) > 0) {
			t.Errorf("%s: notices %q", src, p.notices)
		}
	}
}

// TestVerifier compares with the example of RFC 7677, section 3.
func TestVerifier(t *testing.T) {
	t.Parallel()
	salt := []byte("\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81")
	got, err := verifierWith([]byte("pencil"), salt, 4096)
	if err != nil || !strings.HasPrefix(string(got), "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$") || !strings.Contains(string(got), ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=") {
		t.Errorf("%s, %v", got, err)
	}
	for _, bad := range []string{"", "a\u00a0b", "a\u00adb", "ﬁve", "e\u0301", "tab\t"} {
		if _, err := verifier([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// FuzzLex: no panic, and a template without holes is sent as it stands, statement by statement.
func FuzzLex(f *testing.F) {
	for _, s := range []string{"ALTER USER [#USERNAME#] WITH PASSWORD '[#NEW_PASSWORD#]'", "a;b", "'", `"`, "$$", "$a$ $a$", "/*/**/", "e'\\''", "--\n", "U&'x'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		all, err := lex(src)
		if err != nil || strings.Contains(src, "[#") {
			return
		}
		rest := src
		for _, st := range all {
			text := mask.Source(st.parts)
			at := strings.Index(rest, text)
			if at < 0 {
				t.Fatalf("%q is not in %q", text, src)
			}
			rest = rest[at+len(text):]
		}
	})
}

package mysql

import (
	"strings"
	"testing"

	"cofre/executors/mask"
	"cofre/vault/secret"
)

func TestContexts(t *testing.T) {
	t.Parallel()
	const value = "a'b\"c\\d`e"
	resolve := func(mask.Name) (secret.Value, error) { return secret.New([]byte(value)), nil }
	for _, c := range []struct{ name, src, want string }{
		{"single", `SET x = '[#IP#]'`, "SET x = 'a''b\"c\\\\d`e'"},
		{"double", `SET x = "[#IP#]"`, "SET x = \"a'b\"\"c\\\\d`e\""},
		{"backtick", "ALTER USER `[#USERNAME#]`", "ALTER USER `a'b\"c\\d``e`"},
		{"bare", "ALTER USER [#USERNAME#]@localhost", "ALTER USER `a'b\"c\\d``e`@localhost"},
		{"escaped quote before", `SELECT 'x\'', '[#IP#]'`, `SELECT 'x\'', 'a''b"c\\d` + "`e'"},
		{"after comments", "/* ' */ SELECT -- '\n '[#IP#]' # '", "/* ' */ SELECT -- '\n 'a''b\"c\\\\d`e' # '"},
		{"two minus", `SELECT 5--2, '[#IP#]'`, "SELECT 5--2, 'a''b\"c\\\\d`e'"},
		{"backslash in a name", "SELECT `\\`, '[#IP#]'", "SELECT `\\`, 'a''b\"c\\\\d`e'"},
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
		"":                                  "line 1, column 1: expected at least one SQL statement",
		" # nothing\n;;":                    "line 1, column 1: expected at least one SQL statement",
		"SELECT 1 # [#IP#]":                 "line 1, column 12: a tag cannot stand in a comment",
		"SELECT 1 -- [#IP#]":                "line 1, column 13: a tag cannot stand in a comment",
		"SELECT /* [#IP#] */ 1":             "line 1, column 11: a tag cannot stand in a comment",
		"SELECT /*!50000 1 */":              "line 1, column 8: comments that the server runs are not offered; expected the statement itself",
		"SELECT /*M! 1 */":                  "line 1, column 8: comments that the server runs are not offered; expected the statement itself",
		"SELECT 'abc":                       "line 1, column 8: expected a closing ' before the end",
		`SELECT 'abc\'`:                     "line 1, column 8: expected a closing ' before the end",
		"SELECT /* abc":                     "line 1, column 8: expected */ before the end",
		"ALTER USER x[#USERNAME#]":          "line 1, column 13: expected a tag that stands alone as a name, or inside quotes",
		"ALTER USER [#IP#][#USERNAME#]":     "line 1, column 18: expected a tag that stands alone as a name, or inside quotes",
		"SET PASSWORD = [#PASSWORD#]":       "line 1, column 16: expected [#NEW_PASSWORD#] inside single quotes: it is a value, not a name",
		"SELECT _gbk '[#IP#]'":              "line 1, column 8: _gbk in front of a quote is not offered; expected plain quotes",
		"SELECT x'41'":                      "line 1, column 8: x in front of a quote is not offered; expected plain quotes",
		"SELECT 1;\nSET NAMES gbk":          "line 2, column 1: NAMES is set by the executor and cannot be changed",
		"SET @@sql_mode = ''":               "line 1, column 1: SQL_MODE is set by the executor and cannot be changed",
		"PREPARE s FROM 'SET x=''[#IP#]'''": "line 1, column 1: a tag cannot stand in text that the server reads as SQL once more; expected the statement itself",
		"EXECUTE IMMEDIATE '[#ADD_INFO#]'":  "line 1, column 1: a tag cannot stand in text that the server reads as SQL once more; expected the statement itself",
		"[#USERNAME#]":                      "line 1, column 1: expected a statement that begins with a word",
	} {
		if _, err := compile(src); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

func TestHashIsUsedForAccountPasswords(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]bool{
		`ALTER USER '[#USERNAME#]'@'%' IDENTIFIED BY '[#NEW_PASSWORD#]'`:         true,
		"alter user [#USERNAME#] identified by\n '[#new_password#]' require ssl": true,
		`CREATE USER x IDENTIFIED BY '[#NEW_PASSWORD#]'`:                         true,
		`ALTER USER x IDENTIFIED BY 'x[#NEW_PASSWORD#]'`:                         false,
		`ALTER USER x IDENTIFIED BY '[#NEW_PASSWORD#]x'`:                         false,
		`ALTER USER x IDENTIFIED VIA ed25519 USING PASSWORD('[#NEW_PASSWORD#]')`: false,
		`SET PASSWORD FOR x = PASSWORD('[#NEW_PASSWORD#]')`:                      false,
		`GRANT USAGE ON *.* TO x IDENTIFIED BY '[#NEW_PASSWORD#]'`:               false,
	} {
		p, err := compile(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		got := strings.Contains(mask.Source(hashed(p.statements[0].parts)), "PASSWORD '[#NEW_PASSWORD#]'")
		if got != want || want == (len(p.notices) > 0) {
			t.Errorf("%s: %v, notices %q", src, got, p.notices)
		}
	}
}

// TestHash compares with what the server's manual gives for its function PASSWORD.
func TestHash(t *testing.T) {
	t.Parallel()
	if got := string(hash([]byte("mypass"))); got != "*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4" {
		t.Error(got)
	}
}

// FuzzLex: no panic, and a template without holes is sent as it stands, statement by statement.
func FuzzLex(f *testing.F) {
	for _, s := range []string{"ALTER USER '[#USERNAME#]' IDENTIFIED BY '[#NEW_PASSWORD#]'", "a;b", "'", `"`, "`", "/**/", "--\n", "-- x", "#", `'\'`, "_x'y'"} {
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

func TestTraceless(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]bool{
		"ALTER USER '[#USERNAME#]'@'%' IDENTIFIED BY '[#NEW_PASSWORD#]'; FLUSH PRIVILEGES": true,
		"CREATE USER a; GRANT r TO a; SET DEFAULT ROLE r FOR a; REVOKE r FROM a":           true,
		"SET PASSWORD FOR a = 'x'":                         true,
		"DROP USER a; KILL USER a":                         true,
		"CREATE ROLE r":                                    true,
		"SET ROLE r; DROP USER a":                          false,
		"SET @x = 1":                                       false,
		"USE shop; DROP USER a":                            false,
		"CREATE TEMPORARY TABLE t (a INT)":                 false,
		"FLUSH TABLES WITH READ LOCK":                      false,
		"LOCK TABLES t WRITE":                              false,
		"ALTER USER a IDENTIFIED BY 'x'; SET autocommit=0": false,
		"SELECT GET_LOCK('x', 1)":                          false,
	} {
		p, err := compile(src)
		if err != nil || p.traceless() != want {
			t.Errorf("%s: %v, %t; want %t", src, err, err == nil && p.traceless(), want)
		}
	}
}

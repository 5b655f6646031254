package mask

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"cofre/vault/secret"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, src string
		want      []Part
		err       string
	}{
		{"empty", "", nil, ""},
		{"any case", "a [#Username#]", []Part{{Literal: "a ", Line: 1, Column: 1}, {Hole: "USERNAME", Line: 1, Column: 3}}, ""},
		{"alias", "[#coe_senha#]", []Part{{Hole: "AUTH_PASSWORD", Line: 1, Column: 1}}, ""},
		{"second line", "x\n[#IP#]y", []Part{{Literal: "x\n", Line: 1, Column: 1}, {Hole: "IP", Line: 2, Column: 1}, {Literal: "y", Line: 2, Column: 7}}, ""},
		{"line break token", "a[nl]b", []Part{{Literal: "a[nl]b", Line: 1, Column: 1}}, ""},
		{"regular expression class", "[#$>] [#a-z]", []Part{{Literal: "[#$>] [#a-z]", Line: 1, Column: 1}}, ""},
		{"key of a secret", "[#azure_Vault#]", []Part{{Hole: "AZURE_VAULT", Line: 1, Column: 1}}, ""},
		{"unclosed", "[#NEW_PASSWORD]", nil, "line 1, column 1: expected #] after [#NEW_PASSWORD"},
		{"spaces", "x [# IP #]", nil, "line 1, column 3: expected [#IP#] without spaces"},
		{"no name", "[##]", nil, "line 1, column 1: expected a tag name between [# and #]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(c.src)
			if msg := text(err); msg != c.err {
				t.Fatalf("error %q, want %q", msg, c.err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestForeign(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ src, err string }{
		{"a\n b [#newpass#]", "line 2, column 4: unknown tag [#NEWPASS#]: if it is a value of an application's secret, the template is of the kind \"Kind\""},
		{"# [#NEWPASS#] is wrong\nexec [#NewPass#]", "line 2, column 6: unknown tag [#NEWPASS#]: if it is a value of an application's secret, the template is of the kind \"Kind\""},
		{"[#Username#] [#PASSWORD#]", ""},
	} {
		parts, err := Parse(c.src)
		if err != nil {
			t.Fatal(err)
		}
		if msg := text(Foreign(c.src, Names(parts), "Kind")); msg != c.err {
			t.Errorf("%q: %q, want %q", c.src, msg, c.err)
		}
	}
	if !NewPassword.Candidate() || !Name("CREDENTIAL_PASSWORD").Candidate() || CurrentPassword.Candidate() {
		t.Error("wrong candidates")
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRenderEscapesHolesOnly(t *testing.T) {
	t.Parallel()
	parts, err := Parse("'[#USERNAME#]'")
	if err != nil {
		t.Fatal(err)
	}
	resolve := func(Name) (secret.Value, error) { return secret.New([]byte("o'brien")), nil }
	double := func(_ Part, b []byte) ([]byte, error) { return []byte(strings.ReplaceAll(string(b), "'", "''")), nil }
	v, err := Render(parts, resolve, double)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Equal(secret.New([]byte("'o''brien'"))) {
		t.Error("literal quotes must stay and the quote of the value must be doubled")
	}
}

func TestRenderNamesTheHoleWithoutValue(t *testing.T) {
	t.Parallel()
	parts, err := Parse("a\n[#ADD_INFO#]")
	if err != nil {
		t.Fatal(err)
	}
	resolve := Resolver(func(Name) (secret.Value, error) { return secret.Value{}, ErrNoValue })
	_, err = Render(parts, resolve, Raw)
	if !errors.Is(err, ErrNoValue) || !strings.Contains(err.Error(), "[#ADD_INFO#]: ") {
		t.Errorf("got %v", err)
	}
	named := Resolver(func(n Name) (secret.Value, error) { return secret.Value{}, NoValue(n) })
	if _, err = Render(parts, named, Raw); !errors.Is(err, ErrNoValue) || err.Error() != "[#ADD_INFO#]: no value in this operation" {
		t.Errorf("got %v", err)
	}
	if v, err := resolve.Optional(AddInfo); err != nil || v.Len() != 0 {
		t.Errorf("an optional name without value: %v", err)
	}
}

// TestContract: every tag of product.md 1.4 is known, in any case, the older words under the name that they mean. Whether each has its
// value is tested where values are: executors/runner, TestValues.
func TestContract(t *testing.T) {
	t.Parallel()
	words := strings.Fields(`USERNAME NEW_PASSWORD CURRENT_PASSWORD AUTH_USER AUTH_PASSWORD AUTH_DOMAIN ADD_INFO IP HOSTNAME DOMAIN SERVER_PATH TOTP_TOKEN CONNECT_IP CONNECT_PORT
		APP_NAME APP_AUTH_UNIQUE_KEY APP_AUTH_TYPE APP_AUTH_CLIENT_ID APP_AUTH_CLIENT_SECRET APP_AUTH_CONSUMER_KEY APP_AUTH_CONSUMER_SECRET APP_AUTH_TOKEN APP_AUTH_TOKEN_SECRET
		SECRET_NAME SECRET_IDENTIFIER SECRET_VERSION SECRET_ENGINE SECRET_EXPIRATION_DATE SECRET_DATA
		ACCESS_KEY_ID SECRET_ACCESS_KEY ACCESS_KEY_TTL CREDENTIAL_HOSTNAME CREDENTIAL_USERNAME CREDENTIAL_PASSWORD CREDENTIAL_ADDITIONAL_INFORMATION CREDENTIAL_TTL
		GRUPO_NOME UID HOME SHELL OPERACAO_COD CODIGO_GOVERNANCA COE_SENHA PASSWORD`)
	means := map[string]Name{"COE_SENHA": AuthPassword, "PASSWORD": NewPassword}
	for _, w := range words {
		want, older := means[w]
		if !older {
			want = Name(w)
		}
		for _, written := range []string{w, strings.ToLower(w), w[:1] + strings.ToLower(w[1:])} {
			src := "[#" + written + "#]"
			parts, err := Parse(src)
			if err != nil || len(parts) != 1 || parts[0].Hole != want || Foreign(src, Names(parts), "Kind") != nil {
				t.Errorf("%s: %v, %v, want %s", src, parts, err, want)
			}
		}
	}
	if len(words) != len(List()) {
		t.Errorf("the list has %d words, the contract %d", len(List()), len(words))
	}
}

func TestDefinitionsAreConsistent(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, d := range List() {
		canonical, ok := Lookup(string(d.Name))
		if seen[d.Word] || d.Description == "" || d.Word != strings.ToUpper(d.Word) || !ok || canonical.Secret != d.Secret {
			t.Errorf("bad definition %+v", d)
		}
		seen[d.Word] = true
	}
	if !Name("NOT_IN_THE_LIST").Secret() || Username.Secret() || !NewPassword.Secret() {
		t.Error("wrong secrecy")
	}
}

// FuzzParse: parsing never panics, and what is accepted means the same after being written back.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "[#IP#]", "[#", "[#IP", "[# IP#]", "a\n[#new_password#]'", "[#$>]", "[##]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		parts, err := Parse(src)
		if err != nil {
			return
		}
		back := Source(parts)
		again, err := Parse(back)
		if err != nil {
			t.Fatalf("%q became %q: %v", src, back, err)
		}
		if Source(again) != back {
			t.Fatalf("%q is not stable", back)
		}
	})
}

// TestLongWord: a word that fills the template is not told back whole, but what was expected is.
func TestLongWord(t *testing.T) {
	t.Parallel()
	e := &Error{Line: 2, Column: 1, Msg: "unknown command " + strings.Repeat("é", 32<<10) + "; expected exec"}
	if got := e.Error(); len(got) > 700 || !utf8.ValidString(got) || !strings.HasPrefix(got, "line 2, column 1: unknown command é") || !strings.HasSuffix(got, "é; expected exec") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

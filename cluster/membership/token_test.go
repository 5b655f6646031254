package membership_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofre/cluster/membership"
	"cofre/vault/secret"
)

func text(t testing.TB, tok membership.Token) string {
	t.Helper()
	v, err := tok.Text()
	if err != nil {
		t.Fatal(err)
	}
	var s string
	_ = v.Reveal(func(b []byte) error { s = string(b); return nil })
	return s
}

func parse(s string) (membership.Token, error) { return membership.ParseToken(secret.New([]byte(s))) }

func TestTokenText(t *testing.T) {
	t.Parallel()
	in := membership.NewToken("c1", sha256.Sum256([]byte("ca")), []string{"10.0.0.1:8201", "n2:8201"}, "n4")
	in.Approved = true
	s := text(t, in)
	if !strings.HasPrefix(s, "cofre-join-1.") || strings.ContainsAny(s[13:], "+/= ") {
		t.Errorf("text %q", s)
	}
	out, err := parse(" " + s + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if !in.Secret.Equal(out.Secret) || in.ID() != out.ID() || len(in.ID()) != 64 {
		t.Error("another secret came back")
	}
	in.Secret, out.Secret = secret.Value{}, secret.Value{}
	if diff := cmp.Diff(in, out, cmp.Comparer(func(a, b secret.Value) bool { return a.Equal(b) })); diff != "" {
		t.Error(diff)
	}
	for name, bad := range map[string]string{
		"empty": "", "prefix": s[1:], "cut": s[:len(s)-4], "other version": strings.Replace(s, "-1.", "-2.", 1), "padding": s + "=",
		"long": "cofre-join-1." + strings.Repeat("A", 9000), "not cbor": "cofre-join-1.AAAA",
	} {
		if _, err := parse(bad); err == nil || strings.Contains(err.Error(), s[20:30]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(text(f, membership.NewToken("c1", sha256.Sum256(nil), []string{"a:1"}, "n")))
	f.Add("cofre-join-1.oA")
	f.Fuzz(func(t *testing.T, s string) {
		tok, err := parse(s)
		if err != nil {
			return
		}
		again, err := parse(text(t, tok))
		if err != nil || again.ID() != tok.ID() || again.Name != tok.Name {
			t.Errorf("a parsed token does not survive: %v", err)
		}
	})
}

package executors

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"cofre/vault/secret"
)

// visible keeps what a reader sees of a text, in one letter case.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || r == '\b' {
			return -1
		}
		return unicode.ToLower(unicode.ToUpper(r))
	}, s)
}

// terminal writes text as a terminal of some width does: broken lines, colours, a corrected key stroke.
func terminal(rng *rand.Rand, s string) string {
	columns := 20 + rng.IntN(113)
	var b strings.Builder
	for i, r := range []rune(s) {
		if i > 0 && i%columns == 0 {
			b.WriteString([]string{"\r\n", " \r", "\n", " \b"}[rng.IntN(4)])
		}
		if rng.IntN(9) == 0 {
			b.WriteString([]string{"\x1b[0m", "\x1b[1;31m", "\x1b]0;title\a", "\b", "\x00"}[rng.IntN(5)])
		}
		b.WriteRune(r)
	}
	return b.String()
}

var writers = map[string]func(string) string{
	"plain":    func(v string) string { return v },
	"upper":    strings.ToUpper,
	"go quote": func(v string) string { return fmt.Sprintf("%q", v) },
	"doubled":  func(v string) string { return "'" + strings.ReplaceAll(v, "'", "''") + "'" },
	"json":     func(v string) string { b, _ := json.Marshal(map[string]string{"p": v}); return string(b) },
	"query":    url.QueryEscape,
	"path":     url.PathEscape,
	"hex":      func(v string) string { return hex.EncodeToString([]byte(v)) },
	"HEX":      func(v string) string { return strings.ToUpper(hex.EncodeToString([]byte(v))) },
	"base64":   func(v string) string { return base64.StdEncoding.EncodeToString([]byte(v)) },
	"base64+1": func(v string) string { return base64.StdEncoding.EncodeToString([]byte("u" + v + "\n")) },
	"base64+2": func(v string) string { return base64.URLEncoding.EncodeToString([]byte("u:" + v)) },
	"utf16": func(v string) string {
		var b []byte
		for _, u := range utf16.Encode([]rune(v)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return base64.StdEncoding.EncodeToString(b)
	},
}

func TestRedactorHidesEveryForm(t *testing.T) {
	t.Parallel()
	alphabets := []string{"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", `!"#$%&'()*+,-./:;<=>?@[\]^_{|}~aB3`, "äöüéßñ日本語жЯπΩ", "aaab"}
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(7, uint64(len(name))))
			for range 40 {
				alphabet := []rune(alphabets[rng.IntN(len(alphabets))])
				value := make([]rune, 1+rng.IntN(256))
				for i := range value {
					value[i] = alphabet[rng.IntN(len(alphabet))]
				}
				var r Redactor
				r.Add(secret.New([]byte(string(value))))
				shown := write(string(value))
				if len(value) < gram {
					if got := r.Text("echo " + terminal(rng, shown)); got != Redacted {
						t.Fatalf("a text beside a short secret survived: %q", got)
					}
					continue
				}
				got := visible(r.Text("x> " + terminal(rng, shown) + " <x"))
				want := visible(shown)
				for i := 0; i+20 <= len(want); i += 4 {
					if strings.Contains(got, want[i:i+20]) {
						t.Fatalf("%q survived of %q in %q", want[i:i+20], want, got)
					}
				}
				if name == "plain" || name == "upper" {
					for i := 0; i+gram <= len(want); i++ {
						if strings.Contains(got, want[i:i+gram]) {
							t.Fatalf("%q survived of %q in %q", want[i:i+gram], want, got)
						}
					}
				}
			}
		})
	}
}

func TestRedactorHidesAPrefix(t *testing.T) {
	t.Parallel()
	var r Redactor
	r.Add(secret.New([]byte("S3cr3t-Passw0rd")))
	if got := r.Text("passwd: S3cr3t-P\r\nbye"); got != "passwd: "+Redacted+" bye" {
		t.Errorf("got %q", got)
	}
}

// Too much redaction would hide the reason of a failure.
func TestRedactorLeavesInnocentText(t *testing.T) {
	t.Parallel()
	var r Redactor
	r.Add(secret.New([]byte("S3cr3t-Passw0rd")))
	const text = "role \"app\" does not exist (SQLSTATE 42704) 00000000000000000000 password authentication"
	if got := r.Text(text); got != text {
		t.Errorf("got %q", got)
	}
}

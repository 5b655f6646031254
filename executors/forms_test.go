package executors

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"cofre/vault/secret"
)

func knowing(values ...string) *Redactor {
	var r Redactor
	for _, v := range values {
		r.Add(secret.New([]byte(v)))
	}
	return &r
}

func without(v string, old, with string) string { return strings.ReplaceAll(v, old, with) }

// TestEachForm: every way of writing a secret is hidden from its first to its last byte, also where no six bytes of the secret as it is
// stand in a row. A value is such that one form alone finds it.
func TestEachForm(t *testing.T) {
	t.Parallel()
	const quotes, doubles, both = "a'b'c'd'e'f'g", `a"b"c"d"e"f"g`, `a'b"c'd"e'f"g'h`
	var markup strings.Builder
	if err := xml.EscapeText(&markup, []byte(doubles)); err != nil {
		t.Fatal(err)
	}
	zero := strings.Repeat("a\u200b", 6)
	separator := strings.Repeat("\u2028\"$", 6)
	controls := strings.Repeat("a<\x01", 6)
	every := func(v string, write func(byte) string) string {
		var b strings.Builder
		for i := range len(v) {
			b.WriteString(write(v[i]))
		}
		return b.String()
	}
	hexed := func(c byte) string { return hex.EncodeToString([]byte{c}) }
	for name, c := range map[string]struct{ value, shown string }{
		"Go's quotes":           {zero, strings.Trim(strconv.Quote(zero), `"`)},
		"C's quotes":            {separator, without(separator, `"`, `\"`)},
		"a shell's backslashes": {"a$b$c$d$e$f", without("a$b$c$d$e$f", "$", `\$`)},
		"a pattern":             {"a$b(c$d(e$f(", regexp.QuoteMeta("a$b(c$d(e$f(")},
		"single escaped":        {both, without(both, "'", `\'`)},
		"single doubled":        {quotes, without(quotes, "'", "''")},
		"double doubled":        {doubles, without(doubles, `"`, `""`)},
		"a shell's single":      {quotes, without(quotes, "'", `'\''`)},
		"JSON for pages":        {"a<b<c<d<e<f", without("a<b<c<d<e<f", "<", `\u003c`)},
		"JSON":                  {controls, without(controls, "\x01", `\u0001`)},
		"XML":                   {doubles, markup.String()},
		"HTML":                  {doubles, without(doubles, `"`, "&quot;")},
		"HTML by Go":            {quotes, html.EscapeString(quotes)},
		"a form":                {"a+b+c+d+e+f", url.QueryEscape("a+b+c+d+e+f")},
		"a path":                {"a+/b+/c+/d+/", url.PathEscape("a+/b+/c+/d+/")},
		"percent for each":      {"abcdef", every("abcdef", func(c byte) string { return "%" + hexed(c) })},
		"escapes for each":      {"abcdef", every("abcdef", func(c byte) string { return `\u00` + hexed(c) })},
		"UTF-16LE":              {"жЯπΩйц", strings.TrimSuffix(string(utf16le("жЯπΩйц")), "\x04")},
		"hexadecimal UTF-16LE":  {"abcdef", hex.EncodeToString(utf16le("abcdef"))},
		"lower case":            {"ÄÖÜÉÀÑ", "äöüéàñ"},
		"upper case":            {"äöüéàñ", "ÄÖÜÉÀÑ"},
		"base64":                {"~~~???~~~", base64.StdEncoding.EncodeToString([]byte("~~~???~~~"))},
		"base64 for URLs":       {"~~~???~~~", base64.URLEncoding.EncodeToString([]byte("~~~???~~~"))},
	} {
		for _, long := range []string{"", strings.Repeat(" - ", few)} { // short and long texts are searched in two ways
			if got := knowing(c.value).Verbatim("x> " + c.shown + " <x" + long); got != "x> "+Redacted+" <x"+long {
				t.Errorf("%s: %q shows as %q", name, c.shown, got)
			}
		}
	}
}

// TestBase64Inside: in the middle of a longer base64 text, every character goes that follows from the secret alone.
func TestBase64Inside(t *testing.T) {
	t.Parallel()
	const value = "S3cr3t-Passw0rd"
	for _, raw := range [][]byte{[]byte(value), utf16le(value)} {
		for shift := range 7 {
			text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("u", shift) + string(raw) + "uuuuuuu"))
			first, after := (shift*8+5)/6, (shift+len(raw))*8/6
			if got := knowing(value).Text(text); got != text[:first]+Redacted+text[after:] {
				t.Errorf("after %d bytes: %q shows as %q", shift, text, got)
			}
		}
	}
}

// TestNoise: nothing that a terminal swallows keeps a secret from being seen, between each two of its characters.
func TestNoise(t *testing.T) {
	t.Parallel()
	const value = "S3cr3t-Passw0rd"
	for _, noise := range []string{" ", "\r\n", "\b", "\x00", "\x7f", "\x1b[0m", "\x1b[1;31m", "\x1b]0;t\a", "\x1b]0;t\x9c", "\x1b]0;t\x1b\\", "\x1b7", "\x1b[3\x1b[0m"} {
		if got := knowing(value).Verbatim("x> " + strings.Join(strings.Split(value, ""), noise) + " <x"); got != "x> "+Redacted+" <x" {
			t.Errorf("%q: %q", noise, got)
		}
	}
}

// TestSeveralSecrets: each of those that an attempt knows is hidden, whenever it was learnt.
func TestSeveralSecrets(t *testing.T) {
	t.Parallel()
	for _, long := range []string{"", strings.Repeat(" - ", few)} {
		r := knowing("first-Secret", "other-Secret")
		if got := r.Text("first-Secret and other-Secret and third-Value" + long); got != Redacted+" and "+Redacted+" and third-Value"+long {
			t.Errorf("%q", got)
		}
		r.Add(secret.New([]byte("third-Value")))
		if got := r.Text("third-Value, first-Secret" + long); strings.Contains(got, "third") || strings.Contains(got, "first") {
			t.Errorf("%q", got)
		}
	}
}

// saying is a target's refusal that repeats what it was sent.
type saying struct{ error }

func (saying) Class() Class { return ClassPolicy }

// TestFailuresHideSecrets: what a target or a driver says is the message of an attempt, and shows no secret.
func TestFailuresHideSecrets(t *testing.T) {
	t.Parallel()
	const value = "S3cr3t-Passw0rd"
	said := errors.New("the word " + value + " is too weak")
	for _, err := range []error{said, saying{said}} {
		if f := FailureOf(knowing(value), 3, err); f.Msg != "the word "+Redacted+" is too weak" || f.Line != 3 {
			t.Errorf("%T: %v", err, f)
		}
	}
}

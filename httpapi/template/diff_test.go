package template

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func show(all []Line) string {
	var b strings.Builder
	for _, l := range all {
		b.WriteString(l.Change + l.Text + ";")
	}
	return b.String()
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b, want string }{
		{"", "", ""}, {"", "x\n", "+x;"}, {"x", "", "-x;"}, {"a\nb\nc\n", "a\nb\nc", " a; b; c;"},
		{"a\nb\nc", "a\nx\nc", " a;-b;+x; c;"}, {"a\nb", "a\nb\nb", " a; b;+b;"}, {"a\nb\nc\nd", "b\nc\nx\nd", "-a; b; c;+x; d;"}, {"a\r\nb\r\n", "a\nb\n", " a; b;"},
	} {
		if got := show(compare(c.a, c.b)); got != c.want {
			t.Errorf("%q, %q: %q, want %q", c.a, c.b, got, c.want)
		}
	}
}

// Whatever the texts, what stays and goes is the older one, what stays and comes the newer one.
func TestCompareLosesNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2)) // a fixed sequence of texts
	text := func() string {
		var out []string
		for range r.IntN(12) {
			out = append(out, string(rune('a'+r.IntN(4))))
		}
		return strings.Join(out, "\n")
	}
	check := func(a, b string) {
		var before, after []string
		for _, l := range compare(a, b) {
			if l.Change != "+" {
				before = append(before, l.Text)
			}
			if l.Change != "-" {
				after = append(after, l.Text)
			}
		}
		if strings.Join(before, "\n") != a || strings.Join(after, "\n") != b {
			t.Fatalf("%q, %q: %q, %q", a, b, before, after)
		}
	}
	for range 500 {
		check(text(), text())
	}
	check(strings.Repeat("a\nb\n", 2000)+"a", strings.Repeat("c\nd\n", 2000)+"c") // larger than the table may be
}

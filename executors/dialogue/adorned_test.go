package dialogue

import (
	"regexp"
	"testing"
)

// TestAdornments: what only a terminal sees hides neither what is awaited nor what is forbidden, and what comes after a match stays.
func TestAdornments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		said, want, not string
		is              verdict
		left            string
	}{
		{"\x1b[1;32mann@web1\x1b[0m:~$ \x1b[0m", `[$#>%]\s*$`, "", matched, "\x1b[0m"},
		{"\x1b]0;title\x07~ # \x1b[K", `^~ [$#>%]\s*$`, "", matched, "\x1b[K"},
		{"New \x1b[4mpass\x1b[24mword: \x1b[?25hrest", `New password: `, "", matched, "\x1b[?25hrest"},
		{"\x1b[31mBAD\x1b[0m PASSWORD\r\nRetype:", "Retype:", "BAD PASSWORD", forbidden, ""},
		{"\x1b[7m--More--\x1b[0m", "\x1b\\[7m--More--", "", matched, "\x1b[0m"},
		{"~$ \x1b[0", `[$#>%]\s*$`, "", nothing, ""},
		{"\x1b(B\x1b=> ", `^> $`, "", matched, ""},
	} {
		s := NewStream(nil)
		_, _ = s.Write([]byte(c.said))
		var not []*regexp.Regexp
		if c.not != "" {
			not = append(not, regexp.MustCompile(c.not))
		}
		if is := s.look(regexp.MustCompile(c.want), not); is != c.is || is == matched && string(s.buf) != c.left {
			t.Errorf("%q: %d, and %q is left", c.said, is, s.buf)
		}
	}
}

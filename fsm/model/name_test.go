package model

import (
	"strings"
	"testing"
)

func TestCheckFreeName(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "My App", "Zahlungen (Übersee), neu", "注文", `o'Neil "x" <b>$(id)`, "=1+1", "-x", "a..b", "...", "50%2F", `a\b`, "é", strings.Repeat("x", MaxName)} {
		if err := CheckFreeName("name", "application", good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", ".", "..", " a", "a ", " ", "a/b", "a*", "a\nb", "a\x00b", "a\x1b[31m", "a\u009b31m", "a\u0085b", "a\xff", "My\u00a0App", "My\u3000App", "a\u200bb", "a\u202eb", "a\u2066b", "a\u2028b", "\ufeffa", "a\U000e0041",
		"a\u3164", strings.Repeat("x", MaxName+1)} {
		if CheckFreeName("name", "application", bad) == nil {
			t.Errorf("%q is a name", bad)
		}
	}
}

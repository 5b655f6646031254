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

// Hosts have no case; what stands beside the letters of ASCII is left as it is.
func TestFoldHost(t *testing.T) {
	t.Parallel()
	if got := FoldHost("WEB-1.Prod.EXAMPLE.com_Ä@[`{"); got != "web-1.prod.example.com_Ä@[`{" {
		t.Error(got)
	}
	k := Criteria{Devices: []string{"DB1", "WEB1"}, Sites: []string{"hq"}}
	for host, want := range map[string]string{"web1": "", "Web1": "", "web2": "devices"} {
		if got := k.Misfit(&Credential{}, &Device{Hostname: host, Site: "hq"}); got != want {
			t.Errorf("%s: %q", host, got)
		}
	}
	if got := k.Misfit(&Credential{}, &Device{Hostname: "web1", Site: "HQ"}); got != "sites" {
		t.Error(got)
	}
}

package model

import "testing"

func TestFitsHost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, host string
		want          bool
	}{
		{"*.prod.example.com", "web1.prod.example.com", true}, {"*.prod.example.com", "prod.example.com", false}, {"*.prod.example.com", "web1.prod.example.com.evil", false},
		{"WEB?", "web1", true}, {"web?", "web", false}, {"web?", "web12", false}, {"web", "web", true}, {"*b*1", "ab-b21", true}, {"*b*1", "ab-b2", false}, {"a**", "a", true}, {"?", "", false},
	} {
		if got := FitsHost(c.pattern, c.host); got != c.want {
			t.Errorf("%s fits %s: %v", c.host, c.pattern, got)
		}
	}
	for _, bad := range []string{"*", "*.*", "", "a b*", "web[12]"} {
		if CheckHostPattern("hostname", bad) == nil {
			t.Errorf("%q is a pattern", bad)
		}
	}
}

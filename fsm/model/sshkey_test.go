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

func TestHostsMeet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"web*", "db*", false}, {"web*", "*1", true}, {"web?", "web12", false}, {"WEB?", "web1", true}, {"*.a.example", "*.b.example", false},
		{"*a*", "*b*", true}, {"a*", "a", true}, {"a?*", "a", false}, {"*", "", true}, {"ab", "ab", true}, {"ab", "abc", false}, {"a*c", "ab*d", false}, {"a*c", "a*b?", true},
	} {
		if got, back := HostsMeet(c.a, c.b), HostsMeet(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("%s and %s meet: %v, %v", c.a, c.b, got, back)
		}
	}
	// Every host name of a few letters, against every pair of short patterns.
	var hosts, patterns []string
	for _, from := range []struct {
		to    *[]string
		signs string
	}{{&hosts, "ab"}, {&patterns, "a?*"}} {
		for at, list := 0, []string{""}; at < len(list); at++ {
			if *from.to = append(*from.to, list[at]); len(list[at]) < 4 {
				for _, sign := range from.signs {
					list = append(list, list[at]+string(sign))
				}
			}
		}
	}
	for _, a := range patterns {
		for _, b := range patterns {
			want := false
			for _, host := range hosts {
				want = want || FitsHost(a, host) && FitsHost(b, host)
			}
			if got := HostsMeet(a, b); got != want {
				t.Errorf("%q and %q meet: %v", a, b, got)
			}
		}
	}
}

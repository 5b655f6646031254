package executortest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf16"
)

// Leak looks for a secret, or for its first six characters, in text, and names the form in which it stands there. It
// shares no code with the redactor, so that a mistake there is found here.
func Leak(text, secret string) string {
	if secret == "" {
		return ""
	}
	head := secret
	if r := []rune(secret); len(r) > 6 {
		head = string(r[:6])
	}
	var wide []byte
	for _, u := range utf16.Encode([]rune(secret)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	quoted, _ := json.Marshal(secret) // a string always encodes
	inner := func(prefix string, b []byte) string {
		s := base64.RawStdEncoding.EncodeToString(append([]byte(prefix), b...))
		return s[min((len(prefix)*8+5)/6, len(s)):max(len(s)-2, 0)]
	}
	lower := strings.ToLower(text)
	for _, f := range []struct{ name, form string }{
		{"text", head}, {"JSON", strings.Trim(string(quoted), `"`)}, {"a URL", url.QueryEscape(secret)},
		{"hexadecimal", hex.EncodeToString([]byte(head))}, {"UTF-16", string(wide)},
		{"base64", inner("", []byte(secret))}, {"base64, shifted by one", inner("u", []byte(secret))}, {"base64, shifted by two", inner("u:", []byte(secret))},
		{"base64 of UTF-16", inner("", wide)},
	} {
		if len(f.form) >= 4 && strings.Contains(lower, strings.ToLower(f.form)) {
			return f.name
		}
	}
	return ""
}

package executors

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
)

// form is one way in which a secret may show up in text, with the length of the pieces to search for: longer where
// one byte of the secret takes several characters, so that innocent text is left alone.
type form struct {
	text string
	gram int
}

// forms lists every way in which programs write a value that they were given. Letter case is compared folded for
// ASCII only, so values with other letters are listed in both cases as well.
func forms(value string) []form {
	var all []form
	for _, v := range distinct(value, strings.ToUpper(value), strings.ToLower(value)) {
		if v != value && strings.EqualFold(v, value) && len(v) == len(value) && ascii(v) {
			continue
		}
		for _, s := range distinct(
			v, strconv.Quote(v), escaped(v, `"\`), escaped(v, `'"\ $&;|<>()*?[]#~=%!{}`+"`"), escaped(v, `'\`),
			strings.ReplaceAll(v, "'", "''"), strings.ReplaceAll(v, `"`, `""`), strings.ReplaceAll(v, "'", `'\''`),
			jsonText(v, true), jsonText(v, false), xmlText(v), htmlNames(v), url.QueryEscape(v), url.PathEscape(v), string(utf16le(v)),
		) {
			all = append(all, form{s, gram})
		}
	}
	wide := utf16le(value)
	all = append(all, form{percent(value), 3 * gram}, form{jsonEscapes(value), 6 * gram},
		form{hex.EncodeToString([]byte(value)), 2 * gram}, form{hex.EncodeToString(wide), 4 * gram})
	for shift := range 3 {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			all = append(all, form{aligned(enc, []byte(value), shift), gram}, form{aligned(enc, wide, shift), 2 * gram})
		}
	}
	return all
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func distinct(texts ...string) []string {
	var out []string
	seen := map[string]bool{}
	for _, t := range texts {
		if !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}

func escaped(v, special string) string {
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if strings.IndexByte(special, v[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

func jsonText(v string, html bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	_ = e.Encode(v) // a string always encodes
	return strings.Trim(strings.TrimSpace(b.String()), `"`)
}

func jsonEscapes(v string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(v)) {
		fmt.Fprintf(&b, `\u%04x`, u)
	}
	return b.String()
}

func xmlText(v string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(v)) // a Builder takes every write
	return b.String()
}

func htmlNames(v string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(v)
}

func percent(v string) string {
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		fmt.Fprintf(&b, "%%%02x", v[i])
	}
	return b.String()
}

func utf16le(v string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(v)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// aligned is the part of a base64 text that depends on the value alone when it starts shift bytes into a group.
func aligned(enc *base64.Encoding, raw []byte, shift int) string {
	text := enc.EncodeToString(append(make([]byte, shift), raw...))
	first := []int{0, 2, 3}[shift]
	whole := (shift + len(raw)) * 8 / 6
	return text[first:whole]
}

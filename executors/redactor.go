package executors

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"cofre/vault/secret"
)

// gram is how many bytes of a secret in a row are too many; pieces of this length are searched for.
const gram = 6

// Redacted stands where a secret stood.
const Redacted = "[redacted]"

// Redactor takes secrets out of text that came from a target or a driver. It removes what terminals add (escape
// sequences, line breaks, backspaces) and then every run of six or more bytes of any form of any known secret: as it
// is, quoted, doubled, JSON, XML, URL, hexadecimal, UTF-16LE and base64 in all alignments, in any letter case. While
// it knows a secret shorter than six characters it drops whole texts.
type Redactor struct {
	mu     sync.Mutex // guards the other fields
	fresh  []string   // known, but in no form yet
	forms  []form     // of the others, folded
	cut    int        // so many forms are in pieces
	pieces map[uint64]struct{}
	grams  []int // the lengths of the pieces
	short  bool

	also *Redactor // learns the same; nil: nobody does
}

// Add makes a secret known.
func (r *Redactor) Add(v secret.Value) {
	if r.also != nil {
		r.also.Add(v)
	}
	_ = v.Reveal(func(b []byte) error {
		if len(b) > 0 {
			r.learn(string(b))
		}
		return nil
	})
}

func (r *Redactor) learn(value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if utf8.RuneCount(fold(value).text) < gram {
		r.short = true
		return
	}
	if !slices.Contains(r.fresh, value) {
		r.fresh = append(r.fresh, value)
	}
}

// seed makes the hashes of pieces; two pieces with one hash would hide a little too much.
var seed = maphash.MakeSeed()

// form writes what is known in all its forms.
func (r *Redactor) form() {
	for _, value := range r.fresh {
		for _, f := range forms(value) {
			f.text = string(fold(f.text).text)
			r.forms = append(r.forms, f)
			if !slices.Contains(r.grams, f.gram) {
				r.grams = append(r.grams, f.gram)
			}
		}
	}
	r.fresh = nil
}

// hash takes the forms to pieces, of which it keeps hashes.
func (r *Redactor) hash() {
	n := 0
	for _, f := range r.forms[r.cut:] {
		n += max(0, len(f.text)-f.gram+1)
	}
	if r.pieces == nil {
		r.pieces = make(map[uint64]struct{}, n)
	}
	for _, f := range r.forms[r.cut:] {
		for i := 0; i+f.gram <= len(f.text); i++ {
			r.pieces[maphash.String(seed, f.text[i:i+f.gram])] = struct{}{}
		}
	}
	r.cut = len(r.forms)
}

// few is the length of a text whose pieces are sought in the forms one by one, which is cheaper for it than hashes of all pieces of the forms.
const few = 64

// finder tells whether a piece of a text of so many bytes is one of a secret.
func (r *Redactor) finder(length int) func(piece []byte) bool {
	if length > few {
		r.hash()
		return func(piece []byte) bool {
			_, secret := r.pieces[maphash.Bytes(seed, piece)]
			return secret
		}
	}
	return func(piece []byte) bool {
		return slices.ContainsFunc(r.forms, func(f form) bool { return f.gram == len(piece) && strings.Contains(f.text, string(piece)) })
	}
}

// Text returns s without terminal noise and without secrets.
func (r *Redactor) Text(s string) string {
	return strings.ToValidUTF8(readable(r.Verbatim(s)), "?")
}

// Verbatim returns s as it came, terminal noise and all, without secrets.
func (r *Redactor) Verbatim(s string) string {
	if s == "" {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.short {
		return Redacted
	}
	r.form()
	f := fold(s)
	secret := r.finder(len(f.text))
	hide := make([]bool, len(s))
	for _, n := range r.grams {
		for i := 0; i+n <= len(f.text); i++ {
			if secret(f.text[i : i+n]) {
				// From the first to the last byte of the piece, with whatever was folded away between them.
				for j := f.at[i]; j <= f.at[i+n-1]; j++ {
					hide[j] = true
				}
			}
		}
	}
	var b strings.Builder
	for i := range len(s) {
		switch {
		case !hide[i]:
			b.WriteByte(s[i])
		case i == 0 || !hide[i-1]:
			b.WriteString(Redacted)
		}
	}
	return b.String()
}

// folded is text as it is compared: only visible bytes outside of escape sequences, ASCII letters in lower case, with the place of each byte.
type folded struct {
	text []byte
	at   []int
}

func fold(s string) folded {
	f := folded{text: make([]byte, 0, len(s)), at: make([]int, 0, len(s))}
	for i := 0; i < len(s); i++ {
		if n := escapeLen(s[i:]); n > 0 {
			i += n - 1
			continue
		}
		c := s[i]
		if c <= ' ' || c == 0x7f {
			continue
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		f.text, f.at = append(f.text, c), append(f.at, i)
	}
	return f
}

// readable strips escape sequences and turns the remaining control characters into at most one space each run.
func readable(s string) string {
	var b strings.Builder
	gap := false
	for i := 0; i < len(s); {
		if n := escapeLen(s[i:]); n > 0 {
			i += n
			continue
		}
		c := s[i]
		i++
		switch {
		case c == '\b' || c == 0 || c == 0x7f:
		case c < ' ':
			gap = true
		default:
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			b.WriteByte(c)
		}
	}
	return b.String()
}

// escapeLen is the length of the terminal escape sequence at the start of s, 0 if there is none.
func escapeLen(s string) int {
	if len(s) < 2 || s[0] != 0x1b {
		return 0
	}
	switch s[1] {
	case '[': // CSI: parameters, then one final byte
		for i := 2; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
			if s[i] < 0x20 {
				return i
			}
		}
		return len(s)
	case ']': // OSC: up to BEL or ST
		for i := range len(s) { // bytes, not runes: a terminal's 0x9c is no UTF-8
			if s[i] == '\a' || s[i] == 0x9c {
				return i + 1
			}
		}
		if end := strings.Index(s, "\x1b\\"); end > 0 {
			return end + 2
		}
		return 2
	}
	return 2
}

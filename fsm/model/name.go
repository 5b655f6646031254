package model

import (
	"strings"
	"unicode/utf8"
)

// Limits of client-chosen text, in bytes.
const (
	MaxName = 255
	MaxText = 4096
)

// ValidName tells whether s is 1 to 63 letters, digits, '-', '_' or '.', beginning with a letter or digit: names that
// stand in paths, certificates and identifiers.
func ValidName(s string) bool {
	if len(s) == 0 || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '-' && c != '_' && c != '.') {
			return false
		}
	}
	return true
}

// CheckFreeName refuses what cannot name an application or an encryption key; of says whose name it is. People choose these names
// freely, and clients send them as they are ("My App"), so only what would make one look like another, or read as something else, is
// refused: '/' stands between the names of an application and an authorization, and '*' ends a pattern of names. The characters are listed here, because the
// tables of Unicode change with the compiler, and every node must decide alike.
func CheckFreeName(field, of, s string) error {
	if err := CheckText(field, s, MaxName); err != nil {
		return err
	}
	if s == "" || s == "." || s == ".." || strings.Trim(s, " ") != s || strings.ContainsAny(s, "/*") || strings.ContainsFunc(s, unseen) {
		return Errorf(Invalid, "the name of an %s has 1 to %d bytes, no blank at either end, no '/' or '*', and nothing that cannot be seen", of, MaxName).WithField(field)
	}
	return nil
}

// unseen tells whether a character shows nothing, looks like a blank, or turns the direction of what follows.
func unseen(r rune) bool {
	switch {
	case r == 0xa0, r == 0xad, r == 0x34f, r == 0x61c, r == 0x115f, r == 0x1160, r == 0x1680, r == 0x17b4, r == 0x17b5, r >= 0x180b && r <= 0x180f,
		r >= 0x2000 && r <= 0x200f, r >= 0x2028 && r <= 0x202f, r >= 0x205f && r <= 0x206f, r == 0x2800, r == 0x3000, r == 0x3164,
		r == 0xfeff, r == 0xffa0, r >= 0xfff0 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return false
}

// FoldHost writes a host name as it is compared: WEB1 and web1 are one host. ASCII letters only, for the reason above.
func FoldHost(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// CheckText refuses text that no field of a noun may hold: too long, bad UTF-8, or control characters.
func CheckText(field, s string, limit int) error {
	if len(s) > limit {
		return Errorf(Invalid, "%s is %d bytes, the limit is %d", field, len(s), limit).WithField(field)
	}
	if !utf8.ValidString(s) {
		return Errorf(Invalid, "%s is not valid UTF-8", field).WithField(field)
	}
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return Errorf(Invalid, "%s holds a control character", field).WithField(field)
		}
	}
	return nil
}

// CheckTags refuses too many, empty or unfit tags.
func CheckTags(field string, tags []string) error {
	if len(tags) > 64 {
		return Errorf(Invalid, "at most 64 tags").WithField(field)
	}
	for _, t := range tags {
		if t == "" {
			return Errorf(Invalid, "an empty tag").WithField(field)
		}
		if err := CheckText(field, t, 128); err != nil {
			return err
		}
	}
	return nil
}

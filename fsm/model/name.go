package model

import "unicode/utf8"

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

// CheckText refuses text that no field of a noun may hold: too long, bad UTF-8, or control characters.
func CheckText(field, s string, limit int) error {
	if len(s) > limit {
		return Errorf(Invalid, "%s is %d bytes, the limit is %d", field, len(s), limit).WithField(field)
	}
	if !utf8.ValidString(s) {
		return Errorf(Invalid, "%s is not valid UTF-8", field).WithField(field)
	}
	for _, r := range s {
		if r < 0x20 || r == 0x7f {
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

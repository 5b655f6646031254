package model

import "strings"

// TypeSSHKey is the vendor's credential type for key pairs.
const TypeSSHKey = "SSH Key"

// MaxKeyDevices is how many further devices one key opens at most.
const MaxKeyDevices = 1000

// MaxPublicKey is the size of a public key in the form of authorized_keys, in bytes.
const MaxPublicKey = 4096

// KeyPair makes a credential one whose secret is an SSH key pair: each version holds a private key, and its public half in the
// clear. A change publishes a new one on the credential's device and on further ones before the old one is withdrawn anywhere.
type KeyPair struct {
	Name      string     `cbor:"name,omitempty"`    // as people call it
	Algorithm string     `cbor:"algorithm"`         // of the keys that Cofre makes: one of KeyAlgorithms
	Devices   []DeviceID `cbor:"devices,omitempty"` // further devices where the same user name accepts the key
	Pattern   string     `cbor:"pattern,omitempty"` // so do the active devices whose host names fit it, when the key is changed
	// PatternBy set the pattern: devices where it reaches no credential are left out.
	PatternBy AuthorizationID `cbor:"pattern_by,omitempty"`
}

// IsHostPattern tells whether a host name stands for many: '*' is any text, '?' one character.
func IsHostPattern(host string) bool { return strings.ContainsAny(host, "*?") }

// CheckHostPattern checks a pattern of host names. One without a letter or digit would mean every device.
func CheckHostPattern(field, pattern string) error {
	const plain = "abcdefghijklmnopqrstuvwxyz0123456789"
	low := strings.ToLower(pattern)
	if len(pattern) > MaxName || strings.Trim(low, plain+"-_.*?") != "" || !strings.ContainsAny(low, plain) {
		return Errorf(Invalid, "a pattern is made of letters, digits, '-', '_', '.', '*' and '?', such as *.prod.example.com").WithField(field)
	}
	return nil
}

// FitsHost tells whether a host name fits a pattern, in whatever case.
func FitsHost(pattern, host string) bool {
	return globs(strings.ToLower(pattern), strings.ToLower(host))
}

// globs goes back to the last '*' when what follows it does not fit, so the work is bounded by the product of the lengths.
func globs(pattern, text string) bool {
	p, t, star, from := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// HostsMeet tells whether some host name may fit both of two patterns, in whatever case.
func HostsMeet(one, other string) bool {
	a, b := strings.ToLower(one), strings.ToLower(other)
	meet := make([]bool, len(b)+1) // by j: whether some text fits both a[i:] and b[j:]
	for i := len(a); i >= 0; i-- {
		shorter := meet // with a[i+1:]
		meet = make([]bool, len(b)+1)
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				meet[j] = true
			case i < len(a) && a[i] == '*':
				meet[j] = shorter[j] || j < len(b) && meet[j+1]
			case j < len(b) && b[j] == '*':
				meet[j] = shorter[j] || meet[j+1]
			case i < len(a) && j < len(b) && (a[i] == b[j] || a[i] == '?' || b[j] == '?'):
				meet[j] = shorter[j+1]
			}
		}
	}
	return meet[0]
}

// KeyAlgorithms lists the kinds of keys that Cofre makes, the default first.
var KeyAlgorithms = []string{"ed25519", "rsa-3072", "rsa-4096"}

// PublicKey tells whether text may be one line of authorized_keys without options: kind and base64, and maybe a comment.
func PublicKey(text string) bool {
	kind, rest, ok := strings.Cut(text, " ")
	data, _, _ := strings.Cut(rest, " ")
	return ok && len(text) <= MaxPublicKey && CheckText("public_key", text, MaxPublicKey) == nil &&
		(strings.HasPrefix(kind, "ssh-") || strings.HasPrefix(kind, "ecdsa-") || strings.HasPrefix(kind, "sk-")) &&
		data != "" && strings.Trim(data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") == ""
}

package postgres

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// iterations is what PostgreSQL itself uses by default.
const iterations = 4096

// verifier makes what PostgreSQL stores for a password under SCRAM-SHA-256; it opens nothing by itself.
func verifier(password []byte) ([]byte, error) {
	if err := unambiguous(password); err != nil {
		return nil, err
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	return verifierWith(password, salt, iterations)
}

func verifierWith(password, salt []byte, rounds int) ([]byte, error) {
	salted, err := pbkdf2.Key(sha256.New, string(password), salt, rounds, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the new password: %w", err)
	}
	defer clear(salted)
	client := mac(salted, "Client Key")
	stored := sha256.Sum256(client)
	clear(client)
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, "SCRAM-SHA-256$%d:%s$%s:%s", rounds, b64(salt), b64(stored[:]), b64(mac(salted, "Server Key"))), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// unambiguous refuses passwords that client libraries prepare in different ways (SASLprep or not, and which one): they
// would log in from one program and not from another.
func unambiguous(password []byte) error {
	if len(password) == 0 {
		return errors.New("the new password is empty")
	}
	for i := 0; i < len(password); {
		r, n := utf8.DecodeRune(password[i:])
		if r == utf8.RuneError || r < ' ' || r == 0x7f || r > 0x7f && (!unicode.IsGraphic(r) || unicode.IsSpace(r)) {
			return errors.New("the new password holds a character that SCRAM clients prepare in different ways")
		}
		i += n
	}
	if !norm.NFKC.IsNormal(password) || !norm.NFC.IsNormal(password) {
		return errors.New("the new password is not in the normal form that SCRAM clients agree on")
	}
	return nil
}

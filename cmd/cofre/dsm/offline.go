package dsm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// offline is the file that keeps an application's variables for the time when no node answers. The box is AES-256-GCM under
// HKDF-SHA-256 of the client secret: who replaces the secret makes the copy useless.
type offline struct {
	Version int    `json:"version"`
	Salt    []byte `json:"salt"` // 32 bytes
	Box     []byte `json:"box"`  // nonce and ciphertext of kept, bound to the application's name
}

type kept struct {
	At        time.Time  `json:"at"`
	Variables []Variable `json:"variables"`
}

const offlineVersion = 1

// Keep writes an encrypted copy of variables, mode 0600, in place of an older one.
func Keep(file, clientSecret string, n Name, all []Variable, at time.Time) error {
	o := offline{Version: offlineVersion, Salt: make([]byte, 32)}
	_, _ = rand.Read(o.Salt) // never fails (crypto/rand)
	aead, err := sealer(clientSecret, o.Salt)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(kept{at, all})
	if err != nil {
		return err
	}
	o.Box = aead.Seal(nil, nil, plain, bound(n))
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return write(file, []string{string(b)})
}

// Kept opens a copy that is not older than the limit.
func Kept(file, clientSecret string, n Name, at time.Time, limit time.Duration) ([]Variable, time.Time, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, time.Time{}, err
	}
	var o offline
	if err := json.Unmarshal(b, &o); err != nil || o.Version != offlineVersion {
		return nil, time.Time{}, fmt.Errorf("%s is no copy of this version", file)
	}
	aead, err := sealer(clientSecret, o.Salt)
	if err != nil {
		return nil, time.Time{}, err
	}
	plain, err := aead.Open(nil, nil, o.Box, bound(n))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%s does not open with these client keys, or belongs to another application", file)
	}
	var k kept
	if err := json.Unmarshal(plain, &k); err != nil {
		return nil, time.Time{}, errors.New("the copy is damaged")
	}
	if at.Sub(k.At) > limit {
		return nil, k.At, fmt.Errorf("%s is of %s, older than %s", file, k.At.Format(time.RFC3339), limit)
	}
	return k.Variables, k.At, nil
}

func bound(n Name) []byte {
	b, _ := json.Marshal(n) // three texts
	return b
}

func sealer(clientSecret string, salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(clientSecret), salt, "cofre run offline", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

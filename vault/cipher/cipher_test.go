package cipher_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cofre/fsm/model"
	"cofre/vault/cipher"
	"cofre/vault/secret"
)

func text(v secret.Value) (s string) {
	_ = v.Reveal(func(b []byte) error { s = string(b); return nil })
	return s
}

// Every algorithm does what it is for; nothing that was changed, or is of another version, opens or verifies.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for _, a := range model.Algorithms {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			if testing.Short() && strings.HasSuffix(string(a), "4096") {
				t.Skip("making the key takes seconds")
			}
			material, public, err := cipher.Generate(a)
			if err != nil {
				t.Fatal(err)
			}
			v, message := model.KeyVersion{N: 3, Public: public}, secret.New([]byte("a message"))
			if a.Signs() {
				signed, err := cipher.Sign(a, material, message)
				if err != nil || !cipher.Verify(a, v, message, signed) {
					t.Fatal(err)
				}
				if cipher.Verify(a, v, secret.New([]byte("A message")), signed) || cipher.Verify(a, v, message, signed[:len(signed)-1]) || cipher.Verify(a, v, message, nil) {
					t.Error("a wrong signature is good")
				}
				if _, err := cipher.Encrypt(a, v, material, message); err == nil {
					t.Error("a key that signs encrypts")
				}
				return
			}
			box, err := cipher.Encrypt(a, v, material, message)
			if err != nil || cipher.VersionOf(a, box) != 3 {
				t.Fatal(err, cipher.VersionOf(a, box))
			}
			plain, err := cipher.Decrypt(a, v, material, box)
			if err != nil || text(plain) != "a message" {
				t.Fatal(err)
			}
			second, err := cipher.Encrypt(a, v, material, message)
			if err != nil || slices.Equal(box, second) {
				t.Error("the same ciphertext twice")
			}
			for i := range box {
				changed := slices.Clone(box)
				changed[i] ^= 0x80
				if i >= 5 && i%37 != 5 {
					continue // each decryption of RSA costs
				}
				if _, err := cipher.Decrypt(a, v, material, changed); err == nil && (strings.HasPrefix(string(a), "aes") || i >= 5) {
					t.Errorf("opens with byte %d changed", i)
				}
			}
			for _, wrong := range [][]byte{nil, {1}, box[:5], box[:len(box)-1], append(slices.Clone(box), 0)} {
				if _, err := cipher.Decrypt(a, v, material, wrong); err == nil {
					t.Errorf("%d bytes open", len(wrong))
				}
			}
			if _, err := cipher.Decrypt(a, model.KeyVersion{N: 4, Public: public}, material, box); err == nil {
				t.Error("opens as another version")
			}
			if _, err := cipher.Encrypt(a, v, material, secret.New(make([]byte, model.MaxCipher+1))); err == nil {
				t.Error("too long")
			}
		})
	}
	if _, _, err := cipher.Generate("des"); err == nil {
		t.Error("made a key of an unknown algorithm")
	}
}

// An AES ciphertext that happens to be as long as an RSA modulus opens too, and what others encrypt to a public half.
func TestLengths(t *testing.T) {
	t.Parallel()
	material, _, err := cipher.Generate("aes256-gcm96")
	if err != nil {
		t.Fatal(err)
	}
	v := model.KeyVersion{N: 1}
	for _, size := range []int{0, 256 - 33, 384 - 33, model.MaxCipher} {
		box, err := cipher.Encrypt("aes256-gcm96", v, material, secret.New(make([]byte, size)))
		if err != nil {
			t.Fatal(err)
		}
		if n := cipher.VersionOf("aes256-gcm96", box); n != 1 {
			t.Errorf("%d bytes: version %d", size, n)
		}
		if plain, err := cipher.Decrypt("aes256-gcm96", v, material, box); err != nil || plain.Len() != size {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	material, der, err := cipher.Generate("rsa-2048")
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	box, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey), []byte("from outside"), nil)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := cipher.Decrypt("rsa-2048", v, material, box)
	if err != nil || text(plain) != "from outside" {
		t.Error(err)
	}
	if _, err := cipher.Encrypt("rsa-2048", model.KeyVersion{N: 1, Public: der}, material, secret.New(make([]byte, 191))); err == nil || !strings.Contains(err.Error(), "190 bytes") {
		t.Error(err)
	}
}

// TestPSSByOpenSSL: OpenSSL takes our signatures with the parameters that the documents name and refuses others, and what it
// signs verifies here.
func TestPSSByOpenSSL(t *testing.T) {
	t.Parallel()
	const a = model.KeyAlgorithm("rsa-pss-2048")
	dir, message := t.TempDir(), []byte("a message")
	put := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	openssl := func(args ...string) ([]byte, error) {
		return exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput()
	}
	material, public, err := cipher.Generate(a)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := cipher.Sign(a, material, secret.New(slices.Clone(message)))
	if err != nil {
		t.Fatal(err)
	}
	pub := put("public.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	for name, c := range map[string]struct {
		message []byte
		salt    string
		good    bool
	}{"as documented": {message, "32", true}, "another salt": {message, "20", false}, "another message": {[]byte("A message"), "32", false}} {
		out, err := openssl("dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:"+c.salt, "-verify", pub, "-signature", put("signature", signed), put("message", c.message))
		if (err == nil) != c.good || strings.Contains(string(out), "Verified OK") != c.good {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
	private := filepath.Join(dir, "own.pem")
	if out, err := openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	theirs := filepath.Join(dir, "theirs")
	if out, err := openssl("dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-sign", private, "-out", theirs, put("message", message)); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	der, err := exec.CommandContext(t.Context(), "openssl", "pkey", "-in", private, "-pubout", "-outform", "DER").Output()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(theirs)
	if err != nil {
		t.Fatal(err)
	}
	if !cipher.Verify(a, model.KeyVersion{N: 1, Public: der}, secret.New(slices.Clone(message)), raw) {
		t.Error("what OpenSSL signed does not verify")
	}
}

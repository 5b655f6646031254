package api

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The key is made here, the answers are encrypted to it, and only its file opens them.
func TestEncryptedAnswers(t *testing.T) {
	t.Parallel()
	h := open(t)
	file := filepath.Join(t.TempDir(), "shop.pem")
	h.run("authorization", "encrypt", "admin", "admin", "--private-out", file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	h.refused("file exists", "authorization", "encrypt", "admin", "admin", "--private-out", file)
	h.runWith(`{"A":"value-of-the-test"}`, "secret", "create", "db", "--stdin")
	var read struct{ Data []map[string]string }
	if err := json.Unmarshal([]byte(h.run("secret", "read", "db", "--json", "--raw")), &read); err != nil || len(read.Data) != 1 {
		t.Fatal(err, read)
	}
	box := read.Data[0]["A"]
	if _, notes, err := h.try("", "secret", "read", "db", "--field", "A", "--raw"); err != nil || !strings.Contains(notes, "cofre authorization decrypt") {
		t.Errorf("nobody is told that what is printed is encrypted: %v %q", err, notes)
	}
	h.run("encryption", "create", "orders")
	sealed := h.runWith("a card number", "encryption", "encrypt", "orders")
	if out, _, err := h.try(sealed, "encryption", "decrypt", "orders", "--raw"); err == nil || out != "" || !strings.Contains(err.Error(), "--key-file") {
		t.Errorf("the encrypted answer was printed as the text: %q %v", out, err)
	}
	if got := h.runWith(sealed, "encryption", "decrypt", "orders", "--raw", "--key-file", file); got != "a card number" {
		t.Errorf("%q", got)
	}
	h.refused("private key, which stays with you", "authorization", "encrypt", "admin", "admin", "--public", file)
	if got := h.runWith(box, "authorization", "decrypt", "--private", file); got != "value-of-the-test" {
		t.Errorf("%q", got)
	}
	if _, _, err := h.try("rubbish", "authorization", "decrypt", "--private", file); err == nil {
		t.Error("rubbish was decrypted")
	}
	// A program gets the values themselves, and nothing with a key of somebody else's, or one that others may read.
	h.run("authorization", "update", "admin", "admin", "--system", "erp", "--environment", "prod")
	run := []string{"run", "--application", "admin", "--system", "erp", "--environment", "prod", "--key-file"}
	print := []string{"--", "sh", "-c", "printf %s \"$A\""}
	if got := h.run(slices.Concat(run, []string{file}, print)...); got != "value-of-the-test" {
		t.Errorf("the program got %q", got)
	}
	// Without a key nothing is handed on as if it were the secret.
	h.refused("--key-file", slices.Concat(run[:len(run)-1], print)...)
	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	h.runWith("s3cret-1", "credential", "create", "web1-root", "--hostname", "web1", "--username", "root", "--secret-stdin")
	h.refused("--key-file", "run", "--secret", "PW=web1-root", "--", "true")
	vars := filepath.Join(t.TempDir(), "runb.vars")
	notes, err := h.dsm(map[string]string{"SENHASEGURA_URL": h.env["COFRE_URL"], "SENHASEGURA_CLIENT_ID": h.env["COFRE_CLIENT_ID"], "SENHASEGURA_CLIENT_SECRET": h.env["COFRE_CLIENT_SECRET"],
		"SENHASEGURA_CA_FILE": h.env["COFRE_CA_FILE"], "SENHASEGURA_SECRETS_FILE": vars}, "runb", "-a", "admin", "-s", "erp", "-e", "prod")
	if _, failed := os.Stat(vars); err == nil || !strings.Contains(err.Error(), "encrypted to the authorization's key") || failed == nil {
		t.Error(err, notes)
	}
	other := filepath.Join(t.TempDir(), "other.pem")
	if _, err := newKeyFile(other); err != nil {
		t.Fatal(err)
	}
	h.refused("was not encrypted to this private key", slices.Concat(run, []string{other}, print)...)
	if err := os.Chmod(other, 0o640); err != nil {
		t.Fatal(err)
	}
	h.refused("chmod 600", slices.Concat(run, []string{other}, print)...)
}

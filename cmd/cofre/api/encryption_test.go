package api

import (
	"strings"
	"testing"
)

// Keys are made, used from standard input to standard output, rotated and shared by the command line.
func TestEncryptionCommands(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("application", "create", "shop")
	h.run("authorization", "create", "shop", "prod", "--module", "Secrets Management", "--right", "secret.read")
	h.run("encryption", "create", "orders", "--user", "shop/prod", "--tag", "shop")
	sealed := h.runWith("a card number\n", "encryption", "encrypt", "orders")
	if strings.Contains(sealed, "card") {
		t.Error(sealed)
	}
	if out := h.run("encryption", "rotate", "orders"); !strings.Contains(out, "encrypt and decrypt") || !strings.Contains(out, "shop/prod") {
		t.Error(out)
	}
	h.refused("--raw", "encryption", "decrypt", "orders")
	if out := h.runWith(sealed, "encryption", "decrypt", "orders", "--raw"); out != "a card number\n" {
		t.Errorf("%q", out)
	}
	h.run("encryption", "update", "orders", "--least", "2", "--user", "")
	if _, _, err := h.try(sealed, "encryption", "decrypt", "orders", "--raw"); err == nil || !strings.Contains(err.Error(), "below the least") {
		t.Error(err)
	}
	h.refused("not \"shop\"", "encryption", "update", "orders", "--user", "shop")
	h.run("encryption", "disable", "orders")
	if out := h.run("encryption", "list"); strings.Contains(out, "orders") {
		t.Error(out)
	}
	if out := h.run("encryption", "list", "--disabled", "--csv"); !strings.Contains(out, "1,orders,aes256-gcm96,admin/admin,2,2,,disabled") {
		t.Error(out)
	}
	h.run("encryption", "enable", "orders")

	h.run("encryption", "create", "release", "--algorithm", "ecdsa-p384", "--expires", "2099-01-01T00:00:00Z")
	file := h.file("app.sig", h.runWith("app 1.2\n", "encryption", "sign", "release"))
	if out := h.runWith("app 1.2\n", "encryption", "verify", "release", "--signature", file); out != "good: signed by version 1\n" {
		t.Error(out)
	}
	h.refused("wrong", "encryption", "verify", "release", "--signature", file) // of an empty input
	if out := h.run("encryption", "public", "release"); !strings.HasPrefix(out, "-----BEGIN PUBLIC KEY-----\n") {
		t.Error(out)
	}
	h.refused("public half", "encryption", "public", "orders")
	if _, _, err := h.try(strings.Repeat("x", 64<<10+1), "encryption", "encrypt", "orders"); err == nil || !strings.Contains(err.Error(), "64 KiB") {
		t.Error(err)
	}
}

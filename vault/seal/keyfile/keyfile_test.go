package keyfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cofre/vault/seal"
	"cofre/vault/seal/keyfile"
	"cofre/vault/seal/sealtest"
	"cofre/vault/secret"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	sealtest.Exercise(t, func(t *testing.T) sealtest.Fixture {
		dir := t.TempDir()
		path := filepath.Join(dir, "seal.key")
		if err := keyfile.Create(path, filepath.Join(dir, "data")); err != nil {
			t.Fatal(err)
		}
		return sealtest.Fixture{Seal: keyfile.New(path, filepath.Join(dir, "data"))}
	})
}

func TestRefusedKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "seal.key")
	if err := keyfile.Create(path, data); err != nil {
		t.Fatal(err)
	}
	root := secret.New(make([]byte, seal.KeySize))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := keyfile.New(path, data).Wrap(t.Context(), root); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Errorf("readable by others: %v", err)
	}
	if err := os.Rename(path, filepath.Join(data, "seal.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := keyfile.New(filepath.Join(data, "seal.key"), data).Wrap(t.Context(), root); err == nil || !strings.Contains(err.Error(), "inside the data directory") {
		t.Errorf("inside the data directory: %v", err)
	}
}

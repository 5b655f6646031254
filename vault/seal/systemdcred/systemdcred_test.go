package systemdcred_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cofre/vault/disk"
	"cofre/vault/seal"
	"cofre/vault/seal/sealtest"
	"cofre/vault/seal/systemdcred"
	"cofre/vault/secret"
)

// handed makes a folder as systemd hands it to a service, with a key.
func handed(t *testing.T) (dir, dataDir string) {
	t.Helper()
	top := t.TempDir()
	dir, dataDir = filepath.Join(top, "credentials"), filepath.Join(top, "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := disk.CreateKeyFile(filepath.Join(dir, systemdcred.Credential), dataDir); err != nil {
		t.Fatal(err)
	}
	return dir, dataDir
}

func TestConformance(t *testing.T) {
	t.Parallel()
	sealtest.Exercise(t, func(t *testing.T) sealtest.Fixture { return sealtest.Fixture{Seal: systemdcred.New(handed(t))} })
}

func TestRefused(t *testing.T) {
	t.Parallel()
	root := secret.New(make([]byte, seal.KeySize))
	dir, data := handed(t)
	wrap := func(dir, data string) error { _, err := systemdcred.New(dir, data).Wrap(t.Context(), root); return err }
	if err := wrap(dir, data); err != nil {
		t.Fatalf("the control: %v", err)
	}
	empty := t.TempDir()
	if err := os.Chmod(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"no folder named": "", "no folder": filepath.Join(dir, "none"), "no credential": empty} {
		if err := wrap(dir, data); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := wrap(dir, filepath.Dir(dir)); err == nil || !strings.Contains(err.Error(), "inside the data directory") {
		t.Errorf("inside the data directory: %v", err)
	}
	file := filepath.Join(dir, systemdcred.Credential)
	for _, c := range []struct {
		path string
		mode fs.FileMode
		want string
	}{{file, 0o644, "0600"}, {file, 0o440, "0600"}, {dir, 0o755, "open to others"}} {
		info, err := os.Stat(c.path)
		if err == nil {
			err = os.Chmod(c.path, c.mode)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := wrap(dir, data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with mode %o: %v", filepath.Base(c.path), c.mode, err)
		}
		if err := os.Chmod(c.path, info.Mode()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRealCredential goes the way of a unit with LoadCredentialEncrypted: systemd's own tool encrypts a key, and what it
// decrypts opens the seal. What the credential is bound to is read from the file that the tool wrote.
func TestRealCredential(t *testing.T) {
	dir, data := handed(t)
	t.Setenv("SYSTEMD_CREDENTIAL_SECRET", filepath.Join(t.TempDir(), "host.secret")) // not this machine's
	key := make([]byte, seal.KeySize)
	_, _ = rand.Read(key)
	plain := hex.EncodeToString(key) + "\n"
	tool := func(in string, args ...string) []byte {
		t.Helper()
		cmd := exec.Command("systemd-creds", args...)
		cmd.Stdin = strings.NewReader(in)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("systemd-creds %s: %v\n%s", args[0], err, errs.String())
		}
		return out.Bytes()
	}
	encrypted := filepath.Join(t.TempDir(), "seal.key")
	for kind, want := range map[string]systemdcred.Binding{"tpm2-absent": systemdcred.Nothing, "host": systemdcred.Host} {
		box := tool(plain, "encrypt", "--with-key="+kind, "--name=seal.key", "-", "-")
		if bytes.Contains(box, []byte(plain[:16])) {
			t.Error("the credential is not encrypted")
		}
		if err := os.WriteFile(encrypted, box, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := systemdcred.Bound(encrypted); err != nil || got != want {
			t.Errorf("a credential under %s is bound to %q, %v", kind, got, err)
		}
		opened := tool("", "decrypt", "--name=seal.key", encrypted, "-")
		file := filepath.Join(dir, systemdcred.Credential)
		if err := os.WriteFile(file, opened, 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := systemdcred.ReadKey(dir, data)
		if err != nil || !v.Equal(secret.New(bytes.Clone(key))) {
			t.Errorf("another key came back: %v", err)
		}
	}
}

// TestBound reads the kinds that this machine cannot make: it has no TPM.
func TestBound(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "c")
	for text, want := range map[string]systemdcred.Binding{
		"DHzAexF2RZGcSwvqCLwg/gEAAAAMAAAAEAAA\n": systemdcred.TPM,
		"k6iUCUh0RJCQyvL8k8q1UwEA\nAAAMAAAAEAAA": systemdcred.TPM,
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA":       systemdcred.Unknown,
		"short":                                  systemdcred.Unknown,
		"":                                       systemdcred.Unknown,
		"not base64 !!! but long enough to be one": systemdcred.Unknown,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := systemdcred.Bound(file); err != nil || got != want {
			t.Errorf("%q is bound to %q, %v", text, got, err)
		}
	}
	if _, err := systemdcred.Bound(file + "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

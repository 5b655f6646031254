package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"cofre/vault/disk"
	"cofre/vault/secret"
)

func TestKeyFile(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	data := filepath.Join(root, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "disk.key")
	if err := disk.CreateKeyFile(path, data); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 65 {
		t.Fatalf("key file: %v %v", info, err)
	}
	first := must(disk.ReadKeyFile(path, data))(t)
	if !first.Equal(must(disk.ReadKeyFile(path, data))(t)) || first.Len() != disk.KeySize {
		t.Error("the key file does not read back")
	}
	if err := disk.CreateKeyFile(path, data); !errors.Is(err, os.ErrExist) {
		t.Errorf("an existing key was replaced: %v", err)
	}
	if _, err := disk.LoadKeyFile(path, data); err != nil {
		t.Error(err)
	}
}

// TestKeyFileIsWhole: whoever looks while a key file is made finds the whole file or none. A part of one, left by a crash, kept a node
// from starting.
func TestKeyFileIsWhole(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for i := range 100 {
		path := filepath.Join(root, strconv.Itoa(i))
		made := make(chan error, 1)
		go func() { made <- disk.CreateKeyFile(path, filepath.Join(root, "data")) }()
		for {
			b, err := os.ReadFile(path)
			if err == nil && len(b) == 65 {
				break
			}
			if err == nil {
				t.Fatalf("file %d was seen with %d bytes", i, len(b))
			}
		}
		if err := <-made; err != nil {
			t.Fatal(err)
		}
	}
	if entries := must(os.ReadDir(root))(t); len(entries) != 100 {
		t.Errorf("%d files for 100 keys", len(entries))
	}
}

func TestKeyFileIsRefused(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	data := filepath.Join(root, "data")
	inside := filepath.Join(data, "keys", "k")
	if err := os.MkdirAll(filepath.Dir(inside), 0o700); err != nil {
		t.Fatal(err)
	}
	good := strings.Repeat("ab", disk.KeySize) + "\n"
	write := func(path string, mode os.FileMode, text string) string {
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := func(target, name string) string {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(root, name)
	}
	write(inside, 0o600, good)
	for name, c := range map[string]struct{ path, data, want string }{
		"missing":               {filepath.Join(root, "none"), data, "no such file"},
		"group":                 {write(filepath.Join(root, "group"), 0o640, good), data, "0600"},
		"others":                {write(filepath.Join(root, "others"), 0o604, good), data, "0600"},
		"inside":                {inside, data, "inside the data directory"},
		"link into data":        {link(inside, "link"), data, "inside the data directory"},
		"data is a link":        {inside, link(data, "datalink"), "inside the data directory"},
		"dots":                  {filepath.Join(data, "..", "data", "keys", "k"), data, "inside the data directory"},
		"short":                 {write(filepath.Join(root, "short"), 0o600, good[:20]), data, "64 hexadecimal"},
		"not hex":               {write(filepath.Join(root, "hex"), 0o600, "g"+good[1:]), data, "64 hexadecimal"},
		"a directory":           {root + "/dir", data, "not a regular file"},
		"inside, not there yet": {filepath.Join(data, "new", "k"), filepath.Join(data, "new"), "inside the data directory"},
	} {
		if name == "a directory" {
			_ = os.Mkdir(c.path, 0o700)
		}
		_, err := disk.ReadKeyFile(c.path, c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := disk.CreateKeyFile(filepath.Join(data, "new.key"), data); err == nil {
		t.Error("a key was created inside the data directory")
	}
	// A neighbour whose name starts like the data directory is outside.
	if err := disk.CreateKeyFile(filepath.Join(root, "data.key"), data); err != nil {
		t.Error(err)
	}
}

func TestSealedFile(t *testing.T) {
	t.Parallel()
	dir, key := t.TempDir(), disk.GenerateKey()
	path := filepath.Join(dir, "identity")
	if _, err := disk.OpenFile(path, key, "identity"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	for _, text := range []string{"", "a private key", strings.Repeat("long", 50_000)} {
		if err := disk.SealFile(path, key, "identity", secret.New([]byte(text))); err != nil {
			t.Fatal(err)
		}
		got := must(disk.OpenFile(path, key, "identity"))(t)
		if !got.Equal(secret.New([]byte(text))) {
			t.Errorf("%d bytes read back as %d", len(text), got.Len())
		}
	}
	box, _ := os.ReadFile(path)
	if strings.Contains(string(box), "longlonglong") {
		t.Error("the file is readable")
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
	if _, err := disk.OpenFile(path, disk.GenerateKey(), "identity"); !errors.Is(err, disk.ErrWrongKey) || !strings.Contains(err.Error(), path) {
		t.Errorf("wrong key: %v", err)
	}
	if err := os.WriteFile(path, box[:len(box)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.OpenFile(path, key, "identity"); !errors.Is(err, disk.ErrTampered) {
		t.Errorf("cut file: %v", err)
	}
}

// TestKeyFileFromACredential: systemd shows the mask of an access list as mode 0440. Elsewhere that mode is refused.
func TestKeyFileFromACredential(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "creds", "disk.key")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := disk.CreateKeyFile(path, filepath.Join(root, "data")); err != nil {
		t.Fatal(err)
	}
	read := func(mode os.FileMode, dir string) error {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		t.Setenv("CREDENTIALS_DIRECTORY", dir)
		_, err := disk.ReadKeyFile(path, filepath.Join(root, "data"))
		return err
	}
	if err := read(0o440, filepath.Dir(path)+"/"); err != nil {
		t.Error(err)
	}
	for _, bad := range []error{read(0o440, root), read(0o440, ""), read(0o444, filepath.Dir(path)), read(0o460, filepath.Dir(path))} {
		if bad == nil || !strings.Contains(bad.Error(), "make it 0600") {
			t.Errorf("accepted: %v", bad)
		}
	}
}

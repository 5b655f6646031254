package disk

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"cofre/vault/secret"
)

// LoadKeyFile reads the disk key from a key file; see ReadKeyFile.
func LoadKeyFile(path, dataDir string) (Key, error) {
	v, err := ReadKeyFile(path, dataDir)
	return Key{v}, err
}

// ReadKeyFile reads the 32 bytes of a key file. It refuses a file that others than its owner may read, and one inside
// the data directory (links resolved), where every backup of the data would carry the key along. The key file of a
// seal obeys the same rules and is read by the same function.
func ReadKeyFile(path, dataDir string) (secret.Value, error) {
	v, err := readKeyFile(path, dataDir)
	if err != nil {
		return secret.Value{}, fmt.Errorf("read key file %s: %w", path, err)
	}
	return v, nil
}

func readKeyFile(path, dataDir string) (secret.Value, error) {
	if err := outside(path, dataDir); err != nil {
		return secret.Value{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return secret.Value{}, err
	}
	defer f.Close()
	info, err := f.Stat() // of the open file: a path could change between check and use
	if err != nil {
		return secret.Value{}, err
	}
	if !info.Mode().IsRegular() {
		return secret.Value{}, errors.New("not a regular file")
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 && !(perm == 0o440 && credential(path)) {
		return secret.Value{}, fmt.Errorf("group or others may use it (mode %04o): make it 0600", perm)
	}
	text, err := io.ReadAll(io.LimitReader(f, 4*KeySize))
	if err != nil {
		return secret.Value{}, err
	}
	hidden := secret.New(text)
	defer hidden.Wipe()
	return parseHex(hidden)
}

// CreateKeyFile writes a new random key to path with mode 0600. It never replaces a file: a lost key is lost data. After a crash
// there is the whole file or none: with a part of one a node would not start.
func CreateKeyFile(path, dataDir string) error {
	if err := createKeyFile(path, dataDir); err != nil {
		return fmt.Errorf("create key file %s: %w", path, err)
	}
	return nil
}

func createKeyFile(path, dataDir string) error {
	if err := outside(path, dataDir); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // made with mode 0600
	if err != nil {
		return err
	}
	key := make([]byte, KeySize)
	_, _ = rand.Read(key)
	text := append(hex.AppendEncode(nil, key), '\n')
	defer clear(text)
	defer clear(key)
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = place(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// place gives a file its name, which must be free.
func place(tmp, path string) error {
	err := os.Link(tmp, path)
	if err == nil {
		return os.Remove(tmp)
	}
	if _, taken := os.Lstat(path); !errors.Is(taken, os.ErrNotExist) {
		return err
	}
	return os.Rename(tmp, path) // a file system without hard links; nobody else makes keys here
}

// credential tells whether systemd handed the file to this service. It may grant the reading to the service's user by
// an access list on a file of root, and the list's mask then shows as permission of the group; the folder is closed to
// everybody else.
func credential(path string) bool {
	dir, ok := os.LookupEnv("CREDENTIALS_DIRECTORY")
	return ok && filepath.Dir(path) == filepath.Clean(dir)
}

// outside refuses a path that lies in dataDir once all links are followed. Neither needs to exist yet.
func outside(path, dataDir string) error {
	file, err := resolve(path)
	if err != nil {
		return err
	}
	dir, err := resolve(dataDir)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(dir, file)
	if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return errors.New("it lies inside the data directory: a copy of the data would carry the key along")
	}
	return nil
}

// resolve follows the links of the longest part of path that exists.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, os.ErrNotExist) {
		return real, err
	}
	dir, name := filepath.Split(path)
	if dir = filepath.Clean(dir); dir == path {
		return path, nil
	}
	parent, err := resolve(dir)
	return filepath.Join(parent, name), err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

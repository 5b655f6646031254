package api

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"cofre/cmd/cofre/dsm"
)

// readPrivateKey reads the key that the secrets of answers are encrypted to. A file that others may read is refused.
func readPrivateKey(name string) (*rsa.PrivateKey, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the private key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat() // of what is read
	if err != nil {
		return nil, fmt.Errorf("read the private key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 || !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read the private key", Path: name, Err: fmt.Errorf("others may read it: chmod 600 %s", name)}
	}
	b, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("read the private key: %w", err)
	}
	defer clear(b)
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s holds no private key in PEM", name)
	}
	defer clear(block.Bytes)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s holds no RSA key in PKCS #8", name)
	}
	return key, nil
}

// opener opens values of answers. Without a key it hands them on as they are.
type opener struct{ key *rsa.PrivateKey }

// openerOf reads the file that --key-file names, if it names one.
func openerOf(file string) (o opener, err error) {
	if file != "" {
		o.key, err = readPrivateKey(file)
	}
	return o, err
}

// opened gives what a value of an answer says, for who hands it on; what is encrypted and cannot be opened is not handed on as if it
// were the value.
func (s *session) opened(o opener, name, text string) (string, error) {
	if s.connected.Sealed() && o.key == nil {
		return "", errSealed
	}
	s.opens = true
	return o.open(name, text)
}

// sealed tells whether a value has the form of an encrypted one: such a value that does not open was encrypted to another
// key, and is never taken for a secret.
func (o opener) sealed(text string) bool {
	if strings.Count(text, ".") == 4 && strings.HasPrefix(text, "eyJ") {
		return true
	}
	box, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(box) == o.key.Size()
}

// open gives what a value says; name is what errors call it.
func (o opener) open(name, text string) (string, error) {
	if o.key == nil || !o.sealed(text) {
		return text, nil
	}
	plain, err := decrypt(o.key, text)
	if err != nil {
		return "", fmt.Errorf("%s was not encrypted to this private key: is it that of the authorization?", name)
	}
	defer clear(plain)
	return string(plain), nil
}

// openAll opens the values of an application.
func (o opener) openAll(all []dsm.Variable) error {
	for i := range all {
		value, err := o.open(all[i].Name, all[i].Value)
		if err != nil {
			return err
		}
		all[i].Value = value
	}
	return nil
}

package access

import (
	"cofre/fsm/model"
	"cofre/vault/secret"
	"cofre/vault/sshkey"
)

// NewKey makes a private key of one of model.KeyAlgorithms; the caller wipes it.
func NewKey(algorithm string) (*secret.Value, error) {
	private, _, err := sshkey.Generate(algorithm)
	if err != nil {
		return nil, model.Errorf(model.Invalid, "%s", err).WithField("algorithm")
	}
	return &private, nil
}

// OpenKey takes the passphrase, if any, off a private key, and compares it with a public one, if there is one; the caller wipes
// what it gets.
func OpenKey(private secret.Value, passphrase *secret.Value, public string) (*secret.Value, error) {
	if passphrase == nil {
		passphrase = &secret.Value{}
	}
	plain, err := sshkey.Open(private, *passphrase)
	if err != nil {
		return nil, model.Errorf(model.Invalid, "%s", err).WithField("private_key")
	}
	own, err := publicKey(plain)
	if err == nil && public != "" && !sshkey.Same(own, public) {
		err = model.Errorf(model.Invalid, "the public key is not the one of the private key").WithField("public_key")
	}
	if err != nil {
		plain.Wipe()
		return nil, err
	}
	return &plain, nil
}

// publicKey is the public half of a private key without a passphrase, as a line of authorized_keys.
func publicKey(private secret.Value) (string, error) {
	public, err := sshkey.Public(private)
	if err != nil {
		return "", model.Errorf(model.Invalid, "%s", err).WithField("private_key")
	}
	return public, nil
}

package runner

import (
	"cofre/fsm/model"
	"cofre/vault/barrier"
	"cofre/vault/secret"
)

// sealable are keys that a person may take away while an attempt is at work (cofre seal). Executors report a value that
// they cannot have as a mistake of the template, which is final: this one is not, since another node, or this one later,
// has the value.
type sealable struct{ Keys }

func (k sealable) Encrypt(at barrier.AAD, v secret.Value) (model.Sealed, error) {
	s, err := k.Keys.Encrypt(at, v)
	return s, notNow(err)
}

func (k sealable) Decrypt(at barrier.AAD, s model.Sealed) (secret.Value, error) {
	v, err := k.Keys.Decrypt(at, s)
	return v, notNow(err)
}

func notNow(err error) error {
	if err != nil && model.KindOf(err) == model.VaultSealed {
		return refused(err.Error())
	}
	return err
}

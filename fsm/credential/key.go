package credential

import (
	"slices"
	"strings"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// KeyPatch makes a credential an SSH key, or changes what is known of one; nil leaves a field as it is.
type KeyPatch struct {
	Name      *string           `cbor:"name,omitempty"`
	Algorithm *string           `cbor:"algorithm,omitempty"` // of the keys that Cofre makes
	Devices   *[]model.DeviceID `cbor:"devices,omitempty"`   // further ones
	Pattern   *string           `cbor:"pattern,omitempty"`   // of further ones; "": none
}

// patchKey changes what makes a credential a key. A password never becomes one, nor the other way round: their old values
// would be tried at doors where they do not belong.
func patchKey(tx *table.Tx, c *model.Credential, a *KeyPatch, by model.AuthorizationID) error {
	if a == nil {
		return checkKey(c)
	}
	k := model.KeyPair{Algorithm: model.KeyAlgorithms[0]}
	switch {
	case c.Key != nil:
		k = *c.Key
	case len(c.Versions) > 0:
		return model.Errorf(model.Invalid, "the credential holds a password: it cannot become an SSH key").WithCode(1016).WithField("type")
	}
	if a.Name != nil {
		if err := model.CheckText("key_name", *a.Name, model.MaxName); err != nil {
			return err
		}
		k.Name = *a.Name
	}
	if a.Algorithm != nil {
		if k.Algorithm = *a.Algorithm; !slices.Contains(model.KeyAlgorithms, k.Algorithm) {
			return model.Errorf(model.Invalid, "algorithm is one of %s", strings.Join(model.KeyAlgorithms, ", ")).WithField("algorithm")
		}
	}
	if a.Devices != nil {
		k.Devices = slices.Clone(*a.Devices)
		if len(k.Devices) > model.MaxKeyDevices {
			return model.Errorf(model.Invalid, "a key opens at most %d further devices", model.MaxKeyDevices).WithField("devices")
		}
		for i, d := range k.Devices {
			if !state.Devices.Has(tx, string(d)) {
				return model.Errorf(model.Invalid, "Device not found").WithCode(1011).WithField("devices")
			}
			if d == c.Device || slices.Contains(k.Devices[:i], d) {
				return model.Errorf(model.Invalid, "a device is listed twice").WithField("devices")
			}
		}
	}
	if a.Pattern != nil && *a.Pattern != k.Pattern {
		if k.Pattern, k.PatternBy = *a.Pattern, by; k.Pattern == "" {
			k.PatternBy = ""
		} else if err := model.CheckHostPattern("pattern", k.Pattern); err != nil {
			return err
		}
	}
	c.Key, c.Type = &k, model.TypeSSHKey
	return checkKey(c)
}

// checkKey keeps type and kind together, and keys out of chains, in which one password is given to many.
func checkKey(c *model.Credential) error {
	switch {
	case c.Key == nil && strings.EqualFold(c.Type, model.TypeSSHKey):
		return model.Errorf(model.Invalid, "a credential of type %q is made as an SSH key", model.TypeSSHKey).WithCode(1016).WithField("type")
	case c.Key == nil:
		return nil
	case c.Type != model.TypeSSHKey:
		return model.Errorf(model.Invalid, "the type of an SSH key is %q", model.TypeSSHKey).WithField("type")
	case c.Parent != "":
		return model.Errorf(model.Invalid, "an SSH key has no parent credential").WithField("parent")
	}
	return nil
}

// checkPublic wants the public half with every private key, and with nothing else.
func checkPublic(c *model.Credential, public string) error {
	switch {
	case c.Key == nil && public != "":
		return model.Errorf(model.Invalid, "only an SSH key has a public half").WithCode(1016).WithField("public_key")
	case c.Key != nil && !model.PublicKey(public):
		return model.Errorf(model.Invalid, "an SSH key is put together with its public half, in the form of authorized_keys").WithField("public_key")
	}
	return nil
}

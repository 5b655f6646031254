package access

import (
	"context"
	"strconv"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/encryption"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/cipher"
	"cofre/vault/secret"
)

// FindEncryptionKey resolves a number, a name or an object id; it holds no secrets.
func (s *Service) FindEncryptionKey(ctx context.Context, name string) (*model.EncryptionKey, error) {
	k, err := ref(ctx, s, func(r table.Reader) (*model.EncryptionKey, bool) {
		if n, err := strconv.ParseUint(name, 10, 64); err == nil {
			return state.EncryptionKeys.First(r, "number", table.NumberKey(n))
		}
		if k, ok := state.EncryptionKeys.Get(r, name); ok { // before a name that looks like it
			return k, true
		}
		return state.EncryptionKeys.First(r, "name", name)
	}, encryption.ErrUnknown)
	if err != nil {
		return nil, err
	}
	shown := encryption.Shown(k)
	return &shown, nil
}

// ListEncryptionKeys lists the keys after a number that the caller may use or manage, in the order of their numbers.
func (s *Service) ListEncryptionKeys(actor model.Actor, at model.Time, disabled bool, after uint64, limit int) ([]model.EncryptionKey, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, authz.Action{Module: model.ModuleSecrets}, nil)
	if err != nil {
		return nil, err
	}
	out := []model.EncryptionKey{}
	for k := range state.EncryptionKeys.Range(v, "number", table.NumberKey(after+1), table.NumberKey(^uint64(0))) {
		if !encryption.MayUse(p.Authorization, k) || !disabled && !k.Active(at) {
			continue
		}
		if out = append(out, encryption.Shown(k)); limit > 0 && len(out) == limit {
			break
		}
	}
	return out, nil
}

// DescribeEncryptionKey shows a key that the caller may use or manage, with the public halves of its versions.
func (s *Service) DescribeEncryptionKey(ctx context.Context, actor model.Actor, at model.Time, name string) (*model.EncryptionKey, error) {
	k, err := s.FindEncryptionKey(ctx, name)
	if err != nil {
		return nil, err
	}
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, authz.Action{Module: model.ModuleSecrets}, nil)
	if err != nil {
		return nil, err
	}
	if !encryption.MayUse(p.Authorization, k) {
		return nil, model.Errorf(model.Denied, "No access to encryption key").WithCode(1009)
	}
	return k, nil
}

// PutEncryptionKey creates a key, with its first version, or changes one.
func (s *Service) PutEncryptionKey(ctx context.Context, actor model.Actor, at model.Time, args encryption.PutArgs) (model.EncryptionKey, error) {
	if args.ID == "" {
		m, err := s.material(actor, at, args.Algorithm)
		if err != nil {
			return model.EncryptionKey{}, err
		}
		args.Material = &m
	}
	return command.Propose(ctx, s.proposer, encryption.Put, actor, args)
}

// RotateEncryptionKey makes a new version of a key.
func (s *Service) RotateEncryptionKey(ctx context.Context, actor model.Actor, at model.Time, name string) (model.EncryptionKey, error) {
	k, err := s.FindEncryptionKey(ctx, name)
	if err != nil {
		return model.EncryptionKey{}, err
	}
	m, err := s.material(actor, at, k.Algorithm)
	if err != nil {
		return model.EncryptionKey{}, err
	}
	return command.Propose(ctx, s.proposer, encryption.Rotate, actor, encryption.RotateArgs{ID: k.ID, Algorithm: k.Algorithm, Material: m})
}

// material makes and seals key material, for callers that may manage keys: it costs seconds at worst.
func (s *Service) material(actor model.Actor, at model.Time, a model.KeyAlgorithm) (encryption.Material, error) {
	v := s.views.View()
	_, err := command.Authorize(v, actor, at, encryption.Change, nil)
	v.Close()
	if err != nil {
		return encryption.Material{}, err
	}
	plain, public, err := cipher.Generate(a)
	if err != nil {
		return encryption.Material{}, err
	}
	defer plain.Wipe()
	m := encryption.Material{Row: newRow(), Public: public}
	m.Secret, err = s.keys.Encrypt(Place(m.Row), plain)
	return m, err
}

// SetEncryptionKeyStatus enables or disables a key.
func (s *Service) SetEncryptionKeyStatus(ctx context.Context, actor model.Actor, name string, enabled bool) (model.EncryptionKey, error) {
	k, err := s.FindEncryptionKey(ctx, name)
	if err != nil {
		return model.EncryptionKey{}, err
	}
	return command.Propose(ctx, s.proposer, encryption.SetStatus, actor, encryption.StatusArgs{ID: k.ID, Enabled: enabled})
}

// useKey commits the use of a key and lends its opened material.
func (s *Service) useKey(ctx context.Context, actor model.Actor, args encryption.UseArgs, do func(a model.KeyAlgorithm, v model.KeyVersion, material secret.Value) error) error {
	if err := s.unsealed(); err != nil {
		return err
	}
	r, err := command.Propose(ctx, s.proposer, encryption.Use, actor, args)
	if err != nil {
		return err
	}
	material, err := s.keys.Decrypt(Place(r.Version.Row), r.Version.Secret)
	if err != nil {
		return err
	}
	defer material.Wipe()
	return do(r.Algorithm, r.Version, material)
}

// EncryptWith encrypts with the newest version of a key; a version may be named, but only that one. It tells which it was.
func (s *Service) EncryptWith(ctx context.Context, actor model.Actor, name string, version uint64, plain secret.Value) (box []byte, n uint64, err error) {
	k, err := s.FindEncryptionKey(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	err = s.useKey(ctx, actor, encryption.UseArgs{ID: k.ID, Version: version, Use: model.UseEncrypt}, func(a model.KeyAlgorithm, v model.KeyVersion, material secret.Value) (err error) {
		box, err = cipher.Encrypt(a, v, material, plain)
		n = v.N
		return err
	})
	return box, n, err
}

// DecryptWith decrypts with the version that encrypted; version is for values that do not say which. The caller wipes it.
func (s *Service) DecryptWith(ctx context.Context, actor model.Actor, name string, version uint64, box []byte) (plain secret.Value, n uint64, err error) {
	k, err := s.FindEncryptionKey(ctx, name)
	if err != nil {
		return plain, 0, err
	}
	if own := cipher.VersionOf(k.Algorithm, box); version == 0 {
		version = own
	}
	err = s.useKey(ctx, actor, encryption.UseArgs{ID: k.ID, Version: version, Use: model.UseDecrypt}, func(a model.KeyAlgorithm, v model.KeyVersion, material secret.Value) (err error) {
		plain, err = cipher.Decrypt(a, v, material, box)
		n = v.N
		return err
	})
	return plain, n, err
}

// SignWith signs with the newest version of a key and tells which it was.
func (s *Service) SignWith(ctx context.Context, actor model.Actor, name string, message secret.Value) (signature []byte, n uint64, err error) {
	k, err := s.FindEncryptionKey(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	err = s.useKey(ctx, actor, encryption.UseArgs{ID: k.ID, Use: model.UseSign}, func(a model.KeyAlgorithm, v model.KeyVersion, material secret.Value) (err error) {
		signature, err = cipher.Sign(a, material, message)
		n = v.N
		return err
	})
	return signature, n, err
}

// VerifyWith tells whether a version of a key that is still used made a signature, and which; version 0 tries each.
func (s *Service) VerifyWith(ctx context.Context, actor model.Actor, name string, version uint64, message secret.Value, signature []byte) (good bool, n uint64, err error) {
	k, err := s.FindEncryptionKey(ctx, name)
	if err != nil {
		return false, 0, err
	}
	for i := len(k.Versions); version == 0 && i > 0 && k.Versions[i-1].N >= k.Least; i-- {
		if cipher.Verify(k.Algorithm, k.Versions[i-1], message, signature) {
			version = k.Versions[i-1].N
		}
	}
	r, err := command.Propose(ctx, s.proposer, encryption.Use, actor, encryption.UseArgs{ID: k.ID, Version: version, Use: model.UseVerify})
	if err != nil {
		return false, 0, err
	}
	return cipher.Verify(r.Algorithm, r.Version, message, signature), r.Version.N, nil
}

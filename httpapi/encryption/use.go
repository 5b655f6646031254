package encryption

import (
	"context"
	"encoding/base64"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// EncryptBody is what is encrypted.
type EncryptBody struct {
	Plaintext *secret.Value `json:"plaintext" doc:"base64 of at most 64 KiB; with RSA, of what fits into the key"`
	Version   uint64        `json:"version" doc:"refuse if it is not the newest"`
}

// DecryptBody is what is decrypted.
type DecryptBody struct {
	Ciphertext *secret.Value `json:"ciphertext" doc:"base64"`
	Version    uint64        `json:"version" doc:"for values that were encrypted outside, to a public half; absent: the newest"`
}

// SignBody is what is signed.
type SignBody struct {
	Message *secret.Value `json:"message" doc:"base64 of at most 64 KiB"`
}

// VerifyBody is a message and a signature over it.
type VerifyBody struct {
	Message   *secret.Value `json:"message" doc:"base64"`
	Signature *secret.Value `json:"signature" doc:"base64; of ECDSA: ASN.1, of RSA: PSS"`
	Version   uint64        `json:"version" doc:"absent: any that is still used"`
}

func wipe(all ...*secret.Value) {
	for _, v := range all {
		if v != nil {
			v.Wipe()
		}
	}
}

// decoded reads base64 of what may be encrypted or signed at once, with room for a ciphertext's own bytes. The caller wipes it.
func decoded(field string, v *secret.Value) (out secret.Value, err error) {
	if v == nil {
		return out, model.Errorf(model.Invalid, "The %s was not informed", field).WithCode(1004).WithField(field)
	}
	err = v.Reveal(func(b []byte) error {
		plain := make([]byte, base64.StdEncoding.DecodedLen(len(b)))
		n, err := base64.StdEncoding.Decode(plain, b)
		if err != nil || n > model.MaxCipher+1024 {
			clear(plain)
			return model.Errorf(model.Invalid, "%s must be base64 of at most %d bytes", field, model.MaxCipher).WithField(field)
		}
		out = secret.New(plain[:n])
		return nil
	})
	return out, err
}

func (m *management) encrypt(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b EncryptBody
	defer func() { wipe(b.Plaintext) }()
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	plain, err := decoded("plaintext", b.Plaintext)
	if err != nil {
		return compat.Reply{}, err
	}
	defer plain.Wipe()
	box, n, err := m.s.EncryptWith(ctx, r.Actor, r.Param("name"), b.Version, plain)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(compat.Object{{Name: "version", Value: n}, {Name: "ciphertext", Value: base64.StdEncoding.EncodeToString(box)}}), nil
}

func (m *management) decrypt(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b DecryptBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	box, err := decoded("ciphertext", b.Ciphertext)
	if err != nil {
		return compat.Reply{}, err
	}
	var plain secret.Value
	var n uint64
	err = box.Reveal(func(raw []byte) (err error) {
		plain, n, err = m.s.DecryptWith(ctx, r.Actor, r.Param("name"), b.Version, raw)
		return err
	})
	if err != nil {
		return compat.Reply{}, err
	}
	defer plain.Wipe()
	var encoded []byte
	_ = plain.Reveal(func(raw []byte) error { encoded = base64.StdEncoding.AppendEncode(nil, raw); return nil })
	return compat.JSON(compat.Object{{Name: "version", Value: n}, {Name: "plaintext", Value: compat.Secret{Value: secret.New(encoded)}}}), nil
}

func (m *management) sign(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b SignBody
	defer func() { wipe(b.Message) }()
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	message, err := decoded("message", b.Message)
	if err != nil {
		return compat.Reply{}, err
	}
	defer message.Wipe()
	signature, n, err := m.s.SignWith(ctx, r.Actor, r.Param("name"), message)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(compat.Object{{Name: "version", Value: n}, {Name: "signature", Value: base64.StdEncoding.EncodeToString(signature)}}), nil
}

func (m *management) verify(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b VerifyBody
	defer func() { wipe(b.Message) }()
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	message, err := decoded("message", b.Message)
	if err != nil {
		return compat.Reply{}, err
	}
	defer message.Wipe()
	signature, err := decoded("signature", b.Signature)
	if err != nil {
		return compat.Reply{}, err
	}
	var good bool
	var n uint64
	err = signature.Reveal(func(raw []byte) (err error) {
		good, n, err = m.s.VerifyWith(ctx, r.Actor, r.Param("name"), b.Version, message, raw)
		return err
	})
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(compat.Object{{Name: "valid", Value: good}, {Name: "version", Value: n}}), nil
}

package access

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"sync"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/vault/keyring"
	"cofre/vault/secret"
)

// Names of the keys in the vault ring.
const (
	KeyToken  = "token"  // Ed25519: signs access tokens
	KeyAudit  = "audit"  // Ed25519: signs checkpoints and exports
	KeyPepper = "pepper" // 32 bytes: HMAC of client secrets
	KeyCA     = "ca"     // ECDSA P-256, PKCS #8: issues node certificates
)

// AddKeys makes the keys that every cluster has, but the CA's, and adds them to a new ring's row.
func AddKeys(r *keyring.Ring, row *model.Keyring, at model.Time) error {
	if err := AddSigningKeys(r, row, at); err != nil {
		return err
	}
	pepper := make([]byte, 32)
	_, _ = rand.Read(pepper)
	return r.AddKey(row, KeyPepper, nil, secret.New(pepper), at)
}

// AddSigningKeys makes the next token and audit keys.
func AddSigningKeys(r *keyring.Ring, row *model.Keyring, at model.Time) error {
	for _, name := range []string{KeyToken, KeyAudit} {
		pub, priv, err := ed25519.GenerateKey(nil)
		if err != nil {
			return fmt.Errorf("make the %s key: %w", name, err)
		}
		if err := r.AddKey(row, name, pub, secret.New(priv.Seed()), at); err != nil {
			return err
		}
	}
	return nil
}

// NamedKeys uses the named keys of the vault ring without handing them out. Opened keys are kept while the same ring is
// open, because tokens are signed and checked on every request.
type NamedKeys struct {
	views  Views
	holder *keyring.Holder

	mu     sync.Mutex // guards ring and opened
	ring   *keyring.Ring
	opened map[string]keyring.Key
}

// NewNamedKeys looks keys up in the state and opens them with the ring.
func NewNamedKeys(v Views, h *keyring.Holder) *NamedKeys {
	return &NamedKeys{views: v, holder: h}
}

// key opens a key; id 0 is the newest.
func (k *NamedKeys) key(name string, id uint32) (keyring.Key, error) {
	ring, err := k.holder.Current()
	if err != nil {
		k.forget(nil)
		return keyring.Key{}, err
	}
	k.forget(ring)
	label := fmt.Sprintf("%s/%d", name, id)
	k.mu.Lock()
	found, ok := k.opened[label]
	k.mu.Unlock()
	if ok {
		return found, nil
	}
	v := k.views.View()
	row, ok := state.Keyring.Get(v, state.SystemKey)
	v.Close()
	if !ok {
		return keyring.Key{}, model.Errorf(model.Unavailable, "this node does not belong to a cluster yet")
	}
	var opened keyring.Key
	if id == 0 {
		opened, err = ring.Key(*row, name)
	} else {
		opened, err = ring.KeyByID(*row, name, id)
	}
	if err != nil {
		return keyring.Key{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ring == ring {
		k.opened[label] = opened
	}
	return opened, nil
}

// forget wipes the opened keys when another ring, or none, is open now.
func (k *NamedKeys) forget(now *keyring.Ring) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ring == now && k.opened != nil {
		return
	}
	for _, o := range k.opened {
		o.Private.Wipe()
	}
	k.ring, k.opened = now, map[string]keyring.Key{}
}

// Sign signs with the newest Ed25519 key of a name and tells its id.
func (k *NamedKeys) Sign(name string, message []byte) (id uint32, signature []byte, err error) {
	key, err := k.key(name, 0)
	if err != nil {
		return 0, nil, err
	}
	err = key.Private.Reveal(func(seed []byte) error {
		if len(seed) != ed25519.SeedSize {
			return model.Errorf(model.Unavailable, "the vault was sealed meanwhile")
		}
		signature = ed25519.Sign(ed25519.NewKeyFromSeed(seed), message)
		return nil
	})
	return key.ID, signature, err
}

// Public gives the public half of a key; it works on a sealed node.
func (k *NamedKeys) Public(name string, id uint32) (ed25519.PublicKey, error) {
	v := k.views.View()
	defer v.Close()
	if row, ok := state.Keyring.Get(v, state.SystemKey); ok {
		for _, n := range row.Keys {
			if n.Name == name && n.ID == id && len(n.Public) == ed25519.PublicKeySize {
				return n.Public, nil
			}
		}
	}
	return nil, model.Errorf(model.NotFound, "there is no key %s %d", name, id)
}

// Generation is that of the root key under which keys are open now: keys are withdrawn only with a new one. 0: sealed.
func (k *NamedKeys) Generation() uint32 {
	ring, err := k.holder.Current()
	if err != nil {
		return 0
	}
	return ring.Generation()
}

// MAC computes HMAC-SHA-256 under a key; id 0 is the newest.
func (k *NamedKeys) MAC(name string, id uint32, message []byte) (uint32, []byte, error) {
	key, err := k.key(name, id)
	if err != nil {
		return 0, nil, err
	}
	var sum []byte
	err = key.Private.Reveal(func(b []byte) error {
		if len(b) == 0 {
			return model.Errorf(model.Unavailable, "the vault was sealed meanwhile")
		}
		m := hmac.New(sha256.New, b)
		m.Write(message)
		sum = m.Sum(nil)
		return nil
	})
	return key.ID, sum, err
}

// UseCA lends the CA's private key, opened, to a function.
func (k *NamedKeys) UseCA(use func(pkcs8 any) error) error {
	key, err := k.key(KeyCA, 0)
	if err != nil {
		return err
	}
	return key.Private.Reveal(func(der []byte) error {
		priv, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return fmt.Errorf("open the CA's key: %w", err)
		}
		return use(priv)
	})
}

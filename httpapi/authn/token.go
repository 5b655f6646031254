package authn

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Lifetimes of access tokens.
const (
	DefaultTTL = time.Hour
	MaxTTL     = 24 * time.Hour
)

// keyName is the signing key in the vault ring.
const keyName = "token"

// maxToken is longer than any token that we issue.
const maxToken = 2048

// Keys signs and verifies with named keys of the vault ring.
type Keys interface {
	Sign(name string, message []byte) (id uint32, signature []byte, err error)
	Public(name string, id uint32) (ed25519.PublicKey, error)
	// Generation changes whenever keys may have been withdrawn: what was verified before has to be verified again.
	Generation() uint32
}

// Claims are what a token says. Times are seconds since the epoch, as JWT has them.
type Claims struct {
	Subject  model.AuthorizationID `json:"sub"`
	Audience model.ClusterID       `json:"aud"`
	ID       string                `json:"jti"`
	Epoch    uint64                `json:"epoch"`
	Listing  string                `json:"listing,omitempty"`   // of the identity of AWS that it is for
	Asked    []model.Asker         `json:"asked,omitempty"`     // who asked for the key that got it
	KeyUntil model.Time            `json:"key_until,omitempty"` // when that key ends, in milliseconds
	Issued   int64                 `json:"iat"`
	Expires  int64                 `json:"exp"`
}

// Until is when the token ends.
func (c Claims) Until() model.Time { return model.Time(c.Expires * 1000) }

// Actor is the client behind the token, with where its request comes from.
func (c Claims) Actor(from model.Origin) model.Actor {
	return model.Actor{Kind: model.ActorClient, Authorization: c.Subject, Epoch: c.Epoch, Token: c.ID, Listing: c.Listing, Asked: c.Asked, KeyUntil: c.KeyUntil, Issued: model.Time(c.Issued * 1000)}.From(from)
}

// Tokens issues and verifies access tokens.
type Tokens struct {
	keys    Keys
	cluster func() model.ClusterID
	kid     atomic.Uint32 // newest known id of the signing key: the header must name it before it is used

	mu   sync.Mutex // guards seen
	seen *lru[[sha256.Size]byte, Claims]
}

// NewTokens uses the key "token" of the vault ring.
func NewTokens(k Keys, cluster func() model.ClusterID) *Tokens {
	return &Tokens{keys: k, cluster: cluster, seen: newLRU[[sha256.Size]byte, Claims](8192)}
}

// Issue makes a token; the claims say for whom, and what it hangs on beside that.
func (t *Tokens) Issue(c Claims, ttl time.Duration, at time.Time) (secret.Value, Claims, error) {
	if ttl <= 0 || ttl > MaxTTL {
		return secret.Value{}, Claims{}, model.Errorf(model.Invalid, "ttl is between 1 and %d minutes", int(MaxTTL/time.Minute)).WithField("ttl")
	}
	var id [16]byte
	_, _ = rand.Read(id[:])
	c.Audience, c.ID, c.Issued, c.Expires = t.cluster(), hex.EncodeToString(id[:]), at.Unix(), at.Add(ttl).Unix()
	payload, err := json.Marshal(c)
	if err != nil {
		return secret.Value{}, Claims{}, fmt.Errorf("encode token: %w", err)
	}
	for range 4 { // the first time, and after the key was rotated, the header names the wrong key
		kid := t.kid.Load()
		input := encode(fmt.Appendf(nil, `{"alg":"EdDSA","typ":"JWT","kid":"%d"}`, kid)) + "." + encode(payload)
		id, signature, err := t.keys.Sign(keyName, []byte(input))
		if err != nil {
			return secret.Value{}, Claims{}, fmt.Errorf("sign token: %w", err)
		}
		if id == kid {
			return secret.New([]byte(input + "." + encode(signature))), c, nil
		}
		t.kid.Store(id)
	}
	return secret.Value{}, Claims{}, model.Errorf(model.Unavailable, "the token key is being rotated: try again")
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

var errToken = model.Errorf(model.Unauthenticated, "Client authentication failed: the token is not valid")

// Verify checks a token's signature, audience and time. Whether it was revoked is decided on the state.
func (t *Tokens) Verify(token string, at time.Time) (Claims, error) {
	c, err := t.Identify(token)
	if err != nil {
		return Claims{}, err
	}
	switch now := at.Unix(); {
	case now < c.Issued-60:
		return Claims{}, errToken
	case now >= c.Expires:
		return Claims{}, model.Errorf(model.Unauthenticated, "Client authentication failed: the token has expired")
	}
	return c, nil
}

// Identify checks a token's signature and audience only. A revocation goes by it: whether a token has expired is a
// question of clocks, and this node's may be wrong.
func (t *Tokens) Identify(token string) (Claims, error) {
	if len(token) == 0 || len(token) > maxToken {
		return Claims{}, errToken
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte(token), t.keys.Generation()))
	t.mu.Lock()
	c, ok := t.seen.get(sum)
	t.mu.Unlock()
	if !ok {
		var err error
		if c, err = t.check(token); err != nil {
			return Claims{}, err
		}
	}
	if c.Audience != t.cluster() || c.Subject == "" || c.ID == "" {
		return Claims{}, errToken
	}
	if !ok {
		t.mu.Lock()
		t.seen.put(sum, c)
		t.mu.Unlock()
	}
	return c, nil
}

func (t *Tokens) check(token string) (Claims, error) {
	for part := range strings.SplitSeq(token, ".") { // the library would read several texts as one token
		if b, err := base64.RawURLEncoding.DecodeString(part); err != nil || encode(b) != part {
			return Claims{}, errToken
		}
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || len(jws.Signatures) != 1 {
		return Claims{}, errToken
	}
	kid, err := strconv.ParseUint(jws.Signatures[0].Protected.KeyID, 10, 32)
	if err != nil {
		return Claims{}, errToken
	}
	public, err := t.keys.Public(keyName, uint32(kid))
	if model.Is(err, model.NotFound) {
		return Claims{}, errToken
	}
	if err != nil {
		return Claims{}, fmt.Errorf("find the token key: %w", err)
	}
	payload, err := jws.Verify(public)
	if err != nil {
		return Claims{}, errToken
	}
	var c Claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Claims{}, errToken
	}
	return c, nil
}

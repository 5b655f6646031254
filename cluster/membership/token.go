package membership

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"cofre/fsm/codec"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

const tokenPrefix = "cofre-join-1."

const secretSize = 32

// Token lets one node join once. Its text is a secret.
type Token struct {
	Cluster model.ClusterID
	CA      [sha256.Size]byte // hash of the authority's certificate
	Peers   []string          // host:port of members
	Name    model.NodeID
	Secret  secret.Value
	// Approved says that it was made for the node's key, which nobody needs to compare then. It is for people: the state decides.
	Approved bool
}

type tokenBody struct {
	Cluster model.ClusterID `cbor:"cluster"`
	CA      []byte          `cbor:"ca"`
	Peers   []string        `cbor:"peers"`
	Name    model.NodeID    `cbor:"name"`
	Secret  []byte          `cbor:"secret"`

	Approved bool `cbor:"approved,omitempty"`
}

// NewToken draws a token's secret.
func NewToken(cluster model.ClusterID, ca [sha256.Size]byte, peers []string, name model.NodeID) Token {
	s := make([]byte, secretSize)
	_, _ = rand.Read(s) // never fails: crypto/rand ends the process instead
	return Token{Cluster: cluster, CA: ca, Peers: peers, Name: name, Secret: secret.New(s)}
}

// ID is what the state knows of the token: the hex SHA-256 of its secret.
func (t Token) ID() string {
	var id string
	_ = t.Secret.Reveal(func(b []byte) error { id = tokenID(b); return nil })
	return id
}

func tokenID(s []byte) string {
	sum := sha256.Sum256(s)
	return hex.EncodeToString(sum[:])
}

// Text is the token as an operator carries it.
func (t Token) Text() (secret.Value, error) {
	var out []byte
	err := t.Secret.Reveal(func(s []byte) error {
		body, err := codec.Encode(tokenBody{t.Cluster, t.CA[:], t.Peers, t.Name, s, t.Approved})
		if err != nil {
			return err
		}
		out = append([]byte(tokenPrefix), base64.RawURLEncoding.AppendEncode(nil, body)...)
		clear(body)
		return nil
	})
	if err != nil {
		return secret.Value{}, fmt.Errorf("write a join token: %w", err)
	}
	return secret.New(out), nil
}

var errToken = errors.New("this is not a join token: copy the whole line that \"cofre cluster token\" printed")

// ParseToken reads a token's text. Its errors show nothing of it.
func ParseToken(text secret.Value) (Token, error) {
	var b tokenBody
	err := text.Reveal(func(raw []byte) error {
		body, ok := strings.CutPrefix(strings.TrimSpace(string(raw)), tokenPrefix)
		if !ok || len(body) > 8192 {
			return errToken
		}
		cborBytes, err := base64.RawURLEncoding.Strict().DecodeString(body)
		if err != nil || codec.Decode(cborBytes, &b) != nil {
			return errToken
		}
		return nil
	})
	if err == nil && (len(b.CA) != sha256.Size || len(b.Secret) != secretSize || b.Name == "" || b.Cluster == "" || len(b.Peers) == 0) {
		err = errToken
	}
	if err != nil {
		return Token{}, err
	}
	return Token{Cluster: b.Cluster, CA: [sha256.Size]byte(b.CA), Peers: b.Peers, Name: b.Name, Secret: secret.New(b.Secret), Approved: b.Approved}, nil
}

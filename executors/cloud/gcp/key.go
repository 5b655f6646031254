package gcp

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"cofre/vault/secret"
)

// key is a service-account key, as Google's file has it. Its token_uri is not used: the key goes where the device says, and nowhere else.
type key struct {
	Type    string `json:"type"`
	Project string `json:"project_id"`
	ID      string `json:"private_key_id"`
	Private string `json:"private_key"` // PEM
	Email   string `json:"client_email"`
}

// pair is what a dynamic user is handed out as. The secret is the key file, as Google's clients read it.
type pair struct {
	ID     string `json:"access_key_id"`
	Secret string `json:"secret_access_key"`
}

var (
	projectID = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	accountID = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	email     = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*@[a-z0-9][a-z0-9.-]*\.gserviceaccount\.com$`)
	keyID     = regexp.MustCompile(`^[0-9a-f]{1,64}$`)
)

var errKey = errors.New("the account's secret is its key: the whole JSON file that Google gave for the service account")

// parseKey reads a key file.
func parseKey(file []byte) (k key, err error) {
	if json.Unmarshal(file, &k) != nil || k.Type != "service_account" || !projectID.MatchString(k.Project) || !email.MatchString(k.Email) || !keyID.MatchString(k.ID) {
		return key{}, errKey
	}
	if _, err := k.rsa(); err != nil {
		return key{}, err
	}
	return k, nil
}

func readKey(v secret.Value) (k key, err error) {
	_ = v.Reveal(func(b []byte) error { k, err = parseKey(b); return nil })
	return k, err
}

// EmailOf is the name of the service account whose key file it is; "" if it is none.
func EmailOf(file string) string {
	k, _ := parseKey([]byte(file))
	return k.Email
}

// madeKey reads the secret of a dynamic user; false for any other, such as a stand-in.
func madeKey(v secret.Value) (k key, ok bool) {
	_ = v.Reveal(func(b []byte) error {
		var p pair
		if json.Unmarshal(b, &p) == nil && p.Secret != "" {
			var err error
			k, err = parseKey([]byte(p.Secret))
			ok = err == nil
		}
		return nil
	})
	return k, ok
}

func (k key) rsa() (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(k.Private))
	if block == nil {
		return nil, errKey
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := any.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, errKey
	}
	return private, nil
}

// How long an assertion lives, and what it asks for.
const (
	assertionTTL = 10 * time.Minute
	scope        = "https://www.googleapis.com/auth/cloud-platform"
	audience     = "https://" + tokenHost + "/token"
)

// assertion is the signed JWT by which a service account gets a token.
func (k key) assertion(now time.Time) (string, error) {
	private, err := k.rsa()
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: private, KeyID: k.ID}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("sign with the key: %w", err)
	}
	claims := map[string]any{"iss": k.Email, "scope": scope, "aud": audience, "iat": now.Unix(), "exp": now.Add(assertionTTL).Unix()}
	out, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign with the key: %w", err)
	}
	return out, nil
}

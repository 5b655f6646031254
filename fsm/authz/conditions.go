package authz

import (
	"strings"

	"cofre/fsm/model"
)

// maxPublicKey is the length of an RSA key of 4096 bits in PKIX form, with some room.
const maxPublicKey = 1024

// What the life of tokens may be, in milliseconds.
const (
	minTokenTTL = 60_000
	maxTokenTTL = 24 * 60 * minTokenTTL
)

// CheckConditions refuses malformed conditions of an authorization: addresses, referrers, a certificate, a key.
func CheckConditions(a *model.Authorization) error {
	for _, ip := range a.IPs {
		if _, err := ParsePrefix(ip); err != nil {
			return model.Errorf(model.Invalid, "%q is not an address or prefix such as 10.0.0.0/8", ip).WithField("ips")
		}
	}
	for _, r := range a.Referrers {
		if r != strings.ToLower(r) && !strings.Contains(r, "/") || strings.ContainsAny(r, " *") || r == "" {
			return model.Errorf(model.Invalid, "a referrer is a host in lower case, or the beginning of a URL such as https://portal.example.com/app").WithField("referrers")
		}
		if err := model.CheckText("referrers", r, model.MaxText); err != nil {
			return err
		}
	}
	if c := a.Certificate; c != "" && (len(c) != 64 || strings.Trim(c, "0123456789abcdef") != "") {
		return model.Errorf(model.Invalid, "the certificate is named by its SHA-256 in 64 hexadecimal digits").WithField("certificate")
	}
	if a.TokenTTL != 0 && (a.TokenTTL < minTokenTTL || a.TokenTTL > maxTokenTTL) {
		return model.Errorf(model.Invalid, "tokens live between 1 minute and 24 hours").WithField("token_ttl")
	}
	if len(a.PublicKey) > maxPublicKey {
		return model.Errorf(model.Invalid, "the public key is longer than one of RSA with 4096 bits").WithField("public_key")
	}
	return nil
}

package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/secret"
)

// held is what a template for secrets of applications works for: an authorization, and a secret of its application. Templates
// know them by the tags of product.md 1.4.2, and each named value of the secret by its own name. Of a dynamic user, that is
// whom it belongs to and the secret that shows it.
type held struct {
	application string
	auth        *model.Authorization
	oauth1      *model.OAuth1Keys // nil: the authorization signs with none
	secret      *model.DSMSecret  // nil: there is none, as of a user that was requested by itself
	version     *model.DSMVersion
	accounts    map[model.CredentialID]account // that the secret refers to, where the template is handed them
	open        func(row string, s model.Sealed) (secret.Value, error)
}

// account is a credential that a secret refers to, and its device.
type account struct {
	*model.Credential
	device *model.Device
}

// ofAccount are the tags of the first account that a secret refers to.
var ofAccount = map[mask.Name]string{
	"CREDENTIAL_HOSTNAME": "hostname", "CREDENTIAL_USERNAME": "username", "CREDENTIAL_PASSWORD": "password", "CREDENTIAL_ADDITIONAL_INFORMATION": "additional",
}

// holding reads it from a view; what is gone meanwhile has no value.
func (r *Runner) holding(v table.Reader, app model.ApplicationID, auth model.AuthorizationID, of model.DSMSecretID) *held {
	h := &held{open: func(row string, s model.Sealed) (secret.Value, error) { return r.Keys.Decrypt(r.Place(row), s) }}
	if a, ok := state.Applications.Get(v, string(app)); ok {
		h.application = a.Name
	}
	h.auth, _ = state.Authorizations.Get(v, string(auth))
	h.oauth1, _ = state.OAuth1Keys.First(v, "authorization", string(auth))
	if s, ok := state.DSMSecrets.Get(v, string(of)); ok {
		h.secret = s
		h.version, _ = state.DSMVersions.Get(v, state.DSMVersionKey(s.ID, s.Version))
	}
	return h
}

// text gives the values that may be seen; empty: none.
func (h *held) text() map[mask.Name]string {
	m := map[mask.Name]string{"APP_NAME": h.application}
	if h.auth != nil {
		m["APP_AUTH_UNIQUE_KEY"], m["APP_AUTH_CLIENT_ID"], m["APP_AUTH_TYPE"] = string(h.auth.ID), h.auth.ClientID, "OAuth 2.0"
	}
	if h.oauth1 != nil {
		m["APP_AUTH_TYPE"], m["APP_AUTH_CONSUMER_KEY"], m["APP_AUTH_TOKEN"] = "OAuth 1.0", h.oauth1.Consumer, h.oauth1.Token
	}
	if s := h.secret; s != nil {
		m["SECRET_NAME"], m["SECRET_IDENTIFIER"], m["SECRET_ENGINE"] = s.Name, s.Identity, s.Engine
		if h.version != nil {
			m["SECRET_VERSION"] = strconv.FormatUint(h.version.N, 10) // of what is handed over: the secret may have a newer one
		}
		if s.ExpiresAt != 0 {
			m["SECRET_EXPIRATION_DATE"] = s.ExpiresAt.Std().UTC().Format(time.RFC3339)
		}
	}
	return m
}

// sealed gives the values that are ciphertext; the caller owns it.
func (h *held) sealed(n mask.Name) (secret.Value, error) {
	switch {
	case h.oauth1 != nil && n == "APP_AUTH_CONSUMER_SECRET":
		return h.open(h.oauth1.ConsumerRow, h.oauth1.ConsumerSecret)
	case h.oauth1 != nil && n == "APP_AUTH_TOKEN_SECRET":
		return h.open(h.oauth1.TokenRow, h.oauth1.TokenSecret)
	case h.version != nil && n == "SECRET_DATA":
		return h.data()
	}
	for _, f := range h.fields() {
		if strings.EqualFold(f.Name, string(n)) {
			return h.value(f)
		}
	}
	if from, ok := ofAccount[n]; ok && h.version != nil {
		for _, id := range h.version.References() {
			return h.value(field{of: id, DSMField: model.DSMField{From: from}})
		}
	}
	return secret.Value{}, mask.NoValue(n)
}

// field is one named value of the secret; of an account if it is a part of one.
type field struct {
	model.DSMField
	of model.CredentialID
}

// fields lists the secret's own values, and the parts of the accounts that the template is handed.
func (h *held) fields() []field {
	if h.version == nil {
		return nil
	}
	var out []field
	for _, e := range h.version.Entries {
		for _, f := range e.Fields {
			if _, handed := h.accounts[e.Credential]; f.From == "" && f.Row != "" || f.From != "" && handed {
				out = append(out, field{f, e.Credential})
			}
		}
	}
	return out
}

// value opens one of them; the caller owns it.
func (h *held) value(f field) (secret.Value, error) {
	if f.From == "" {
		return h.open(f.Row, f.Secret)
	}
	c, ok := h.accounts[f.of]
	switch {
	case !ok:
	case f.From == "password":
		if v := c.ByRole(model.RoleCurrent); v != nil {
			return h.open(v.Row, v.Secret)
		}
	default:
		if text := c.Part(f.From, c.device); text != "" {
			return secret.New([]byte(text)), nil
		}
	}
	return secret.Value{}, fmt.Errorf("%s of the account: %w", f.From, mask.ErrNoValue)
}

// data is all of them as a JSON object, in their order.
func (h *held) data() (secret.Value, error) {
	out := []byte{'{'}
	for i, f := range h.fields() {
		v, err := h.value(f)
		if errors.Is(err, mask.ErrNoValue) {
			v, err = secret.New(nil), nil
		}
		if err != nil {
			clear(out)
			return secret.Value{}, err
		}
		err = v.Reveal(func(b []byte) error {
			name, err := json.Marshal(f.Name)
			if err != nil {
				return err
			}
			text, err := json.Marshal(string(b))
			defer clear(text)
			if i > 0 {
				out = append(out, ',')
			}
			out = append(append(append(out, name...), ':'), text...)
			return err
		})
		v.Wipe()
		if err != nil {
			clear(out)
			return secret.Value{}, fmt.Errorf("write the data of the secret: %w", err)
		}
	}
	return secret.New(append(out, '}')), nil
}

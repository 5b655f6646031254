package runner

import (
	"encoding/json"
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

// held is what a dynamic user was made for: the authorization that it belongs to, and the secret of the application that
// shows it. Templates know them by the tags of product.md 1.4.2, and each named value of the secret by its own name.
type held struct {
	application string
	auth        *model.Authorization
	oauth1      *model.OAuth1Keys // nil: the authorization signs with none
	secret      *model.DSMSecret  // nil: the user was requested by itself
	version     *model.DSMVersion
	open        func(row string, s model.Sealed) (secret.Value, error)
}

// holding reads it from a view; what is gone meanwhile has no value.
func (r *Runner) holding(v table.Reader, u *model.DynamicUser) *held {
	h := &held{open: func(row string, s model.Sealed) (secret.Value, error) { return r.Keys.Decrypt(r.Place(row), s) }}
	if a, ok := state.Applications.Get(v, string(u.For)); ok {
		h.application = a.Name
	}
	h.auth, _ = state.Authorizations.Get(v, string(u.Owner))
	h.oauth1, _ = state.OAuth1Keys.First(v, "authorization", string(u.Owner))
	if s, ok := state.DSMSecrets.Get(v, string(u.Held)); ok {
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
		m["SECRET_NAME"], m["SECRET_IDENTIFIER"], m["SECRET_ENGINE"], m["SECRET_VERSION"] = s.Name, s.Identity, s.Engine, strconv.FormatUint(s.Version, 10)
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
			return h.open(f.Row, f.Secret)
		}
	}
	return secret.Value{}, fmt.Errorf("%s: %w", n, mask.ErrNoValue)
}

// fields lists the secret's own values; accounts that it refers to are not among them: a template reaches those by the
// credential that it works on.
func (h *held) fields() []model.DSMField {
	if h.version == nil {
		return nil
	}
	var out []model.DSMField
	for _, e := range h.version.Entries {
		for _, f := range e.Fields {
			if f.From == "" && f.Row != "" {
				out = append(out, f)
			}
		}
	}
	return out
}

// data is all of them as a JSON object, in their order.
func (h *held) data() (secret.Value, error) {
	out := []byte{'{'}
	for i, f := range h.fields() {
		v, err := h.open(f.Row, f.Secret)
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

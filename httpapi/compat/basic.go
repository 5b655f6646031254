package compat

import (
	"net/http"
	"net/url"
	"strings"

	"cofre/vault/secret"
)

// Bearer gives the access token of a request; "" if there is none. The scheme is matched in any case.
func Bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// Basic gives client keys from HTTP Basic, percent-decoded as RFC 6749 section 2.3.1 asks. ok is false when there are
// none; any other Authorization header is not looked at.
func Basic(r *http.Request) (id string, s secret.Value, ok bool) {
	user, pass, ok := r.BasicAuth()
	if !ok {
		return "", secret.Value{}, false
	}
	id, err := url.QueryUnescape(user)
	if err != nil {
		id = user
	}
	if text, err := url.QueryUnescape(pass); err == nil {
		pass = text
	}
	return id, secret.New([]byte(pass)), true
}

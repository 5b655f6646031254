package api

import (
	"crypto/x509"
	"errors"
	"net/http"
	"strings"

	"cofre/cmd/cofre/client"
	"cofre/fsm/model"
)

const readOnly = 1039 // the vendor's number for what needs an authorization that may write

// Advice is what to do about an error, where that is known and the error itself does not say it; "" otherwise. The API speaks to
// every client, so it cannot name a command or a variable of this one.
func Advice(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "name the cluster's authority with COFRE_CA_FILE: cofre cluster ca prints its certificate on a node"
	}
	e, ok := errors.AsType[*client.Error](err)
	switch {
	case !ok:
	case e.Status == http.StatusUnauthorized:
		return "the client id or its secret is wrong, or the authorization is disabled or over: cofre authorization list, with other keys, shows it"
	case e.Code == readOnly:
		return "these keys may only read, whatever rights they have: cofre authorization update APPLICATION NAME --write, with other keys, lets them write"
	case strings.Contains(e.Message, "execution_settings.change_plugin"):
		return "cofre credential update NAME --template TEMPLATE; cofre template list names them"
	case e.Status == http.StatusForbidden && strings.Contains(e.Message, "right "+string(model.SecretRead)):
		return "an administrator with cluster.admin takes that right with cofre authorization take-secret-read, which is an alert, and can then give it"
	}
	return ""
}

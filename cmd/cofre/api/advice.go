package api

import (
	"crypto/x509"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"cofre/cmd/cofre/client"
	"cofre/fsm/model"
)

const readOnly = 1039 // the vendor's number for what needs an authorization that may write

// Advice is what to do about an error, where that is known and the error itself does not say it; "" otherwise. The API speaks to
// every client, so it cannot name a command or a variable of this one.
func Advice(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "name the cluster's authority with COFRE_CA_FILE, or SENHASEGURA_CA_FILE for dsm: cofre cluster ca prints its certificate on a node"
	}
	e, ok := errors.AsType[*client.Error](err)
	switch {
	case !ok:
	case e.Status == http.StatusUnauthorized:
		return "the client id or its secret is wrong, or the authorization is disabled or over: cofre authorization list, with other keys, shows it"
	case e.Status == http.StatusForbidden && e.Message == "IP not allowed":
		return "the authorization answers other addresses only: cofre authorization show APPLICATION NAME, with other keys, lists them, and update --ip changes them"
	case e.Message == "Credential inactive":
		return "cofre credential enable NAME enables it, and cofre device enable HOST its device, if that is disabled too"
	case e.Code == readOnly:
		return "these keys may only read, whatever rights they have: cofre authorization update APPLICATION NAME --write, with other keys, lets them write"
	case strings.Contains(e.Message, "the template belongs to the executor "):
		return "the credential has another executor: --executor " + e.Message[strings.LastIndex(e.Message, " ")+1:] + " changes it with the template"
	case strings.Contains(e.Message, "execution_settings.change_plugin"):
		return "cofre credential update NAME --template TEMPLATE; cofre template list names them"
	case e.Status == http.StatusForbidden && strings.Contains(e.Message, "right "+string(model.SecretRead)):
		return "an administrator with cluster.admin takes that right with cofre authorization take-secret-read, which is an alert, and can then give it"
	}
	if ok {
		if strings.HasPrefix(e.Message, "the author of a version cannot approve it") {
			return "somebody else does, whose keys hold template.approve: cofre authorization list"
		}
		if m := unknown.FindStringSubmatch(e.Message); m != nil {
			return lists[strings.ToLower(m[1]+m[2])]
		}
	}
	return ""
}

// unknown finds what somebody named that is not there, or that he may not see.
var unknown = regexp.MustCompile(`^(?:[Tt]here is no such (\w[\w ]*?)(?: of the executor)?|(\w[\w ]*?) not found)$`)

// lists names the command that lists what there is of each.
var lists = map[string]string{
	"template version": "cofre template show NAME lists its versions",
	"template":         "cofre template list names those that there are", "operation": "cofre operation list shows those of the credentials that you may see",
	"credential": "cofre credential list names those that you may see", "device": "cofre device list names those that there are", "secret": "cofre secret list names those that you may see",
	"application": "cofre application list names those that there are", "authorization": "cofre authorization list APPLICATION names those that there are", "policy": "cofre policy list names those that there are",
	"access profile": "cofre access-profile list names those that there are", "chain": "cofre chain list names those that there are", "pool": "cofre pool list names those that there are",
	"session": "cofre session list shows those of the credentials that you may see", "encryption key": "cofre encryption list names those that you may see", "information": "cofre information list names those that you may see",
	"related user": "cofre related-user list names those that there are", "automation": "cofre secret automation list names those that there are", "dynamic user": "cofre dynamic lease list shows those that there are",
	"freeze": "cofre automation show lists those that there are", "run": "cofre chain runs CHAIN lists those that there are",
	"profile of dynamic users": "cofre dynamic profile list names those that there are", "execution profile": "cofre execution-profile list names those that there are",
}

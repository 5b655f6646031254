package mask

import "strings"

// The names that executors themselves ask for.
const (
	Username        Name = "USERNAME"
	NewPassword     Name = "NEW_PASSWORD"
	CurrentPassword Name = "CURRENT_PASSWORD"
	AuthUser        Name = "AUTH_USER"
	AuthPassword    Name = "AUTH_PASSWORD"
	AddInfo         Name = "ADD_INFO"
)

// newUserPassword is what templates for secrets of applications call the secret of the user that they make.
const newUserPassword Name = "CREDENTIAL_PASSWORD"

// Candidate tells whether the value is a secret that the target does not know yet: sending it may change the target.
func (n Name) Candidate() bool { return n == NewPassword || n == newUserPassword }

// Definition describes one word that may stand in a hole.
type Definition struct {
	Word        string // as written in templates
	Name        Name   // what it resolves to: differs from Word for an alias
	Secret      bool   // its value must never be shown
	Description string
}

// definitions is the list of words with a meaning of their own. A template for secrets of applications may use the keys of
// the secret besides; in every other template, a word that is not here cannot be stored.
var definitions = []Definition{
	{"USERNAME", Username, false, "user name of the credential that is changed"},
	{"NEW_PASSWORD", NewPassword, true, "the newly generated secret"},
	{"CURRENT_PASSWORD", CurrentPassword, true, "the secret in force before the change"},
	{"AUTH_USER", AuthUser, false, "user name of the credential that logs in to do the work"},
	{"AUTH_PASSWORD", AuthPassword, true, "secret of the credential that logs in to do the work"},
	{"AUTH_DOMAIN", "AUTH_DOMAIN", false, "domain of the credential that logs in to do the work, else of the device"},
	{"ADD_INFO", AddInfo, false, "additional information of the credential, for example a database name, the host part of a MySQL account, or the DN of an LDAP branch"},
	{"IP", "IP", false, "IP address of the device"},
	{"HOSTNAME", "HOSTNAME", false, "host name of the device"},
	{"DOMAIN", "DOMAIN", false, "domain of the credential, else of the device"},
	{"SERVER_PATH", "SERVER_PATH", false, "path on the server that is kept with the credential"},
	{"TOTP_TOKEN", "TOTP_TOKEN", true, "one-time code (RFC 6238) at this moment, by the key that the credential holds, else by that of the credential that logs in"},
	{"CONNECT_IP", "CONNECT_IP", false, "address that is really connected to"},
	{"CONNECT_PORT", "CONNECT_PORT", false, "port that is really connected to"},

	{"APP_NAME", "APP_NAME", false, "name of the application"},
	{"APP_AUTH_UNIQUE_KEY", "APP_AUTH_UNIQUE_KEY", true, "unique key (id) of the authorization"},
	{"APP_AUTH_TYPE", "APP_AUTH_TYPE", false, "how the authorization authenticates"},
	{"APP_AUTH_CLIENT_ID", "APP_AUTH_CLIENT_ID", false, "OAuth 2.0 client id of the authorization"},
	{"APP_AUTH_CLIENT_SECRET", "APP_AUTH_CLIENT_SECRET", true, "OAuth 2.0 client secret of the authorization: never has a value, because Cofre keeps no copy"},
	{"APP_AUTH_CONSUMER_KEY", "APP_AUTH_CONSUMER_KEY", false, "OAuth 1.0 consumer key of the authorization"},
	{"APP_AUTH_CONSUMER_SECRET", "APP_AUTH_CONSUMER_SECRET", true, "OAuth 1.0 consumer secret of the authorization"},
	{"APP_AUTH_TOKEN", "APP_AUTH_TOKEN", true, "OAuth 1.0 token of the authorization"},
	{"APP_AUTH_TOKEN_SECRET", "APP_AUTH_TOKEN_SECRET", true, "OAuth 1.0 token secret of the authorization"},
	{"SECRET_NAME", "SECRET_NAME", false, "name of the secret"},
	{"SECRET_IDENTIFIER", "SECRET_IDENTIFIER", false, "identifier of the secret"},
	{"SECRET_VERSION", "SECRET_VERSION", false, "version number of the secret"},
	{"SECRET_ENGINE", "SECRET_ENGINE", false, "engine of the secret"},
	{"SECRET_EXPIRATION_DATE", "SECRET_EXPIRATION_DATE", false, "when the secret expires"},
	{"SECRET_DATA", "SECRET_DATA", true, "all named values of the secret, as a JSON object"},
	{"ACCESS_KEY_ID", "ACCESS_KEY_ID", false, "id of a cloud access key"},
	{"SECRET_ACCESS_KEY", "SECRET_ACCESS_KEY", true, "secret of a cloud access key"},
	{"ACCESS_KEY_TTL", "ACCESS_KEY_TTL", false, "life time of a cloud access key"},
	{"CREDENTIAL_HOSTNAME", "CREDENTIAL_HOSTNAME", false, "host name of a credential held in the secret"},
	{"CREDENTIAL_USERNAME", "CREDENTIAL_USERNAME", false, "user name of a credential held in the secret"},
	{"CREDENTIAL_PASSWORD", "CREDENTIAL_PASSWORD", true, "password of a credential held in the secret"},
	{"CREDENTIAL_ADDITIONAL_INFORMATION", "CREDENTIAL_ADDITIONAL_INFORMATION", false, "additional information of a credential held in the secret"},
	{"CREDENTIAL_TTL", "CREDENTIAL_TTL", false, "life time of a credential held in the secret"},

	{"OPERACAO_COD", "OPERACAO_COD", false, "number of the operation"},
	{"CODIGO_GOVERNANCA", "CODIGO_GOVERNANCA", false, "code of the request in a service desk; no operation has one yet"},
	{"GRUPO_NOME", "GRUPO_NOME", false, "name of a group; no operation has one yet"},
	{"UID", "UID", false, "number of a new user; no operation has one yet"},
	{"HOME", "HOME", false, "home directory of a new user; no operation has one yet"},
	{"SHELL", "SHELL", false, "shell of a new user; no operation has one yet"},

	{"COE_SENHA", AuthPassword, true, "older word for AUTH_PASSWORD"},
	{"PASSWORD", NewPassword, true, "other word for NEW_PASSWORD"},
}

var byWord = func() map[string]Definition {
	m := make(map[string]Definition, len(definitions))
	for _, d := range definitions {
		m[d.Word] = d
	}
	return m
}()

// List returns every word with its description, in the order of the documentation.
func List() []Definition { return append([]Definition(nil), definitions...) }

// Lookup finds a word in any letter case.
func Lookup(word string) (Definition, bool) {
	d, ok := byWord[strings.ToUpper(word)]
	return d, ok
}

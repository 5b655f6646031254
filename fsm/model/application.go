package model

// Application is a client program that may hold several authorizations.
type Application struct {
	ID          ApplicationID `cbor:"id"`
	Name        string        `cbor:"name"` // unique
	Description string        `cbor:"description,omitempty"`
	Tags        []string      `cbor:"tags,omitempty"`
	Enabled     bool          `cbor:"enabled"`
	Deleting    bool          `cbor:"deleting,omitempty"` // goes with the last of the users that were made for it
	Manifest    string        `cbor:"manifest,omitempty"` // label of the `cofre apply` file that manages it
	CreatedAt   Time          `cbor:"created_at"`
	Revision    uint64        `cbor:"revision"`
}

// Right is one of the closed list of rights (RULES 8).
type Right string

// The rights.
const (
	SecretRead         Right = "secret.read"
	CredentialWrite    Right = "credential.write"
	RouteWrite         Right = "route.write"
	TemplateWrite      Right = "template.write"
	TemplateApprove    Right = "template.approve"
	OperationRun       Right = "operation.run"
	PolicyWrite        Right = "policy.write"
	AuthorizationWrite Right = "authorization.write"
	AuditRead          Right = "audit.read"
	ClusterAdmin       Right = "cluster.admin"
)

// Rights lists all rights in their documented order.
var Rights = []Right{SecretRead, CredentialWrite, RouteWrite, TemplateWrite, TemplateApprove, OperationRun, PolicyWrite, AuthorizationWrite, AuditRead, ClusterAdmin}

// Module is a resource of the vendor's API that an authorization may use.
type Module string

// The modules of the vendor that Cofre knows.
const (
	ModulePAM         Module = "PAM Core"
	ModuleA2A         Module = "A2A"
	ModuleApplication Module = "Application"
	ModuleSecrets     Module = "Secrets Management"
	ModuleCICD        Module = "CI/CD"
	ModuleUsers       Module = "Users"
	ModuleDashboards  Module = "Dashboards"
)

// Modules lists the known modules.
var Modules = []Module{ModulePAM, ModuleA2A, ModuleApplication, ModuleSecrets, ModuleCICD, ModuleUsers, ModuleDashboards}

// Filter says which credentials an authorization reaches: All, or one of the tags, or listed by id; those that it
// created itself always count.
type Filter struct {
	All         bool           `cbor:"all,omitempty"`
	Tags        []string       `cbor:"tags,omitempty"`
	Credentials []CredentialID `cbor:"credentials,omitempty"`
}

// ClientSecret is the stored form of a client secret: HMAC-SHA-256 under the pepper with key id Pepper (RULES 7).
type ClientSecret struct {
	Pepper uint32 `cbor:"pepper"`
	MAC    []byte `cbor:"mac"`
	At     Time   `cbor:"at"`
	Until  Time   `cbor:"until,omitempty"` // 0: for ever
}

// Authorization is one set of client keys with its rights and limits.
type Authorization struct {
	ID          AuthorizationID   `cbor:"id"`
	Application ApplicationID     `cbor:"application"`
	Name        string            `cbor:"name"` // unique within the application
	ClientID    string            `cbor:"client_id"`
	Secrets     []ClientSecret    `cbor:"secrets"`
	Environment string            `cbor:"environment,omitempty"`
	System      string            `cbor:"system,omitempty"`
	Modules     []Module          `cbor:"modules"`
	Write       bool              `cbor:"write"` // the vendor's "read and write"
	Rights      []Right           `cbor:"rights"`
	Filter      Filter            `cbor:"filter"`
	Profiles    []AccessProfileID `cbor:"profiles,omitempty"`    // further rights, on the credentials that these are about
	IPs         []string          `cbor:"ips,omitempty"`         // CIDR prefixes; empty: any address
	Referrers   []string          `cbor:"referrers,omitempty"`   // hosts, or beginnings of URLs, of the Referer header; empty: any
	Certificate string            `cbor:"certificate,omitempty"` // SHA-256 of the client certificate that must be shown, in hexadecimal
	PublicKey   []byte            `cbor:"public_key,omitempty"`  // RSA, PKIX: secrets in answers are encrypted to it
	TokenTTL    int64             `cbor:"token_ttl,omitempty"`   // how long its tokens live at most, in milliseconds; 0: as a request says
	ExpiresAt   Time              `cbor:"expires_at,omitempty"`
	EndTold     Time              `cbor:"end_told,omitempty"`    // ExpiresAt, once automations were told that it was over
	Creates     bool              `cbor:"creates,omitempty"`     // may register applications (POST /iso/dapp/application)
	Delegations []Delegation      `cbor:"delegations,omitempty"` // whose keys it may ask for besides those that it made
	Enabled     bool              `cbor:"enabled"`
	Deleting    bool              `cbor:"deleting,omitempty"` // goes with the last of the users that were made for it
	Epoch       uint64            `cbor:"epoch"`              // raised to revoke every token
	CreatedBy   AuthorizationID   `cbor:"created_by,omitempty"`
	CreatedAt   Time              `cbor:"created_at"`
	Manifest    string            `cbor:"manifest,omitempty"`
	Revision    uint64            `cbor:"revision"`
}

// OAuth1Keys are what an authorization signs requests of OAuth 1.0 with. The protocol needs the secrets themselves, so
// they are sealed, not hashed.
type OAuth1Keys struct {
	Consumer       string          `cbor:"consumer"` // consumer key
	Token          string          `cbor:"token"`    // token key
	Authorization  AuthorizationID `cbor:"authorization"`
	ConsumerRow    string          `cbor:"consumer_row"` // random id chosen by the proposer: binds the ciphertext to its place
	ConsumerSecret Sealed          `cbor:"consumer_secret"`
	TokenRow       string          `cbor:"token_row"`
	TokenSecret    Sealed          `cbor:"token_secret"`
	At             Time            `cbor:"at"`
}

// UsedNonce is a signature of OAuth 1.0 that was used.
type UsedNonce struct {
	Consumer string `cbor:"consumer"`
	Mark     []byte `cbor:"mark"` // SHA-256 over token, timestamp, nonce and signature
	At       Time   `cbor:"at"`
}

// RevokedToken is one access token that was revoked before it expired.
type RevokedToken struct {
	ID            string          `cbor:"id"` // jti
	Authorization AuthorizationID `cbor:"authorization"`
	Until         Time            `cbor:"until"` // when the token would have expired: the row may go then
}

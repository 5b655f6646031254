package model

// ActorKind tells who stands behind a command.
type ActorKind uint8

// The kinds of actors.
const (
	ActorNone     ActorKind = iota
	ActorClient             // an authenticated API client: Authorization, Epoch, Token, Issued and Source are set
	ActorOperator           // a person at the unix socket of a node: Name is the login user
	ActorSystem             // the scheduler of the leader, or a node speaking for itself
)

func (k ActorKind) String() string {
	return [...]string{"none", "client", "operator", "system"}[k&3]
}

// Actor is who asks, with everything that the reducer needs to decide again (RULES 7).
type Actor struct {
	Kind          ActorKind       `cbor:"kind"`
	Authorization AuthorizationID `cbor:"auth,omitempty"`
	Epoch         uint64          `cbor:"epoch,omitempty"`     // of the authorization when the token was issued
	Token         string          `cbor:"jti,omitempty"`       // jti of the access token
	Issued        Time            `cbor:"iat,omitempty"`       // when the token was issued
	Listing       string          `cbor:"listing,omitempty"`   // of the identity of AWS that the token was issued for
	Asked         []Asker         `cbor:"asked,omitempty"`     // who asked for the key that got the token, and for the key of that one, the first of them first
	KeyUntil      Time            `cbor:"key_until,omitempty"` // when that key ends; 0: none was added for it
	Source        string          `cbor:"source,omitempty"`    // address of the TCP peer or of the trusted forwarder, no port
	Name          string          `cbor:"name,omitempty"`      // operator's login name, or "scheduler", "runner"
	Referrer      string          `cbor:"referrer,omitempty"`
	Certificate   string          `cbor:"certificate,omitempty"` // SHA-256 of the client certificate whose key the caller proved, in hexadecimal
}

// Asker is an authorization that asked for a key of another, as it was then: the key ends with its tokens.
type Asker struct {
	Authorization AuthorizationID `cbor:"authorization"`
	Epoch         uint64          `cbor:"epoch"`
	Listing       string          `cbor:"listing,omitempty"` // of the identity of AWS by which it asked
}

// Origin is where a request comes from, as far as an authorization limits it.
type Origin struct{ Source, Referrer, Certificate string }

// From gives the actor with where its request comes from.
func (a Actor) From(o Origin) Actor {
	a.Source, a.Referrer, a.Certificate = o.Source, o.Referrer, o.Certificate
	return a
}

// Origin is where the actor's request comes from.
func (a Actor) Origin() Origin { return Origin{a.Source, a.Referrer, a.Certificate} }

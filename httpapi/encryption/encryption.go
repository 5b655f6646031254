// Package encryption is the resource of encryption keys: the vendor's routes /iso/sctm/encryption and the management of keys
// under /api/v1. What is encrypted or signed goes through here only as secret.Value. Decisions are the service's.
package encryption

import (
	"context"

	"cofre/fsm/model"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// Item is a key; its versions have public halves only.
type Item struct {
	Key   model.EncryptionKey
	Owner string   // "application/authorization"
	Users []string // the same
}

// User names an authorization.
type User struct{ Application, System, Environment, Authorization string }

// Put is a key to create (no Key) or change; nil leaves a field as it is.
type Put struct {
	Key         string
	Name        *string
	Description *string
	Algorithm   *string
	Tags        *[]string
	Users       *[]User
	Least       *uint64
	ExpiresAt   *model.Time
	Enabled     *bool
	Revision    uint64
}

// Service is what the resource needs.
type Service interface {
	// List lists the keys after a number that the caller may use or manage.
	List(actor model.Actor, at model.Time, disabled bool, after uint64, limit int) ([]Item, error)
	Describe(ctx context.Context, actor model.Actor, at model.Time, name string) (*Item, error)
	Put(ctx context.Context, actor model.Actor, at model.Time, p Put) (*Item, error)
	Rotate(ctx context.Context, actor model.Actor, at model.Time, name string) (*Item, error)
	SetStatus(ctx context.Context, actor model.Actor, name string, enabled bool) (*Item, error)
	// Each use is committed before its result is there. Version 0 is the newest, or the one that made what is given; they
	// tell which it was.
	EncryptWith(ctx context.Context, actor model.Actor, name string, version uint64, plain secret.Value) ([]byte, uint64, error)
	DecryptWith(ctx context.Context, actor model.Actor, name string, version uint64, box []byte) (secret.Value, uint64, error)
	SignWith(ctx context.Context, actor model.Actor, name string, message secret.Value) ([]byte, uint64, error)
	VerifyWith(ctx context.Context, actor model.Actor, name string, version uint64, message secret.Value, signature []byte) (bool, uint64, error)
}

const tag = "encryption"

// Routes offers the resource.
func Routes(s Service) []route.Route {
	return append(vendorRoutes(s), managementRoutes(s)...)
}

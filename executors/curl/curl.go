// Package curl changes secrets by HTTP requests, with the vendor's cURL dialect (product.md 1.6.8).
//
// Requests go to the device alone, over TLS that is verified unless the device opts out; without that opt-out plain HTTP
// is refused, since the login stands in the request. There is no proxy of the environment, no redirect to another origin, and an
// answer ends at 1 MiB. Every hole has the context of its place: path, query, header, form, JSON or XML.
// A secret is proven at a URL that answers 401 without a login: the template's verify names it. The runner calls it.
package curl

import (
	"context"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Name is the executor's name in templates and operations.
const Name model.ExecutorName = "curl"

// Executor is the HTTP engine. The zero value is ready.
type Executor struct{}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "curl".
func (Executor) Name() model.ExecutorName { return Name }

// Protocols is where a device lists the port that a URL without one means.
func (Executor) Protocols() []string { return []string{"CURL", "HTTPS", "HTTP"} }

// Compile checks a template.
func (Executor) Compile(source string) (executors.Program, error) { return compile(source) }

// Verify proves a secret at the device's front page over TLS.
func (Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	front := location{https: true, parts: []mask.Part{{Hole: "CONNECT_IP", Context: inHost}, {Literal: "/"}}}
	resolve := s.Resolve
	s.Resolve = func(n mask.Name) (secret.Value, error) {
		if n == "CONNECT_IP" {
			return secret.New([]byte(s.Target.Address)), nil
		}
		return resolve(n)
	}
	return verify(ctx, s, front, with)
}

// Package azure makes client secrets of applications in Microsoft Entra ID, and removes them, by Microsoft Graph.
//
// The secret is the provider's, not Cofre's: it is committed by Session.Keep before anything else is done. It carries the dynamic user's
// name, so one whose answer was lost is found by that, removed by the next attempt, and never handed out. A new secret is proven at the
// token endpoint, asked until Entra knows it everywhere; that it is gone is proven by the application's list and by a refused login. Proven
// against a double of both services only, never against Azure. The runner calls it.
package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Name is the executor's name in templates and operations.
const Name model.ExecutorName = "azure"

// Executor is the engine. The zero value is ready.
type Executor struct {
	Patience cloud.Patience // with new secrets; zero: the usual one
}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "azure".
func (Executor) Name() model.ExecutorName { return Name }

// Protocols is how a device that is not Azure itself lists its port.
func (Executor) Protocols() []string { return []string{"AZURE", "HTTPS"} }

// Compile checks a template.
func (e Executor) Compile(source string) (executors.Program, error) { return compile(e, source) }

// graph and login are the two hosts of the service.
const (
	graph = "graph.microsoft.com"
	login = "login.microsoftonline.com"
)

// Belongs tells whether a host is the login of the service that the device stands for.
func (Executor) Belongs(hostname, host string) bool { return hostname == graph && host == login }

// pair is what a dynamic user is handed out as; the tenant is where it logs in.
type pair struct {
	ID     string `json:"access_key_id"`
	Secret string `json:"secret_access_key"`
	Tenant string `json:"tenant_id"`
}

var (
	guid   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	tenant = regexp.MustCompile(`^[0-9a-zA-Z][0-9a-zA-Z.-]{1,254}$`)
)

// pairOf reads the secret of a dynamic user; false for one that Cofre made: a stand-in, with which nobody can log in.
func pairOf(v secret.Value) (p pair, ok bool) {
	_ = v.Reveal(func(b []byte) error {
		ok = json.Unmarshal(b, &p) == nil && guid.MatchString(p.ID) && p.Secret != "" && tenant.MatchString(p.Tenant)
		return nil
	})
	return p, ok
}

// Verify proves a secret at the token endpoint: that of a dynamic user, as soon as Entra knows it everywhere, or the account's own client
// secret.
func (e Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	p, made := pairOf(with)
	patience := e.Patience
	if !made {
		id, err := cloud.Text(s, mask.Username)
		if err != nil {
			return false, executors.FailureOf(red, 0, err)
		}
		if !guid.MatchString(id) {
			return false, nil // a stand-in: no secret was kept, so none of ours logs in
		}
		p.ID, patience = id, cloud.Patience{Whole: 1, Pause: 1} // it is not new: one answer
		if p.Tenant, err = tenantOf(s); err != nil {
			return false, executors.FailureOf(red, 0, err)
		}
		_ = with.Reveal(func(b []byte) error { p.Secret = string(b); return nil }) // forms are strings
	}
	red.Add(secret.New([]byte(p.Secret)))
	c := &client{session: s, as: p}
	err := patience.Until(ctx, func() error {
		err := c.logIn(ctx)
		if made && wrong(err) {
			err = fmt.Errorf("%w: %w", cloud.ErrAgain, err)
		}
		return err
	})
	switch {
	case wrong(err):
		return false, nil
	case err != nil:
		return false, executors.FailureOf(red, 0, err)
	}
	s.Trace.Step(model.Step{Text: "client " + p.ID + " got a token"})
	return true, nil
}

// tenantOf is where the account is: the domain of its credential.
func tenantOf(s executors.Session) (string, error) {
	out, err := cloud.Text(s, "AUTH_DOMAIN")
	if err == nil && !tenant.MatchString(out) {
		err = executors.Fail(executors.ClassTemplate, 0, errors.New("expected the tenant as the domain of the account"))
	}
	return out, err
}

// Package gcp makes service accounts of Google Cloud with roles and a key, and removes them, by the REST interfaces of IAM and Resource
// Manager.
//
// The key is the provider's, not Cofre's: it is committed by Session.Keep before anything else is done. A key whose answer was lost is never
// handed out: the next attempt removes the service account, by its name, with its roles and every key that it has. Policies are changed by
// their etag, so that no change of somebody else is lost. A new key is proven by a token, asked for until Google knows it everywhere; that an
// account is gone is proven by IAM, by the policies, and by its key, which gets no token. Proven against a double of the services only, never
// against Google. The runner calls it.
package gcp

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Name is the executor's name in templates and operations.
const Name model.ExecutorName = "gcp"

// Executor is the engine. The zero value is ready.
type Executor struct {
	Patience cloud.Patience // with new accounts and keys; zero: the usual one
}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "gcp".
func (Executor) Name() model.ExecutorName { return Name }

// Protocols is how a device that is not Google itself lists its port.
func (Executor) Protocols() []string { return []string{"GCP", "HTTPS"} }

// Compile checks a template.
func (e Executor) Compile(source string) (executors.Program, error) { return compile(e, source) }

// The hosts of the service.
const (
	iamHost      = "iam.googleapis.com"
	resourceHost = "cloudresourcemanager.googleapis.com"
	tokenHost    = "oauth2.googleapis.com"
)

// Belongs tells whether a host is one of the others of the service that the device stands for.
func (Executor) Belongs(hostname, host string) bool {
	return hostname == iamHost && slices.Contains([]string{resourceHost, tokenHost}, host)
}

// Verify proves a key at the token endpoint: that of a dynamic user, as soon as Google knows it everywhere, or the account's own. Of an
// account it tells besides what it may do of what it needs.
func (e Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	s, red := s.Guard()
	k, made := madeKey(with)
	patience := e.Patience
	if !made {
		var err error
		if k, err = readKey(with); err != nil {
			return e.other(s, err)
		}
		if user, err := cloud.Text(s, mask.Username); err != nil || user != k.Email {
			return false, executors.Fail(executors.ClassTemplate, 0, errors.New("the account's user name is the client_email of its key"))
		}
		patience = cloud.Patience{Whole: 1, Pause: 1} // it is not new: one answer
	}
	red.Add(secret.New([]byte(k.Private)))
	c := &client{session: s, red: red, as: k}
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
	s.Trace.Step(model.Step{Text: k.Email + " got a token"})
	if !made {
		c.may(ctx)
	}
	return true, nil
}

// other is the answer about a secret that is no key of Google: that of a dynamic user is a stand-in, with which nobody logs in.
func (e Executor) other(s executors.Session, err error) (bool, error) {
	user, no := cloud.Text(s, mask.Username)
	if no == nil && accountID.MatchString(user) {
		return false, nil
	}
	return false, executors.Fail(executors.ClassTemplate, 0, err)
}

// Package aws makes IAM users of Amazon Web Services with an access key, and removes them. It speaks the query protocol of IAM and STS,
// with requests signed by the official SDK's signer; the SDK's services are not linked, because of their size.
//
// The key is the provider's, not Cofre's: it is committed by Session.Keep before anything else is done. A key whose answer was lost is
// never handed out: the next attempt removes the user, by its name, with every key that it has. A new key is proven by GetCallerIdentity,
// asked until AWS knows it everywhere; that a user is gone is proven by GetUser and by its key, which is refused. Proven against a double
// of both services, and by hand against an emulator (docs/cloud.md), never against AWS. The runner calls it.
package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Name is the executor's name in templates and operations.
const Name model.ExecutorName = "aws"

// Executor is the engine. The zero value is ready.
type Executor struct {
	Patience cloud.Patience // with new users and keys; zero: the usual one
}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "aws".
func (Executor) Name() model.ExecutorName { return Name }

// Protocols is how a device that is not AWS itself lists its port.
func (Executor) Protocols() []string { return []string{"AWS", "HTTPS"} }

// Compile checks a template.
func (e Executor) Compile(source string) (executors.Program, error) { return compile(e, source) }

// keyID is what ids of long-lived access keys look like.
var keyID = regexp.MustCompile(`^A[A-Z0-9]{15,127}$`)

// pair is what a dynamic user is handed out as.
type pair struct {
	ID     string `json:"access_key_id"`
	Secret string `json:"secret_access_key"`
}

// pairOf reads the secret of a dynamic user; false for one that Cofre made: a stand-in, with which nobody can log in.
func pairOf(v secret.Value) (p pair, ok bool) {
	_ = v.Reveal(func(b []byte) error {
		ok = json.Unmarshal(b, &p) == nil && keyID.MatchString(p.ID) && p.Secret != ""
		return nil
	})
	return p, ok
}

// Verify proves a secret: the pair of a dynamic user, as soon as AWS knows it everywhere, or the secret of the account's access key, which
// is the user name. Of an account it tells besides what it may do of what it needs.
func (e Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	p, made := pairOf(with)
	if !made {
		name, err := cloud.Text(s, mask.Username)
		if err != nil {
			return false, err
		}
		if !keyID.MatchString(name) {
			return false, nil // a stand-in: no key was kept, so none of ours logs in
		}
		p = pair{ID: name}
		_ = with.Reveal(func(b []byte) error { p.Secret = string(b); return nil }) // the signer wants a string
	}
	red.Add(secret.New([]byte(p.Secret)))
	c, err := connect(s, p)
	if err != nil {
		return false, executors.FailureOf(red, 0, err)
	}
	var who string
	patience := e.Patience
	if !made {
		patience = cloud.Patience{Whole: 1, Pause: 1} // it is not new: one answer
	}
	err = patience.Until(ctx, func() (err error) {
		who, err = c.whoami(ctx)
		if made && is(err, invalidKey) {
			err = fmt.Errorf("%w: %w", cloud.ErrAgain, err)
		}
		return err
	})
	switch {
	case is(err, invalidKey), is(err, wrongSignature):
		return false, nil
	case err != nil:
		return false, executors.FailureOf(red, 0, err)
	}
	s.Trace.Step(model.Step{Text: "the key belongs to " + who})
	if !made {
		c.may(ctx, who)
	}
	return true, nil
}

package aws

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/fsm/model"
)

// whoami asks STS for the ARN of the key.
func (c *client) whoami(ctx context.Context) (arn string, err error) {
	var out struct {
		ARN string `xml:"GetCallerIdentityResult>Arn"`
	}
	err = c.call(ctx, sts, "GetCallerIdentity", nil, &out)
	if err == nil && out.ARN == "" {
		err = &executors.Failure{Class: executors.ClassProtocol, Msg: "GetCallerIdentity was answered without an ARN"}
	}
	return out.ARN, err
}

// exists asks IAM whether there is a user.
func (c *client) exists(ctx context.Context, user string) (bool, error) {
	err := c.call(ctx, iam, "GetUser", url.Values{"UserName": {user}}, nil)
	if is(err, noSuchEntity) {
		return false, nil
	}
	return err == nil, err
}

// unknown tells that IAM refuses a step because it does not know a new user everywhere yet.
func unknown(err error) bool {
	return is(err, noSuchEntity) && strings.Contains(err.Error(), "user with name") || is(err, "EntityTemporarilyUnmodifiable") || is(err, "ConcurrentModification")
}

// newKey makes the access key of a user that this attempt has made. Keys that it has already are of requests that came late: nobody knows
// their secrets.
func (c *client) newKey(ctx context.Context, user string) (pair, error) {
	if err := c.dropKeys(ctx, user); err != nil {
		return pair{}, err
	}
	var out struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	err := c.call(ctx, iam, "CreateAccessKey", url.Values{"UserName": {user}}, &out)
	if err == nil && (!keyID.MatchString(out.ID) || out.Secret == "") {
		err = &executors.Failure{Class: executors.ClassProtocol, Msg: "CreateAccessKey was answered without a key"}
	}
	return pair{out.ID, out.Secret}, err
}

func (c *client) dropKeys(ctx context.Context, user string) error {
	return c.each(ctx, "ListAccessKeys", user, func(m member) error {
		err := c.call(ctx, iam, "DeleteAccessKey", url.Values{"UserName": {user}, "AccessKeyId": {m.Key}}, nil)
		return c.done(err, "deleted access key "+m.Key)
	})
}

// member is an entry of a list: an access key or a policy.
type member struct {
	Key    string `xml:"AccessKeyId"`
	Policy string `xml:"PolicyArn"`
}

// each lists what a user has, page by page, and then does something with every entry.
func (c *client) each(ctx context.Context, action, user string, do func(member) error) error {
	type list struct {
		Keys      []member `xml:"AccessKeyMetadata>member"`
		Policies  []member `xml:"AttachedPolicies>member"`
		Truncated bool     `xml:"IsTruncated"`
		Marker    string   `xml:"Marker"`
	}
	var all []member
	for params := (url.Values{"UserName": {user}}); ; {
		var out struct {
			Keys     list `xml:"ListAccessKeysResult"`
			Attached list `xml:"ListAttachedUserPoliciesResult"`
		}
		if err := c.call(ctx, iam, action, params, &out); err != nil {
			return err
		}
		all = append(append(all, out.Keys.Keys...), out.Attached.Policies...)
		next := out.Keys
		if out.Attached.Truncated {
			next = out.Attached
		}
		if !next.Truncated || next.Marker == "" {
			break
		}
		params.Set("Marker", next.Marker)
	}
	for _, m := range all {
		if err := do(m); err != nil {
			return err
		}
	}
	return nil
}

// done notes a step; one about something that is not there counts as done.
func (c *client) done(err error, what string) error {
	if err == nil {
		c.session.Trace.Step(model.Step{Text: what})
	}
	if is(err, noSuchEntity) {
		return nil
	}
	return err
}

// remove takes a user away with its keys and policies; one that is not there counts as removed.
func (c *client) remove(ctx context.Context, user string, permit func(string) error) error {
	steps := []func() error{
		func() error { return c.dropKeys(ctx, user) },
		func() error {
			return c.each(ctx, "ListAttachedUserPolicies", user, func(m member) error {
				err := c.call(ctx, iam, "DetachUserPolicy", url.Values{"UserName": {user}, "PolicyArn": {m.Policy}}, nil)
				return c.done(err, "detached policy "+m.Policy)
			})
		},
		func() error {
			return c.done(c.call(ctx, iam, "DeleteUser", url.Values{"UserName": {user}}, nil), "deleted the user")
		},
	}
	for i, step := range steps {
		if err := permit("delete-user"); err != nil {
			return err
		}
		err := step()
		if is(err, noSuchEntity) {
			continue
		}
		if err != nil {
			return fmt.Errorf("step %d of the removal: %w", i+1, err)
		}
	}
	return nil
}

// removeAll is remove, again while IAM still sees keys or policies that are gone.
func (c *client) removeAll(ctx context.Context, p cloud.Patience, user string, permit func(string) error) error {
	return p.Until(ctx, func() error {
		err := c.remove(ctx, user, permit)
		if is(err, deleteConflict) || unknown(err) {
			return fmt.Errorf("%w: %w", cloud.ErrAgain, err)
		}
		return err
	})
}

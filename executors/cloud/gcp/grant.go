package gcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"cofre/executors"
	"cofre/executors/cloud"
)

// policy says who has which roles on a resource. What is not named here is sent back as it came.
type policy struct {
	fields   map[string]json.RawMessage
	bindings []binding
}

// binding gives members a role, some of them on a condition.
type binding struct {
	Role      string          `json:"role"`
	Members   []string        `json:"members"`
	Condition json.RawMessage `json:"condition,omitempty"`
}

// conditional is the version of policies that may have conditions. Asked for less, Google leaves conditions out, and taking that back would
// lose them.
const conditional = 3

// read gets the policy of a resource such as projects/shop-prod.
func (c *client) read(ctx context.Context, resource string) (policy, error) {
	p := policy{}
	body := map[string]any{"options": map[string]int{"requestedPolicyVersion": conditional}}
	if err := c.call(ctx, http.MethodPost, resourceHost, "/v1/"+resource+":getIamPolicy", body, &p.fields); err != nil {
		return p, err
	}
	if list, ok := p.fields["bindings"]; ok && json.Unmarshal(list, &p.bindings) != nil || len(p.fields["etag"]) == 0 {
		return p, &executors.Failure{Class: executors.ClassProtocol, Msg: "Google shows a policy without an etag, or with bindings that are none"}
	}
	return p, nil
}

// change edits the policy of a resource, from the start when somebody else changed it meanwhile or Google does not know a new account yet.
// Nothing is sent unless edit says that it has changed something.
func (c *client) change(ctx context.Context, patience cloud.Patience, resource string, edit func(*policy) bool, permit func() error) error {
	return patience.Until(ctx, func() error {
		p, err := c.read(ctx, resource)
		if err != nil {
			return err
		}
		if !edit(&p) {
			return nil
		}
		if err := permit(); err != nil {
			return err
		}
		if p.fields["bindings"], err = json.Marshal(p.bindings); err != nil {
			return fmt.Errorf("write a policy: %w", err)
		}
		p.fields["version"] = json.RawMessage(fmt.Sprint(conditional))
		err = c.call(ctx, http.MethodPost, resourceHost, "/v1/"+resource+":setIamPolicy", map[string]any{"policy": p.fields}, nil)
		if cloud.Refused(err, func(no *cloud.Refusal) bool {
			return no.Status == http.StatusConflict || no.Code == "INVALID_ARGUMENT" && strings.Contains(no.Message, "does not exist")
		}) {
			return fmt.Errorf("%w: %w", cloud.ErrAgain, err)
		}
		return err
	})
}

// grant gives a member roles, without a condition.
func (p *policy) grant(member string, roles []string) (changed bool) {
	for _, role := range roles {
		i := slices.IndexFunc(p.bindings, func(b binding) bool { return b.Role == role && len(b.Condition) == 0 })
		if i < 0 {
			i, p.bindings = len(p.bindings), append(p.bindings, binding{Role: role})
		}
		if b := &p.bindings[i]; !slices.Contains(b.Members, member) {
			b.Members, changed = append(b.Members, member), true
		}
	}
	return changed
}

// is tells whether a member is an account, or what Google shows in its place after it was deleted.
func is(member, account string) bool {
	return member == account || strings.HasPrefix(member, "deleted:"+account+"?uid=")
}

// holds tells whether a member has a role.
func (p *policy) holds(account string) bool {
	return slices.ContainsFunc(p.bindings, func(b binding) bool {
		return slices.ContainsFunc(b.Members, func(m string) bool { return is(m, account) })
	})
}

// revoke takes all roles from an account.
func (p *policy) revoke(account string) (changed bool) {
	changed = p.holds(account)
	for i := range p.bindings {
		p.bindings[i].Members = slices.DeleteFunc(p.bindings[i].Members, func(m string) bool { return is(m, account) })
	}
	p.bindings = slices.DeleteFunc(p.bindings, func(b binding) bool { return len(b.Members) == 0 })
	return changed
}

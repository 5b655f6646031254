package operation

import (
	"context"

	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Explanation tells which policy holds for a credential and why, and when it changes next.
type Explanation struct {
	Policy     string       `json:"policy"`
	Because    string       `json:"because" doc:"why this policy"`
	Considered []Considered `json:"considered" doc:"policies with criteria, in the order in which they are tried"`
	ChangeAt   compat.Time  `json:"change_at,omitempty" doc:"absent: never by itself"`
	Why        string       `json:"why" doc:"what decides change_at, or why there is none"`
	Held       []string     `json:"held" doc:"what holds the change back"`
	VerifyAt   compat.Time  `json:"verify_at,omitempty" doc:"when the stored secret is proven by a login next"`

	Profile  string              `json:"profile,omitempty" doc:"the execution profile that it took when it was registered"`
	Profiles []ConsideredProfile `json:"profiles" doc:"execution profiles, in the order in which a new credential like this one would try them"`
}

// ConsideredProfile is an execution profile that a new credential would try.
type ConsideredProfile struct {
	Profile  string `json:"profile"`
	Priority int    `json:"priority"`
	Misfit   string `json:"misfit,omitempty" doc:"what does not hold; absent: it fits"`
}

// Considered is a policy that was tried.
type Considered struct {
	Policy   string `json:"policy"`
	Priority int    `json:"priority"`
	Misfit   string `json:"misfit,omitempty" doc:"the criterion that does not hold; absent: it fits"`
}

func (m *management) explain(ctx context.Context, r *route.Request) (compat.Reply, error) {
	e, err := m.s.Explain(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(e), nil
}

func (m *management) runNow(ctx context.Context, r *route.Request) (compat.Reply, error) {
	if err := m.s.RunNow(ctx, r.Actor, r.At, r.Param("id")); err != nil {
		return compat.Reply{}, err
	}
	return m.show(ctx, r, r.Param("id"))
}

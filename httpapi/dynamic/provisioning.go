package dynamic

import (
	"context"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// ProvisioningView is how an application gets dynamic users.
type ProvisioningView struct {
	Automatic bool   `json:"automatic" doc:"each of its authorizations gets a secret of every pair"`
	Pairs     []Pair `json:"pairs"`
	Quota     int    `json:"quota" doc:"dynamic users that are not removed yet"`
	Live      int    `json:"live" doc:"how many there are"`
	Revision  uint64 `json:"revision"`
}

// ProvisioningBody changes it; what is absent stays as it is.
type ProvisioningBody struct {
	Automatic *bool   `json:"automatic"`
	Pairs     *[]Pair `json:"pairs"`
	Quota     *int    `json:"quota" doc:"0: 1000"`
	Revision  uint64  `json:"revision" doc:"refuse if it is not the current one"`
}

// RevokeBody narrows what is revoked.
type RevokeBody struct {
	Authorization string `json:"authorization" doc:"only those of this one"`
}

func provisioningReply(p *Provisioning, err error) (compat.Reply, error) {
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(ProvisioningView{p.Automatic, append([]Pair{}, p.Pairs...), p.Quota, p.Live, p.Revision}), nil
}

func (m *management) provisioning(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return provisioningReply(m.s.Provisioning(ctx, r.Actor, r.At, r.Param("application")))
}

func (m *management) provision(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b ProvisioningBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	return provisioningReply(m.s.PutProvisioning(ctx, r.Actor, r.At, r.Param("application"), b))
}

func (m *management) revokeAll(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b RevokeBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	r.Need(route.Writes(model.ModulePAM, model.AuthorizationWrite)) // no error is about the caller's own application
	return compat.JSON(nil), m.s.RevokeAll(ctx, r.Actor, r.Param("application"), b.Authorization)
}

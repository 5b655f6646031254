package application

import (
	"context"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Authorization is an authorization, without its secrets.
type Authorization struct {
	ID          model.AuthorizationID   `json:"id"`
	Application model.ApplicationID     `json:"application"`
	Name        string                  `json:"name"`
	ClientID    string                  `json:"client_id"`
	Environment string                  `json:"environment"`
	System      string                  `json:"system"`
	Modules     []model.Module          `json:"modules"`
	Write       bool                    `json:"write"`
	Rights      []model.Right           `json:"rights"`
	Filter      Filter                  `json:"filter"`
	Profiles    []model.AccessProfileID `json:"profiles,omitempty" doc:"access profiles: further rights, on the credentials that they are about"`
	IPs         []string                `json:"ips" doc:"addresses or prefixes; empty: any"`
	Referrers   []string                `json:"referrers,omitempty" doc:"hosts or beginnings of URLs of the Referer header; absent: any"`
	Certificate string                  `json:"certificate,omitempty" doc:"SHA-256 of the client certificate that must be shown"`
	PublicKey   string                  `json:"public_key,omitempty" doc:"PEM: secrets in answers are encrypted to it"`
	TokenTTL    compat.Duration         `json:"token_ttl,omitempty" doc:"how long its tokens live at most; absent: as a request says, an hour by default"`
	ExpiresAt   compat.Time             `json:"expires_at,omitempty"`
	Creates     bool                    `json:"creates" doc:"may register applications for pipelines"`
	Delegations []Delegation            `json:"delegations,omitempty"`
	Enabled     bool                    `json:"enabled"`
	Deleting    bool                    `json:"deleting,omitempty" doc:"it goes when the dynamic users that were made for it are gone"`
	CreatedBy   model.AuthorizationID   `json:"created_by,omitempty"`
	CreatedAt   compat.Time             `json:"created_at"`
	Revision    uint64                  `json:"revision"`
}

// Filter says which credentials an authorization reaches besides those that it created.
type Filter struct {
	All         bool                 `json:"all"`
	Tags        []string             `json:"tags"`
	Credentials []model.CredentialID `json:"credentials"`
}

// Delegation names authorizations of other applications whose keys a pipeline may ask for.
type Delegation struct {
	Applications []string `json:"applications" doc:"names or patterns such as shop-*; none: nothing"`
	Systems      []string `json:"systems"`
	Environments []string `json:"environments"`
}

// AuthorizationBody is an authorization to create or change; what is absent stays as it is.
type AuthorizationBody struct {
	Name        *string          `json:"name"`
	Environment *string          `json:"environment"`
	System      *string          `json:"system"`
	Modules     *[]model.Module  `json:"modules" doc:"PAM Core, A2A, Application, Secrets Management, CI/CD"`
	Write       *bool            `json:"write" doc:"the vendor's read and write"`
	Rights      *[]model.Right   `json:"rights" doc:"of the closed list of rights"`
	Filter      *FilterBody      `json:"filter" doc:"absent for a new one: only what it creates itself"`
	Profiles    *[]string        `json:"profiles" doc:"names of access profiles; replaces all of them"`
	IPs         *[]string        `json:"ips" doc:"addresses or prefixes such as 10.0.0.0/8; empty: any"`
	Referrers   *[]string        `json:"referrers" doc:"hosts such as portal.example.com, or beginnings of URLs; empty: any"`
	Certificate *string          `json:"certificate" doc:"SHA-256 of a client certificate in hexadecimal, colons allowed; empty: none is asked for"`
	PublicKey   *string          `json:"public_key" doc:"RSA of 4096 bits in PEM: secrets in answers are encrypted to it; empty: they are not"`
	TokenTTL    *compat.Duration `json:"token_ttl" doc:"how long its tokens live, 1m to 24h; a request may ask for less; 0s: as a request says, an hour by default"`
	ExpiresAt   *compat.Time     `json:"expires_at" doc:"empty: never"`
	Creates     *bool            `json:"creates" doc:"may register applications for pipelines (POST /iso/dapp/application)"`
	Delegations *[]Delegation    `json:"delegations" doc:"whose keys it may ask for besides those that it made; absent: none"`
	Enabled     *bool            `json:"enabled" doc:"true for a new one"`
	Revision    uint64           `json:"revision" doc:"refuse if it is not the current one"`
}

// FilterBody names credentials as people do.
type FilterBody struct {
	All         bool     `json:"all"`
	Tags        []string `json:"tags"`
	Credentials []string `json:"credentials" doc:"numbers, identifiers or user@host"`
}

// WhoAmI is the caller.
type WhoAmI struct {
	Application   View          `json:"application"`
	Authorization Authorization `json:"authorization"`
	Profiles      []AccessView  `json:"access_profiles,omitempty" doc:"whose rights it has too; those that are enabled"`
}

func viewAuthorization(a *model.Authorization) Authorization {
	var delegations []Delegation
	for _, d := range a.Delegations {
		delegations = append(delegations, Delegation(d))
	}
	return Authorization{Creates: a.Creates, Delegations: delegations, ID: a.ID, Application: a.Application, Name: a.Name, ClientID: a.ClientID, Environment: a.Environment, System: a.System,
		Modules: append([]model.Module{}, a.Modules...), Write: a.Write, Rights: append([]model.Right{}, a.Rights...),
		Filter:   Filter{a.Filter.All, append([]string{}, a.Filter.Tags...), append([]model.CredentialID{}, a.Filter.Credentials...)},
		Profiles: a.Profiles, IPs: append([]string{}, a.IPs...), Referrers: a.Referrers, Certificate: a.Certificate, PublicKey: publicKey(a.PublicKey), TokenTTL: compat.Duration(a.TokenTTL), ExpiresAt: compat.Time(a.ExpiresAt), Enabled: a.Enabled, Deleting: a.Deleting, CreatedBy: a.CreatedBy, CreatedAt: compat.Time(a.CreatedAt), Revision: a.Revision}
}

func publicKey(der []byte) string {
	if len(der) == 0 {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func withKeys(a *model.Authorization, k *Keys) compat.Object {
	return compat.Object{{Name: "authorization", Value: viewAuthorization(a)}, {Name: "client_id", Value: k.ClientID}, {Name: "client_secret", Value: compat.Secret{Value: k.Secret, Issued: true}}}
}

func (m *management) all(_ context.Context, r *route.Request) (compat.Reply, error) {
	return m.page(r, "")
}

func (m *management) of(_ context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	return m.page(r, a.ID)
}

func (m *management) page(r *route.Request, app model.ApplicationID) (compat.Reply, error) {
	all, err := m.s.Authorizations(r.Actor, r.At, app)
	if err != nil {
		return compat.Reply{}, err
	}
	page, err := route.Page(r, all, func(a model.Authorization) string { return string(a.ID) })
	if err != nil {
		return compat.Reply{}, err
	}
	out := route.Listed[Authorization]{Items: []Authorization{}, Next: page.Next}
	for i := range page.Items {
		out.Items = append(out.Items, viewAuthorization(&page.Items[i]))
	}
	return compat.JSON(out), nil
}

func (m *management) findAuthorization(r *route.Request) (*model.Authorization, error) {
	app, err := m.find(r)
	if err != nil {
		return nil, err
	}
	all, err := m.s.Authorizations(r.Actor, r.At, app.ID)
	if err != nil {
		return nil, err
	}
	if a := route.Named(all, r.Param("name"), func(a *model.Authorization) (string, string) { return string(a.ID), a.Name }); a != nil {
		return a, nil
	}
	return nil, model.Errorf(model.NotFound, "there is no such authorization")
}

func (m *management) authorization(_ context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.findAuthorization(r)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(viewAuthorization(a)), nil
}

// holdsSecrets tells whether a module is about secrets: who may use it and nothing is said of rights is meant to read them.
func holdsSecrets(m model.Module) bool {
	return m == model.ModulePAM || m == model.ModuleApplication || m == model.ModuleSecrets || m == model.ModuleCICD
}

func (m *management) authorize(ctx context.Context, r *route.Request) (compat.Reply, error) {
	app, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	a := model.Authorization{Application: app.ID, Enabled: true, Modules: []model.Module{model.ModulePAM}}
	var b AuthorizationBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if err := m.apply(ctx, &a, &b); err != nil {
		return compat.Reply{}, err
	}
	if b.Rights == nil && slices.ContainsFunc(a.Modules, holdsSecrets) {
		if a.Rights = []model.Right{model.SecretRead}; a.Write {
			a.Rights = append(a.Rights, model.CredentialWrite)
		}
	}
	a, keys, err := m.s.PutAuthorization(ctx, r.Actor, a, false, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.Reply{Status: http.StatusCreated, Body: withKeys(&a, keys)}, nil
}

func (m *management) apply(ctx context.Context, a *model.Authorization, b *AuthorizationBody) error {
	set(&a.Name, b.Name)
	set(&a.Environment, b.Environment)
	set(&a.System, b.System)
	set(&a.Modules, b.Modules)
	set(&a.Write, b.Write)
	set(&a.Rights, b.Rights)
	set(&a.IPs, b.IPs)
	set(&a.Referrers, b.Referrers)
	if b.Certificate != nil {
		a.Certificate = strings.ToLower(strings.ReplaceAll(*b.Certificate, ":", ""))
	}
	if b.PublicKey != nil {
		var err error
		if a.PublicKey = nil; *b.PublicKey != "" {
			if a.PublicKey, err = compat.ParsePublicKey(*b.PublicKey); err != nil {
				return err
			}
		}
	}
	set(&a.Enabled, b.Enabled)
	set(&a.Creates, b.Creates)
	if b.Delegations != nil {
		a.Delegations = nil
		for _, d := range *b.Delegations {
			a.Delegations = append(a.Delegations, model.Delegation(d))
		}
	}
	if b.TokenTTL != nil {
		a.TokenTTL = int64(*b.TokenTTL)
	}
	if b.ExpiresAt != nil {
		a.ExpiresAt = model.Time(*b.ExpiresAt)
	}
	if b.Revision != 0 {
		a.Revision = b.Revision
	}
	if b.Profiles != nil {
		var err error
		if a.Profiles, err = m.s.AccessProfileIDs(ctx, *b.Profiles); err != nil {
			return err
		}
	}
	if b.Filter == nil {
		return nil
	}
	if err := model.CheckTags("filter.tags", b.Filter.Tags); err != nil {
		return err
	}
	ids, err := m.s.CredentialIDs(ctx, b.Filter.Credentials)
	if err != nil {
		return err
	}
	a.Filter = model.Filter{All: b.Filter.All, Tags: b.Filter.Tags, Credentials: ids}
	return nil
}

func (m *management) reauthorize(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.findAuthorization(r)
	if err != nil {
		return compat.Reply{}, err
	}
	var b AuthorizationBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if err := m.apply(ctx, a, &b); err != nil {
		return compat.Reply{}, err
	}
	done, _, err := m.s.PutAuthorization(ctx, r.Actor, *a, false, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(viewAuthorization(&done)), nil
}

func (m *management) rekey(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.findAuthorization(r)
	if err != nil {
		return compat.Reply{}, err
	}
	done, keys, err := m.s.PutAuthorization(ctx, r.Actor, *a, true, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(withKeys(&done, keys)), nil
}

func (m *management) newOAuth1(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.findAuthorization(r)
	if err != nil {
		return compat.Reply{}, err
	}
	k, err := m.s.NewOAuth1(ctx, r.Actor, a.ID)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(compat.Object{{Name: "consumer_key", Value: k.Consumer}, {Name: "consumer_secret", Value: compat.Secret{Value: k.ConsumerSecret, Issued: true}},
		{Name: "token_key", Value: k.Token}, {Name: "token_secret", Value: compat.Secret{Value: k.TokenSecret, Issued: true}}}), nil
}

func (m *management) dropOAuth1(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.findAuthorization(r)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(nil), m.s.DropOAuth1(ctx, r.Actor, a.ID)
}

func (m *management) revoke(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.findAuthorization(r)
	if err != nil {
		return compat.Reply{}, err
	}
	if err := m.s.RevokeAll(ctx, r.Actor, a.ID); err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(nil), nil
}

func (m *management) whoami(_ context.Context, r *route.Request) (compat.Reply, error) {
	app, auth, profiles, err := m.s.WhoAmI(r.Actor)
	if err != nil {
		return compat.Reply{}, err
	}
	me := WhoAmI{Application: view(&app), Authorization: viewAuthorization(&auth)}
	for i := range profiles {
		me.Profiles = append(me.Profiles, accessView(&profiles[i]))
	}
	return compat.JSON(me), nil
}

func (m *management) take(ctx context.Context, r *route.Request) (compat.Reply, error) {
	if err := m.s.TakeSecretRead(ctx, r.Actor); err != nil {
		return compat.Reply{}, err
	}
	return m.whoami(ctx, r)
}

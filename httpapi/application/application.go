// Package application is the management resource of client applications and their authorizations: keys, rights, limits,
// and taking access away again. A client secret is shown once, when it is made. Nobody grants what he does not hold: the
// reducers decide.
package application

import (
	"context"
	"net/http"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// Keys are new client keys; the secret is wiped after the answer.
type Keys struct {
	ClientID string
	Secret   secret.Value
}

// Service is what the resource needs.
type Service interface {
	Applications(actor model.Actor, at model.Time) ([]model.Application, error)
	PutApplication(ctx context.Context, actor model.Actor, a model.Application) (model.Application, error)
	DeleteApplication(ctx context.Context, actor model.Actor, id model.ApplicationID) (Deleted, error)
	DeleteAuthorization(ctx context.Context, actor model.Actor, id model.AuthorizationID) (Deleted, error)
	// Authorizations lists those of an application, or all with "".
	Authorizations(actor model.Actor, at model.Time, app model.ApplicationID) ([]model.Authorization, error)
	// PutAuthorization gives keys for a new authorization, or with rekey.
	PutAuthorization(ctx context.Context, actor model.Actor, a model.Authorization, rekey bool, at model.Time) (model.Authorization, *Keys, error)
	CredentialIDs(ctx context.Context, names []string) ([]model.CredentialID, error)
	AccessProfileIDs(ctx context.Context, names []string) ([]model.AccessProfileID, error)
	WhoAmI(actor model.Actor) (model.Application, model.Authorization, []model.AccessProfile, error)
	TakeSecretRead(ctx context.Context, actor model.Actor) error
	RevokeAll(ctx context.Context, actor model.Actor, id model.AuthorizationID) error
	// NewOAuth1 replaces the keys of OAuth 1.0, DropOAuth1 takes them away.
	NewOAuth1(ctx context.Context, actor model.Actor, id model.AuthorizationID) (*OAuth1Keys, error)
	DropOAuth1(ctx context.Context, actor model.Actor, id model.AuthorizationID) error
	// NewAWSKey replaces the pair for AWS Signature Version 4, DropAWSKey takes it away.
	NewAWSKey(ctx context.Context, actor model.Actor, id model.AuthorizationID) (*AWSKey, error)
	DropAWSKey(ctx context.Context, actor model.Actor, id model.AuthorizationID) error
	// ARNs are the identities of AWS that get tokens for an application; PutARNs replaces them.
	ARNs(actor model.Actor, at model.Time, id model.ApplicationID) ([]string, error)
	PutARNs(ctx context.Context, actor model.Actor, id model.ApplicationID, arns []string) ([]string, error)
	Cluster() model.ClusterID
}

// OAuth1Keys are new keys of OAuth 1.0; the secrets are wiped after the answer.
type OAuth1Keys struct {
	Consumer, Token             string
	ConsumerSecret, TokenSecret secret.Value
}

// View is an application.
type View struct {
	ID          model.ApplicationID `json:"id"`
	Name        string              `json:"name"`
	Description string              `json:"description"`
	Tags        []string            `json:"tags"`
	Enabled     bool                `json:"enabled"`
	Deleting    bool                `json:"deleting,omitempty" doc:"it goes when the dynamic users that were made for it are gone"`
	CreatedAt   compat.Time         `json:"created_at"`
	Revision    uint64              `json:"revision"`
}

// Body is an application to create or change; what is absent stays as it is.
type Body struct {
	Name        *string   `json:"name"`
	Description *string   `json:"description"`
	Tags        *[]string `json:"tags"`
	Enabled     *bool     `json:"enabled" doc:"true for a new one"`
	Revision    uint64    `json:"revision" doc:"refuse if it is not the current one"`
}

func view(a *model.Application) View {
	return View{a.ID, a.Name, a.Description, append([]string{}, a.Tags...), a.Enabled, a.Deleting, compat.Time(a.CreatedAt), a.Revision}
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

const tag = "application"

// Routes offers the resource.
func Routes(s Service) []route.Route {
	m := &management{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = tag
		return route.Route{Method: method, Path: "/api/v1" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	keys := []route.Field{{Name: "authorization", Type: "object"}, {Name: "client_id"}, {Name: "client_secret", Text: "shown this once"}}
	one := "/applications/{application}/authorizations/{name}"
	return []route.Route{
		add(http.MethodGet, "/applications", route.NoEvent, m.list, route.Doc{Needs: route.Reads("", model.AuthorizationWrite), Summary: "List applications", CSV: true, Returns: route.Listed[View]{}, Fields: route.TableFields}),
		add(http.MethodPost, "/applications", "application.put", m.create, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Create an application", Status: http.StatusCreated, Body: Body{}, Returns: View{}}),
		add(http.MethodGet, "/applications/{application}", route.NoEvent, m.get, route.Doc{Needs: route.Reads("", model.AuthorizationWrite), Summary: "Show an application", Text: "Named by id or name.", Returns: View{}}),
		add(http.MethodPut, "/applications/{application}", "application.put", m.change, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Change an application", Text: "Disabling it ends for good the tokens of its authorizations and the keys that pipelines got; their client secrets work again when it is enabled.", Body: Body{}, Returns: View{}}),
		add(http.MethodDelete, "/applications/{application}", "application.put", m.remove, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Delete an application", Returns: Deleted{},
			Text: "With its authorizations and all that is theirs: keys, tokens, secrets with every version. All access ends at once. Dynamic users that were made for it are removed first; it stays listed as deleting until they are proven gone, and then its name is free. Refused (409) while others read a secret of it, or an automation is about it; the caller must hold what its authorizations hold."}),
		add(http.MethodGet, "/authorizations", route.NoEvent, m.all, route.Doc{Needs: route.Reads("", model.AuthorizationWrite), Summary: "List the authorizations of all applications", Returns: route.Listed[Authorization]{}, Fields: route.PageFields}),
		add(http.MethodGet, "/applications/{application}/authorizations", route.NoEvent, m.of, route.Doc{Needs: route.Reads("", model.AuthorizationWrite), Summary: "List the authorizations of an application", Returns: route.Listed[Authorization]{}, Fields: route.PageFields}),
		add(http.MethodPost, "/applications/{application}/authorizations", "authorization.put", m.authorize, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Create an authorization", Status: http.StatusCreated, Body: AuthorizationBody{}, Returns: keys,
			Text: "Answers with the client keys; the secret is shown this once. Without modules it gets PAM Core; without rights it gets secret.read, with write also credential.write, unless none of its modules is about secrets. A caller cannot grant what it does not hold."}),
		add(http.MethodGet, one, route.NoEvent, m.authorization, route.Doc{Needs: route.Reads("", model.AuthorizationWrite), Summary: "Show an authorization", Returns: Authorization{}}),
		add(http.MethodPut, one, "authorization.put", m.reauthorize, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Change an authorization", Text: "Disabling it ends its tokens and the keys that pipelines got, for good; so does another system or environment, and putting off a date that was over.", Body: AuthorizationBody{}, Returns: Authorization{}}),
		add(http.MethodDelete, one, "authorization.put", m.unauthorize, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Delete an authorization", Returns: Deleted{}, Text: "With its keys, tokens and secrets, as those of an application that is deleted."}),
		add(http.MethodPost, one+"/rekey", "authorization.put", m.rekey, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Make a new client secret", Text: "The old one ends at once, and with it every token, the keys of OAuth 1.0, the pair of AWS and the keys that pipelines got.", Returns: keys}),
		add(http.MethodPost, one+"/oauth1", "oauth.put", m.newOAuth1, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Make keys of OAuth 1.0", Text: "For clients that sign each request (RFC 5849, HMAC-SHA1 or HMAC-SHA256). The former ones end at once.",
			Returns: []route.Field{{Name: "consumer_key"}, {Name: "consumer_secret", Text: "shown this once"}, {Name: "token_key"}, {Name: "token_secret", Text: "shown this once"}}}),
		add(http.MethodDelete, one+"/oauth1", "oauth.put", m.dropOAuth1, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Take the keys of OAuth 1.0 away"}),
		add(http.MethodPost, one+"/aws", "awskey.put", m.newAWSKey, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Make a pair for AWS Signature Version 4", Text: "For clients that sign each request, for the service cofre and any region. The former pair ends at once.",
			Returns: []route.Field{{Name: "access_key_id"}, {Name: "secret_access_key", Text: "shown this once"}}}),
		add(http.MethodDelete, one+"/aws", "awskey.put", m.dropAWSKey, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Take the pair for AWS Signature Version 4 away"}),
		add(http.MethodGet, "/applications/{application}/arns", route.NoEvent, m.arns, route.Doc{Needs: route.Reads("", model.AuthorizationWrite), Summary: "List the identities of AWS that get tokens for an application", Returns: ARNs{}}),
		add(http.MethodPut, "/applications/{application}/arns", "arn.put", m.putARNs, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite), Summary: "Say which identities of AWS get tokens for an application", Text: "Each may use every authorization of the application whose unique key (its id) it names, so the caller must hold what all of them hold. The tokens of an identity that is taken off the list end at once and for good; those of others live on.", Body: ARNsBody{}, Returns: ARNs{}}),
		add(http.MethodPost, one+"/revoke", "token.revoked", m.revoke, route.Doc{Needs: route.Writes(model.ModuleA2A, model.AuthorizationWrite).OrOwn(), Summary: "Revoke every token of an authorization"}),
		add(http.MethodGet, "/whoami", route.NoEvent, m.whoami, route.Doc{Needs: route.Nothing, Summary: "Show the caller's own authorization", Returns: WhoAmI{}}),
		add(http.MethodPost, "/whoami/secret-read", "authorization.secret_read", m.take, route.Doc{Needs: route.Writes(model.ModuleA2A, model.ClusterAdmin), Summary: "Take the right to read secrets", Text: "For administrators that do not hold it; everybody is alerted.", Returns: WhoAmI{}}),
	}
}

type management struct{ s Service }

func (m *management) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	all, err := m.s.Applications(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	page, err := route.Page(r, all, func(a model.Application) string { return string(a.ID) })
	if err != nil {
		return compat.Reply{}, err
	}
	out := route.Listed[View]{Items: []View{}, Next: page.Next}
	for i := range page.Items {
		out.Items = append(out.Items, view(&page.Items[i]))
	}
	return route.ListReply(r, out, strings.Fields(Columns), View.Row)
}

func (m *management) find(r *route.Request) (*model.Application, error) {
	all, err := m.s.Applications(r.Actor, r.At)
	if err != nil {
		return nil, err
	}
	if a := route.Named(all, r.Param("application"), func(a *model.Application) (string, string) { return string(a.ID), a.Name }); a != nil {
		return a, nil
	}
	return nil, model.Errorf(model.NotFound, "there is no such application")
}

func (m *management) get(_ context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(a)), nil
}

func (m *management) create(ctx context.Context, r *route.Request) (compat.Reply, error) {
	reply, err := m.put(ctx, r, model.Application{Enabled: true})
	reply.Status = http.StatusCreated
	return reply, err
}

func (m *management) change(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.find(r)
	if err != nil {
		return compat.Reply{}, err
	}
	return m.put(ctx, r, *a)
}

func (m *management) put(ctx context.Context, r *route.Request, a model.Application) (compat.Reply, error) {
	var b Body
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	set(&a.Name, b.Name)
	set(&a.Description, b.Description)
	set(&a.Tags, b.Tags)
	set(&a.Enabled, b.Enabled)
	if err := model.CheckTags("tags", a.Tags); err != nil {
		return compat.Reply{}, err
	}
	if b.Revision != 0 {
		a.Revision = b.Revision
	}
	a, err := m.s.PutApplication(ctx, r.Actor, a)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(&a)), nil
}

package encryption

import (
	"context"
	"encoding/pem"
	"net/http"
	"strconv"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// View is a key as management calls show it.
type View struct {
	ID          model.EncryptionKeyID `json:"id"`
	Number      uint64                `json:"number"`
	Name        string                `json:"name"`
	Description string                `json:"description"`
	Algorithm   model.KeyAlgorithm    `json:"algorithm"`
	Tags        []string              `json:"tags"`
	Owner       string                `json:"owner" doc:"application/authorization"`
	Users       []string              `json:"users" doc:"application/authorization of those that may use it besides"`
	Version     uint64                `json:"version" doc:"the newest: it encrypts and signs"`
	Least       uint64                `json:"least" doc:"the oldest that still decrypts and verifies"`
	ExpiresAt   compat.Time           `json:"expires_at,omitempty"`
	Enabled     bool                  `json:"enabled"`
	CreatedAt   compat.Time           `json:"created_at"`
	Revision    uint64                `json:"revision"`
	Versions    []VersionView         `json:"versions,omitempty" doc:"kept versions, oldest first; only when one key is shown"`
}

// VersionView is a kept version.
type VersionView struct {
	Number    uint64      `json:"number"`
	At        compat.Time `json:"at"`
	PublicKey string      `json:"public_key,omitempty" doc:"PEM; of RSA and ECDSA keys"`
}

// Body is a key to create or change; what is absent stays as it is.
type Body struct {
	Name        *string      `json:"name"`
	Description *string      `json:"description"`
	Algorithm   *string      `json:"algorithm" doc:"of a new key: aes128-gcm96, aes256-gcm96, rsa-2048, rsa-3072, rsa-4096, ecdsa-p256, ecdsa-p384 or ecdsa-p521"`
	Tags        *[]string    `json:"tags"`
	Users       *[]UserBody  `json:"users" doc:"who may use it besides those that reach it"`
	Least       *uint64      `json:"least" doc:"older versions neither decrypt nor verify"`
	ExpiresAt   *compat.Time `json:"expires_at" doc:"empty: never"`
	Revision    uint64       `json:"revision" doc:"refuse if it is not the current one"`
}

// UserBody names an authorization.
type UserBody struct {
	Application   string `json:"application"`
	Authorization string `json:"authorization" doc:"its name; or say system and environment"`
	System        string `json:"system"`
	Environment   string `json:"environment"`
}

// StatusBody enables or disables.
type StatusBody struct {
	Enabled *bool `json:"enabled"`
}

func managementRoutes(s Service) []route.Route {
	m := &management{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = tag
		return route.Route{Method: method, Path: "/api/v1/encryption-keys" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	answer := func(name, text string) []route.Field {
		return []route.Field{{Name: "version", Type: "integer", Text: "of the key"}, {Name: name, Text: text}}
	}
	return []route.Route{
		add(http.MethodGet, "", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModuleSecrets, ""), Summary: "List encryption keys that you may use or manage", Returns: route.Listed[View]{},
			Fields: append([]route.Field{{Name: "disabled", In: "query", Type: "boolean", Text: "disabled and expired ones too"}}, route.PageFields...)}),
		add(http.MethodPost, "", "encryption.put", m.create, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Make an encryption key", Status: http.StatusCreated, Body: Body{}, Returns: View{}}),
		add(http.MethodGet, "/{name}", route.NoEvent, m.get, route.Doc{Needs: route.Reads(model.ModuleSecrets, ""), Summary: "Show an encryption key with the public halves of its versions", Returns: View{}}),
		add(http.MethodPut, "/{name}", "encryption.put", m.change, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Change an encryption key", Body: Body{}, Returns: View{}}),
		add(http.MethodPut, "/{name}/status", "encryption.status", m.status, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Enable or disable an encryption key", Body: StatusBody{}, Returns: View{}}),
		add(http.MethodPost, "/{name}/rotate", "encryption.rotated", m.rotate, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Make a new version of an encryption key", Text: "It encrypts and signs from now on; older ones still decrypt and verify.", Returns: View{}}),
		add(http.MethodPost, "/{name}/encrypt", "encryption.used", m.encrypt, route.Doc{Needs: route.Reads(model.ModuleSecrets, model.SecretRead), Summary: "Encrypt", Body: EncryptBody{}, Returns: answer("ciphertext", "base64")}),
		add(http.MethodPost, "/{name}/decrypt", "encryption.used", m.decrypt, route.Doc{Needs: route.Reads(model.ModuleSecrets, model.SecretRead), Summary: "Decrypt", Body: DecryptBody{}, Returns: answer("plaintext", "base64")}),
		add(http.MethodPost, "/{name}/sign", "encryption.used", m.sign, route.Doc{Needs: route.Reads(model.ModuleSecrets, model.SecretRead), Summary: "Sign", Text: "With ECDSA, over SHA-256, SHA-384 or SHA-512 of the message, as long as the curve asks for.", Body: SignBody{}, Returns: answer("signature", "base64 of ASN.1")}),
		add(http.MethodPost, "/{name}/verify", "encryption.used", m.verify, route.Doc{Needs: route.Reads(model.ModuleSecrets, model.SecretRead), Summary: "Verify a signature", Body: VerifyBody{}, Returns: []route.Field{{Name: "valid", Type: "boolean"}, {Name: "version", Type: "integer", Text: "that was tried last, or that fits"}}}),
	}
}

type management struct{ s Service }

func view(i *Item, versions bool) View {
	k := &i.Key
	v := View{ID: k.ID, Number: k.Number, Name: k.Name, Description: k.Description, Algorithm: k.Algorithm, Tags: append([]string{}, k.Tags...), Owner: i.Owner, Users: append([]string{}, i.Users...),
		Version: k.LastN, Least: k.Least, ExpiresAt: compat.Time(k.ExpiresAt), Enabled: k.Enabled, CreatedAt: compat.Time(k.CreatedAt), Revision: k.Revision}
	for _, n := range k.Versions {
		if !versions {
			break
		}
		one := VersionView{Number: n.N, At: compat.Time(n.At)}
		if len(n.Public) > 0 {
			one.PublicKey = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: n.Public}))
		}
		v.Versions = append(v.Versions, one)
	}
	return v
}

func (m *management) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	limit, after, err := r.Cursor()
	if err != nil {
		return compat.Reply{}, err
	}
	disabled, err := r.QueryBool("disabled")
	if err != nil {
		return compat.Reply{}, err
	}
	items, err := m.s.List(r.Actor, r.At, disabled, after, limit+1)
	if err != nil {
		return compat.Reply{}, err
	}
	page := route.Listed[View]{Items: []View{}}
	for i := range items {
		if i == limit {
			page.Next = strconv.FormatUint(page.Items[limit-1].Number, 10)
			break
		}
		page.Items = append(page.Items, view(&items[i], false))
	}
	return compat.JSON(page), nil
}

func (m *management) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	i, err := m.s.Describe(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(i, true)), nil
}

func (m *management) create(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.put(ctx, r, "")
	a.Status = http.StatusCreated
	return a, err
}

func (m *management) change(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return m.put(ctx, r, r.Param("name"))
}

func (m *management) put(ctx context.Context, r *route.Request, key string) (compat.Reply, error) {
	var b Body
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	p := Put{Key: key, Name: b.Name, Description: b.Description, Algorithm: b.Algorithm, Tags: b.Tags, Least: b.Least, Revision: b.Revision, ExpiresAt: (*model.Time)(b.ExpiresAt)}
	if b.Users != nil {
		p.Users = &[]User{}
		for _, u := range *b.Users {
			*p.Users = append(*p.Users, User{u.Application, u.System, u.Environment, u.Authorization})
		}
	}
	return one(m.s.Put(ctx, r.Actor, r.At, p))
}

func one(i *Item, err error) (compat.Reply, error) {
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(i, true)), nil
}

func (m *management) rotate(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return one(m.s.Rotate(ctx, r.Actor, r.At, r.Param("name")))
}

func (m *management) status(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b StatusBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if b.Enabled == nil {
		return compat.Reply{}, model.Errorf(model.Invalid, "say enabled: true or false").WithField("enabled")
	}
	return one(m.s.SetStatus(ctx, r.Actor, r.Param("name"), *b.Enabled))
}

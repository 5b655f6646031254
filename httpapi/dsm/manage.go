package dsm

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// View is a secret as management calls show it.
type View struct {
	ID              model.DSMSecretID `json:"id"`
	Number          uint64            `json:"number"`
	Identity        string            `json:"identity"`
	Name            string            `json:"name"`
	Engine          string            `json:"engine"`
	Description     string            `json:"description"`
	Tags            []string          `json:"tags"`
	Owner           string            `json:"owner" doc:"application/authorization"`
	Readers         []string          `json:"readers" doc:"application/authorization of those that hold it besides the owner"`
	Version         uint64            `json:"version"`
	ExpiresAt       compat.Time       `json:"expires_at,omitempty"`
	Enabled         bool              `json:"enabled"`
	CreatedAt       compat.Time       `json:"created_at"`
	ChangedAt       compat.Time       `json:"changed_at"`
	Revision        uint64            `json:"revision"`
	RenewEphemeral  compat.Duration   `json:"renew_ephemeral,omitempty" doc:"how often its readers get new dynamic users; absent: never"`
	RenewCredential compat.Duration   `json:"renew_credential,omitempty" doc:"how often the accounts that it refers to are changed; absent: never"`
	RecentReaders   []ReaderView      `json:"recent_readers,omitempty" doc:"who read it or its accounts in the last 7 days; when the renewal of its accounts is switched on"`
	ReadersSince    compat.Time       `json:"recent_readers_since,omitempty" doc:"how far back that looks: less than 7 days when more was read than is searched"`
	Errors          int               `json:"errors,omitempty" doc:"how many failures of its automations, renewals and dynamic users are kept; only when one secret is shown"`
	Versions        []VersionView     `json:"versions,omitempty" doc:"kept versions, oldest first; only when one secret is shown"`
}

// ReaderView is who read a secret, and when last.
type ReaderView struct {
	Authorization string      `json:"authorization" doc:"application/authorization"`
	At            compat.Time `json:"at"`
}

// VersionView is a kept version, without values.
type VersionView struct {
	Number  uint64      `json:"number"`
	At      compat.Time `json:"at"`
	By      string      `json:"by,omitempty"`
	Of      uint64      `json:"of,omitempty" doc:"the version that it brought back"`
	Names   []string    `json:"names"`
	Changed []string    `json:"changed" doc:"names that are new, gone or of another value than in the version before"`
}

// Body is a secret to create or change; what is absent stays as it is.
type Body struct {
	Identity    *string        `json:"identity" doc:"of a new secret"`
	Name        *string        `json:"name"`
	Engine      *string        `json:"engine"`
	Description *string        `json:"description"`
	Tags        *[]string      `json:"tags"`
	ExpiresAt   *compat.Time   `json:"expires_at" doc:"empty: never"`
	Owner       *OwnerBody     `json:"owner" doc:"of a new secret; absent: the caller"`
	Readers     *[]OwnerBody   `json:"readers" doc:"who holds it besides the owner"`
	Values      *[]ValueBody   `json:"values" doc:"with accounts and ephemerals, the next version"`
	Accounts    *[]AccountBody `json:"accounts" doc:"references, which need the right to read the account"`
	Ephemerals  *[]Ephemeral   `json:"ephemerals" doc:"dynamic users of whoever reads, made when there are none"`
	Revision    uint64         `json:"revision" doc:"refuse if it is not the current one"`

	RenewEphemeral  *compat.Duration `json:"renew_ephemeral" doc:"its readers get new dynamic users this often, 10m at least; the old ones end with their time; 0s: never"`
	RenewCredential *compat.Duration `json:"renew_credential" doc:"the accounts that it refers to are changed on their targets this often; 0s: never"`
}

// Ephemeral shows dynamic users; each part that is named is returned under that name, all of them if none is.
type Ephemeral struct {
	Device     string `json:"device"`
	Profile    string `json:"profile" doc:"identifier"`
	Username   string `json:"username"`
	Password   string `json:"password"`
	Hostname   string `json:"hostname"`
	IP         string `json:"ip"`
	Additional string `json:"additional"`
	TTL        string `json:"ttl"`
	KeyID      string `json:"access_key_id" doc:"of a cloud's user"`
	KeySecret  string `json:"secret_access_key" doc:"of a cloud's user"`
}

// OwnerBody names an authorization.
type OwnerBody struct {
	Application   string `json:"application"`
	Authorization string `json:"authorization" doc:"its name; or say system and environment"`
	System        string `json:"system"`
	Environment   string `json:"environment"`
}

// ValueBody is one value.
type ValueBody struct {
	Name  string        `json:"name"`
	Value *secret.Value `json:"value"`
}

// AccountBody refers to a credential; each part that is named is returned under that name.
type AccountBody struct {
	Credential string `json:"credential" doc:"number, identifier or user@host"`
	Username   string `json:"username"`
	Password   string `json:"password"`
	Hostname   string `json:"hostname"`
	IP         string `json:"ip"`
	Additional string `json:"additional"`
	Domain     string `json:"domain"`
}

// StatusBody enables or disables.
type StatusBody struct {
	Enabled *bool `json:"enabled"`
}

// RollbackBody names a version.
type RollbackBody struct {
	Version uint64 `json:"version"`
}

func managementRoutes(s Service) []route.Route {
	m := &management{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = tag
		return route.Route{Method: method, Path: "/api/v1/secrets" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	return []route.Route{
		add(http.MethodGet, "", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModuleSecrets, ""), Summary: "List application secrets, without values", Returns: route.Listed[View]{}, Fields: append([]route.Field{
			{Name: "application", In: "query"}, {Name: "disabled", In: "query", Type: "boolean", Text: "disabled and expired ones too"}}, route.PageFields...)}),
		add(http.MethodPost, "", "dsm.put", m.create, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Create an application secret", Status: http.StatusCreated, Body: Body{}, Returns: View{}}),
		add(http.MethodGet, "/{name}", route.NoEvent, m.get, route.Doc{Needs: route.Reads(model.ModuleSecrets, ""), Summary: "Show an application secret with its versions, without values", Returns: View{}}),
		add(http.MethodPut, "/{name}", "dsm.put", m.change, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Change an application secret", Text: "values and accounts together are its next version.", Body: Body{}, Returns: View{}}),
		add(http.MethodPut, "/{name}/status", "dsm.status", m.status, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Enable or disable an application secret", Body: StatusBody{}, Returns: View{}}),
		add(http.MethodPost, "/{name}/rollback", "dsm.put", m.rollback, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Bring a former version of an application secret back, as a new one", Body: RollbackBody{}, Returns: View{}}),
		add(http.MethodGet, "/{name}/data", "dsm.read", m.data, route.Doc{Needs: route.Reads(model.ModuleSecrets, model.SecretRead), Summary: "Read an application secret", Fields: []route.Field{{Name: "version", In: "query", Type: "integer", Text: "a kept one, without dynamic users, for who could bring it back; absent: the one in force"}}, Returns: []route.Field{{Name: "identity"}, {Name: "version", Type: "integer"}, {Name: "data", Type: "array", Text: "objects of texts"}}}),
	}
}

type management struct{ s Service }

func view(i *Item, versions []Version) View {
	s := &i.Secret
	v := View{ID: s.ID, Number: s.Number, Identity: s.Identity, Name: s.Name, Engine: s.Engine, Description: s.Description, Tags: append([]string{}, s.Tags...), Owner: i.Owner,
		Readers: append([]string{}, i.Readers...), Version: s.Version, ExpiresAt: compat.Time(s.ExpiresAt), Enabled: s.Enabled, CreatedAt: compat.Time(s.CreatedAt), ChangedAt: compat.Time(s.ChangedAt), Revision: s.Revision, RenewEphemeral: compat.Duration(s.RenewEphemeral), RenewCredential: compat.Duration(s.RenewCredential), Errors: i.Errors}
	for _, n := range versions {
		v.Versions = append(v.Versions, VersionView{n.N, compat.Time(n.At), n.By, n.Of, append([]string{}, n.Names...), append([]string{}, n.Changed...)})
	}
	return v
}

func (m *management) list(ctx context.Context, r *route.Request) (compat.Reply, error) {
	limit, after, err := r.Cursor()
	if err != nil {
		return compat.Reply{}, err
	}
	disabled, err := r.QueryBool("disabled")
	if err != nil {
		return compat.Reply{}, err
	}
	items, err := m.s.List(ctx, r.Actor, r.At, Filter{Application: r.Query("application"), Disabled: disabled, After: after, Limit: limit + 1})
	if err != nil {
		return compat.Reply{}, err
	}
	page := route.Listed[View]{Items: []View{}}
	for i := range items {
		if i == limit {
			page.Next = strconv.FormatUint(page.Items[limit-1].Number, 10)
			break
		}
		page.Items = append(page.Items, view(&items[i], nil))
	}
	return compat.JSON(page), nil
}

func (m *management) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	item, versions, err := m.s.Describe(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(item, versions)), nil
}

func (m *management) create(ctx context.Context, r *route.Request) (compat.Reply, error) {
	reply, err := m.put(ctx, r, "")
	reply.Status = http.StatusCreated
	return reply, err
}

func (m *management) change(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return m.put(ctx, r, r.Param("name"))
}

func (b *Body) put(name string) (Put, error) {
	p := Put{Through: model.ModuleSecrets, Name: name, Create: name == "", Title: b.Name, Engine: b.Engine, Description: b.Description, Tags: b.Tags, Revision: b.Revision}
	if b.Identity != nil {
		p.Identity = *b.Identity
	}
	if b.ExpiresAt != nil {
		at := model.Time(*b.ExpiresAt)
		p.ExpiresAt = &at
	}
	p.RenewEphemeral, p.RenewCredential = (*int64)(b.RenewEphemeral), (*int64)(b.RenewCredential)
	if b.Owner != nil {
		p.Owner = b.Owner.owner()
	}
	if b.Readers != nil {
		p.Readers = &[]Owner{}
		for _, r := range *b.Readers {
			*p.Readers = append(*p.Readers, r.owner())
		}
	}
	if b.Values == nil && b.Accounts == nil && b.Ephemerals == nil {
		return p, nil
	}
	p.Data = []Data{}
	if b.Values != nil && len(*b.Values) > 0 {
		d := Data{Kind: model.DSMKeyValue}
		for i, v := range *b.Values {
			if v.Value == nil {
				return p, model.Errorf(model.Invalid, "a value without its text").WithField(fmt.Sprintf("values[%d].value", i))
			}
			d.Values = append(d.Values, Value{Name: v.Name, Value: v.Value})
		}
		p.Data = append(p.Data, d)
	}
	if b.Accounts != nil {
		for i, a := range *b.Accounts {
			d := a.data()
			d.At = fmt.Sprintf("accounts[%d]", i)
			p.Data = append(p.Data, d)
		}
	}
	if b.Ephemerals != nil {
		for i, e := range *b.Ephemerals {
			d := e.data()
			d.At = fmt.Sprintf("ephemerals[%d]", i)
			p.Data = append(p.Data, d)
		}
	}
	return p, nil
}

func (e Ephemeral) data() Data {
	d := Data{Kind: model.DSMEphemeral, Device: e.Device, Profile: e.Profile}
	for _, part := range []struct{ from, name string }{{"hostname", e.Hostname}, {"username", e.Username}, {"password", e.Password}, {"additional", e.Additional}, {"ip", e.IP}, {"ttl", e.TTL},
		{"access_key_id", e.KeyID}, {"secret_access_key", e.KeySecret}} {
		if part.name != "" {
			d.Values = append(d.Values, Value{Name: part.name, From: part.from})
		}
	}
	return d
}

func (o OwnerBody) owner() Owner {
	return Owner{o.Application, o.System, o.Environment, o.Authorization}
}

func (a AccountBody) data() Data {
	d := Data{Kind: model.DSMCredential, Account: a.Credential}
	for _, part := range []struct{ from, name string }{{"hostname", a.Hostname}, {"username", a.Username}, {"password", a.Password}, {"additional", a.Additional}, {"ip", a.IP}, {"domain", a.Domain}} {
		if part.name != "" {
			d.Values = append(d.Values, Value{Name: part.name, From: part.from})
		}
	}
	if len(d.Values) == 0 {
		d.Values = []Value{{Name: "hostname", From: "hostname"}, {Name: "username", From: "username"}, {Name: "password", From: "password"}}
	}
	return d
}

func (m *management) put(ctx context.Context, r *route.Request, name string) (compat.Reply, error) {
	var b Body
	defer b.wipe()
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	p, err := b.put(name)
	if err != nil {
		return compat.Reply{}, err
	}
	done, err := m.s.Put(ctx, r.Actor, p)
	if err != nil {
		return compat.Reply{}, err
	}
	v := view(done.Item, nil)
	v.ReadersSince = compat.Time(done.Since)
	for _, reader := range done.Readers {
		v.RecentReaders = append(v.RecentReaders, ReaderView{reader.Authorization, compat.Time(reader.At)})
	}
	return compat.JSON(v), nil
}

func (b *Body) wipe() {
	if b.Values == nil {
		return
	}
	for _, v := range *b.Values {
		if v.Value != nil {
			v.Value.Wipe()
		}
	}
}

func (m *management) status(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b StatusBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if b.Enabled == nil {
		return compat.Reply{}, model.Errorf(model.Invalid, "say enabled: true or false").WithField("enabled")
	}
	item, err := m.s.SetStatus(ctx, r.Actor, r.Param("name"), *b.Enabled)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(item, nil)), nil
}

func (m *management) rollback(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b RollbackBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if b.Version == 0 {
		return compat.Reply{}, model.Errorf(model.Invalid, "version was not informed: cofre secret show lists those that there are").WithField("version")
	}
	item, err := m.s.Rollback(ctx, r.Actor, r.Param("name"), b.Version)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(item, nil)), nil
}

func (m *management) data(ctx context.Context, r *route.Request) (compat.Reply, error) {
	version, err := r.QueryNumber("version", 0, 1<<62)
	if err != nil {
		return compat.Reply{}, err
	}
	var item *Item
	if version != 0 {
		r.Need(route.Writes(model.ModuleSecrets, model.CredentialWrite))
		item, err = m.s.OpenVersion(ctx, r.Actor, r.Param("name"), version)
	} else {
		item, err = m.s.Open(ctx, r.Actor, r.Param("name"), r.Known())
	}
	if err != nil {
		return compat.Reply{}, err
	}
	if item.Unchanged {
		return compat.Unchanged(item.Tag), nil
	}
	rows := []compat.Object{}
	for _, e := range item.Entries {
		rows = append(rows, texts(e))
	}
	return compat.JSON(compat.Object{{Name: "identity", Value: item.Secret.Identity}, {Name: "version", Value: item.Secret.Version}, {Name: "data", Value: rows}}).Tagged(item.Tag), nil
}

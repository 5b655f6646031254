package credential

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// View is a credential as management calls show it.
type View struct {
	ID         model.CredentialID `json:"id"`
	Number     uint64             `json:"number"`
	Identifier string             `json:"identifier"`
	Username   string             `json:"username"`
	Domain     string             `json:"domain"`
	Hostname   string             `json:"hostname"`
	IP         string             `json:"ip"`
	Device     model.DeviceID     `json:"device"`
	Type       string             `json:"type"`
	Additional string             `json:"additional"`
	TOTP       bool               `json:"totp,omitempty" doc:"it holds a key of one-time codes"`
	Tags       []string           `json:"tags"`
	Parent     string             `json:"parent,omitempty" doc:"identifier of the parent credential"`
	Policy     string             `json:"policy,omitempty" doc:"that it names; absent: the one whose criteria fit, else the default one"`
	Governed   string             `json:"governed,omitempty" doc:"the policy whose criteria fit"`
	Settings   SettingsView       `json:"settings"`
	Key        *KeyView           `json:"key,omitempty" doc:"what makes it an SSH key"`
	Execution  ExecutionView      `json:"execution"`
	JIT        *JITView           `json:"jit,omitempty" doc:"how the account is opened for sessions; absent: it is always open"`
	Sync       string             `json:"sync" doc:"unknown, in_sync, changing or out_of_sync"`
	Busy       model.OperationID  `json:"busy,omitempty" doc:"the operation that works on it"`
	RotateAt   compat.Time        `json:"rotate_at,omitempty"`
	ChangedAt  compat.Time        `json:"changed_at,omitempty"`
	ViewedAt   compat.Time        `json:"viewed_at,omitempty" doc:"secret read that a policy with view expiry counts from: the first one after a change"`
	ReadAt     compat.Time        `json:"read_at,omitempty" doc:"last secret read, to the minute"`
	VerifiedAt compat.Time        `json:"verified_at,omitempty"`
	DriftedAt  compat.Time        `json:"drifted_at,omitempty" doc:"when the stored secret was refused for the first time since verified_at"`
	Enabled    bool               `json:"enabled"`
	CreatedAt  compat.Time        `json:"created_at"`
	Revision   uint64             `json:"revision"`
}

// ExecutionView says how the secret is changed on its target.
type ExecutionView struct {
	Automatic      bool   `json:"automatic"`
	Started        bool   `json:"started" doc:"the first, manual change has succeeded"`
	Executor       string `json:"executor,omitempty"`
	Template       string `json:"template,omitempty"`
	Authentication string `json:"authentication,omitempty" doc:"identifier of the credential that logs in; absent: itself"`

	Reconcile *ReconcileView `json:"reconcile,omitempty" doc:"how vault and target are made to agree again"`
}

// ReconcileView says how the secret is set anew when vault and target may disagree.
type ReconcileView struct {
	Autorun        bool   `json:"autorun" doc:"by itself after a change or a verification that failed"`
	Executor       string `json:"executor,omitempty"`
	Template       string `json:"template,omitempty"`
	Authentication string `json:"authentication,omitempty" doc:"identifier of the credential that logs in"`
}

// JITView says how the account is activated when a session begins and inactivated when the last one ends.
type JITView struct {
	Activate       string `json:"activate" doc:"name of the template"`
	Deactivate     string `json:"deactivate" doc:"name of the template"`
	Executor       string `json:"executor"`
	Authentication string `json:"authentication" doc:"identifier of the credential that logs in for it"`
	State          string `json:"state" doc:"unknown, open or closed"`
	Failures       int    `json:"failures" doc:"inactivations that failed in a row"`
}

// JITBody changes that.
type JITBody struct {
	Activate       *string `json:"activate" doc:"name of a template that enables the credential, or creates the user; empty, and deactivate too: the account is always open"`
	Deactivate     *string `json:"deactivate" doc:"name of a template that disables the credential, or deletes the user"`
	Authentication *string `json:"authentication" doc:"name of another credential"`
}

// ReconcileBody changes that.
type ReconcileBody struct {
	Autorun        *bool   `json:"autorun" doc:"by itself after a change or a verification that failed"`
	Template       *string `json:"template" doc:"name of a change template; empty: none"`
	Authentication *string `json:"authentication" doc:"name of another credential; empty: none"`
}

// SettingsView describes the account to people.
type SettingsView struct {
	Owner       string `json:"owner,omitempty"`
	Criticality string `json:"criticality" doc:"low, medium, high or critical"`
	ServerPath  string `json:"server_path,omitempty"`
	Notes       string `json:"notes,omitempty"`
}

func settings(c *model.Credential) SettingsView {
	s := model.Settings{}
	if c.Settings != nil {
		s = *c.Settings
	}
	return SettingsView{s.Owner, c.Critical(), s.ServerPath, s.Notes}
}

// SettingsBody changes how the account is described.
type SettingsBody struct {
	Owner       *string `json:"owner"`
	Criticality *string `json:"criticality" doc:"low, medium, high or critical"`
	ServerPath  *string `json:"server_path"`
	Notes       *string `json:"notes"`
}

// Body is a credential to create or change; what is absent stays as it is.
type Body struct {
	Identifier *string       `json:"identifier"`
	Hostname   *string       `json:"hostname" doc:"of a registered device"`
	Username   *string       `json:"username"`
	Domain     *string       `json:"domain"`
	Type       *string       `json:"type"`
	Additional *string       `json:"additional"`
	TOTP       *secret.Value `json:"totp" doc:"key of one-time codes: base32 or an otpauth:// address; empty removes it"`
	Tags       *[]string     `json:"tags"`
	Parent     *string       `json:"parent" doc:"name of a credential; empty: none"`
	Policy     *string       `json:"policy" doc:"name; empty: the default policy"`
	Settings   SettingsBody  `json:"settings"`
	Key        *KeyBody      `json:"key" doc:"makes a new credential an SSH key, or changes one"`
	Execution  ExecutionBody `json:"execution"`
	JIT        JITBody       `json:"jit" doc:"how the account is opened for sessions"`
	Secret     *secret.Value `json:"secret" doc:"only while no operation manages the secret"`
	Revision   uint64        `json:"revision" doc:"refuse if it is not the current one"`
}

// ExecutionBody changes how the secret is changed.
type ExecutionBody struct {
	Automatic      *bool   `json:"automatic"`
	Executor       *string `json:"executor"`
	Template       *string `json:"template" doc:"name of a change template"`
	Authentication *string `json:"authentication" doc:"name of a credential; empty: itself"`

	Reconcile ReconcileBody `json:"reconcile" doc:"how vault and target are made to agree again"`
}

// StatusBody enables or disables.
type StatusBody struct {
	Enabled *bool `json:"enabled"`
}

func view(i *Item) View {
	c := &i.Credential
	v := View{
		ID: c.ID, Number: c.Number, Identifier: c.Identifier, Username: c.Username, Domain: c.Domain, Hostname: i.Device.Hostname, IP: i.Device.IP, Device: c.Device,
		Type: c.Type, Additional: c.Additional, TOTP: c.OTP != nil, Tags: tags(c.Tags), Policy: i.Policy, Governed: i.Governed, Key: i.Key, Settings: settings(c), Sync: c.Sync.String(), Busy: c.Busy,
		Execution: ExecutionView{c.Execution.Automatic, c.Execution.Started, string(c.Execution.Executor), i.Template, i.Authentication, nil},
		RotateAt:  compat.Time(c.RotateAt), ChangedAt: compat.Time(c.ChangedAt), ViewedAt: compat.Time(c.ViewedAt), ReadAt: compat.Time(c.LastRead()), VerifiedAt: compat.Time(c.VerifiedAt), DriftedAt: compat.Time(c.DriftedAt),
		Enabled: c.Enabled, CreatedAt: compat.Time(c.CreatedAt), Revision: c.Revision,
	}
	if i.Reconcile != (ReconcileView{}) {
		v.Execution.Reconcile = &i.Reconcile
	}
	if c.JIT != nil {
		v.JIT = &i.JIT
	}
	if i.Parent != nil {
		v.Parent = i.Parent.Identifier
	}
	return v
}

func managementRoutes(s Service) []route.Route {
	m := &management{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = tag
		return route.Route{Method: method, Path: "/api/v1/credentials" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	return []route.Route{
		add(http.MethodGet, "", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List credentials, without secrets", CSV: true, Returns: route.Listed[View]{}, Fields: append([]route.Field{
			{Name: "device", In: "query", Text: "number, host name or id"}, {Name: "tag", In: "query"}, {Name: "type", In: "query"},
			{Name: "search", In: "query", Text: "part of the identifier, user name or host name"}, {Name: "disabled", In: "query", Type: "boolean", Text: "disabled ones too"},
		}, route.TableFields...)}),
		add(http.MethodPost, "", "credential.put", m.create, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Create a credential", Status: http.StatusCreated, Body: Body{}, Returns: View{}}),
		add(http.MethodGet, "/{name}", route.NoEvent, m.get, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show a credential, without its secret", Returns: View{}}),
		add(http.MethodPut, "/{name}", "credential.put", m.change, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Change a credential", Body: Body{}, Returns: View{}}),
		add(http.MethodPut, "/{name}/status", "credential.status", m.status, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Enable or disable a credential", Body: StatusBody{}, Returns: View{}}),
		add(http.MethodGet, "/{name}/secret", "credential.read", m.secret, route.Doc{Needs: route.Reads(model.ModulePAM, model.SecretRead), Summary: "Read the secret", Text: "Takes custody.", Returns: []route.Field{
			{Name: "id"}, {Name: "number", Type: "integer"}, {Name: "username"}, {Name: "secret"}, {Name: "version", Type: "integer"}, {Name: "custody_until"}, {Name: "change_at"}}}),
		add(http.MethodDelete, "/{name}/custody", "credential.released", m.release, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Release custody", Returns: []route.Field{{Name: "operation", Text: "number of the operation that it started, or null"}}}),
	}
}

type management struct{ s Service }

func (m *management) list(ctx context.Context, r *route.Request) (compat.Reply, error) {
	limit, after, err := r.Cursor()
	if err != nil {
		return compat.Reply{}, err
	}
	disabled, err := r.QueryBool("disabled")
	if err != nil {
		return compat.Reply{}, err
	}
	items, err := m.s.List(ctx, r.Actor, r.At, Filter{Device: r.Query("device"), Tag: r.Query("tag"), Type: r.Query("type"), Search: r.Query("search"), Disabled: disabled, After: after, Limit: limit + 1})
	if err != nil {
		return compat.Reply{}, err
	}
	page := route.Listed[View]{Items: []View{}}
	for i := range items {
		if i == limit {
			page.Next = strconv.FormatUint(page.Items[limit-1].Number, 10)
			break
		}
		page.Items = append(page.Items, view(&items[i]))
	}
	return route.ListReply(r, page, strings.Fields(Columns), View.Row)
}

func (m *management) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	item, err := m.s.Describe(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(view(item)), nil
}

func (m *management) create(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return m.put(ctx, r, "")
}

func (m *management) change(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return m.put(ctx, r, r.Param("name"))
}

func (m *management) put(ctx context.Context, r *route.Request, name string) (compat.Reply, error) {
	var b Body
	defer func() {
		for _, v := range []*secret.Value{b.Secret, b.TOTP} {
			if v != nil {
				v.Wipe()
			}
		}
	}()
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	p := Put{Name: name, Create: name == "", Hostname: b.Hostname, Username: b.Username, Domain: b.Domain, Type: b.Type, Additional: b.Additional, TOTP: b.TOTP, Tags: b.Tags,
		Parent: b.Parent, Policy: b.Policy, Automatic: b.Execution.Automatic, Executor: b.Execution.Executor, Template: b.Execution.Template,
		Authentication: b.Execution.Authentication, Reconcile: b.Execution.Reconcile, JIT: b.JIT, Secret: b.Secret, Revision: b.Revision,
		Owner: b.Settings.Owner, Criticality: b.Settings.Criticality, ServerPath: b.Settings.ServerPath, Notes: b.Settings.Notes}
	if b.Identifier != nil {
		p.Identifier = *b.Identifier
	}
	if k := b.Key; k != nil {
		p.Key = &KeyPut{Name: k.Name, Algorithm: k.Algorithm, Devices: k.Devices, Pattern: k.Pattern, Generate: k.Generate}
	}
	item, did, err := m.s.Put(ctx, r.Actor, r.At, p)
	if err != nil {
		return compat.Reply{}, err
	}
	reply := compat.JSON(view(item))
	if did == model.Created {
		reply.Status = http.StatusCreated
	}
	return reply, nil
}

func (m *management) status(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b StatusBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if b.Enabled == nil {
		return compat.Reply{}, model.Errorf(model.Invalid, "enabled is missing").WithField("enabled")
	}
	if _, err := m.s.SetStatus(ctx, r.Actor, r.Param("name"), *b.Enabled); err != nil {
		return compat.Reply{}, err
	}
	return m.get(ctx, r)
}

func (m *management) secret(ctx context.Context, r *route.Request) (compat.Reply, error) {
	i, err := m.s.Open(ctx, r.Actor, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(compat.Object{
		{Name: "id", Value: i.Credential.ID}, {Name: "number", Value: i.Credential.Number}, {Name: "username", Value: i.Credential.Username},
		{Name: "secret", Value: compat.Secret{Value: *i.Secret}}, {Name: "version", Value: i.Version},
		{Name: "custody_until", Value: moment(i.Until)}, {Name: "change_at", Value: moment(i.Change)},
	}), nil
}

func (m *management) release(ctx context.Context, r *route.Request) (compat.Reply, error) {
	rel, err := m.s.Release(ctx, r.Actor, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(compat.Object{{Name: "operation", Value: rel.Operation}}), nil
}

package device

import (
	"context"
	"net/http"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// View is a device as management calls show it.
type View struct {
	ID             model.DeviceID `json:"id"`
	Number         uint64         `json:"number"`
	Hostname       string         `json:"hostname"`
	IP             string         `json:"ip"`
	Domain         string         `json:"domain"`
	Type           string         `json:"type"`
	Vendor         string         `json:"vendor"`
	Model          string         `json:"model"`
	Site           string         `json:"site" doc:"only nodes that reach it run operations there"`
	Tags           []string       `json:"tags"`
	Connectivities []Connectivity `json:"connectivities"`
	HostKeys       []HostKey      `json:"host_keys"`
	CA             string         `json:"ca,omitempty" doc:"PEM bundle that signs the target's TLS certificate"`
	InsecureTLS    bool           `json:"insecure_tls" doc:"TLS certificates are not verified"`
	Via            string         `json:"via,omitempty" doc:"host name of the jump host or proxy that connections go through"`
	ViaLogin       string         `json:"via_login,omitempty" doc:"identifier of the credential that logs in there; *** if you do not reach it"`
	Lanes          int            `json:"lanes,omitempty" doc:"operations on it at once, with one connection each; absent: the general limit"`
	Enabled        bool           `json:"enabled"`
	CreatedAt      compat.Time    `json:"created_at"`
	Revision       uint64         `json:"revision"`
}

// Connectivity is a protocol with its port.
type Connectivity struct {
	Protocol string `json:"protocol" doc:"SSH, POSTGRESQL ..."`
	Port     uint16 `json:"port"`
}

// HostKey is a pinned SSH host key.
type HostKey struct {
	Fingerprint string      `json:"fingerprint" doc:"SHA256:... as OpenSSH prints it"`
	Key         string      `json:"key,omitempty" doc:"ssh-ed25519 AAAA..."`
	At          compat.Time `json:"at,omitempty"`
}

// Body is a device to create or change; what is absent stays as it is.
type Body struct {
	Hostname       *string         `json:"hostname"`
	IP             *string         `json:"ip"`
	Domain         *string         `json:"domain"`
	Type           *string         `json:"type"`
	Vendor         *string         `json:"vendor"`
	Model          *string         `json:"model"`
	Site           *string         `json:"site"`
	Tags           *[]string       `json:"tags"`
	Connectivities *[]Connectivity `json:"connectivities"`
	CA             *string         `json:"ca"`
	InsecureTLS    *bool           `json:"insecure_tls"`
	Via            *string         `json:"via" doc:"host name of a device that lists SSH, SOCKS5, HTTP-PROXY or HTTPS-PROXY: connections go through it; empty: straight"`
	ViaLogin       *string         `json:"via_login" doc:"name of a credential of that device, which logs in there; a reference is a read"`
	Lanes          *int            `json:"lanes" doc:"operations on it at once, 1 to 64; with such a limit of its own each has one connection, and none stays for the next; 0: the general limit of the automation"`
	Revision       uint64          `json:"revision" doc:"refuse if it is not the current one"`
}

// TrustBody pins host keys.
type TrustBody struct {
	Keys    []TrustedKey `json:"keys"`
	Replace bool         `json:"replace" doc:"drop the pins that are there"`
}

// TrustedKey is one host key to pin: a line of known_hosts or of a .pub file, or a fingerprint.
type TrustedKey struct {
	Key         string `json:"key"`
	Fingerprint string `json:"fingerprint"`
}

// StatusBody enables or disables.
type StatusBody struct {
	Enabled *bool `json:"enabled"`
}

func (m *management) view(r *route.Request, d *model.Device) View {
	v := View{ID: d.ID, Number: d.Number, Hostname: d.Hostname, IP: d.IP, Domain: d.Domain, Type: d.Type, Vendor: d.Vendor, Model: d.Model, Site: d.Site,
		Tags: append([]string{}, d.Tags...), Connectivities: []Connectivity{}, HostKeys: []HostKey{}, CA: d.CA, InsecureTLS: d.InsecureTLS, Lanes: d.Lanes,
		Enabled: d.Enabled, CreatedAt: compat.Time(d.CreatedAt), Revision: d.Revision}
	for _, c := range d.Connectivities {
		v.Connectivities = append(v.Connectivities, Connectivity(c))
	}
	for _, k := range d.HostKeys {
		v.HostKeys = append(v.HostKeys, HostKey{k.Fingerprint, k.Line, compat.Time(k.At)})
	}
	if d.Via != "" {
		v.Via, v.ViaLogin = m.s.Way(r.Actor, d)
	}
	return v
}

func managementRoutes(s Service) []route.Route {
	m := &management{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = tag
		return route.Route{Method: method, Path: "/api/v1/devices" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	return []route.Route{
		add(http.MethodGet, "", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List devices", CSV: true, Returns: route.Listed[View]{}, Fields: route.TableFields}),
		add(http.MethodPost, "", "device.put", m.create, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Create a device", Status: http.StatusCreated, Body: Body{}, Returns: View{}}),
		add(http.MethodGet, "/{name}", route.NoEvent, m.get, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Show a device", Returns: View{}}),
		add(http.MethodPut, "/{name}", "device.put", m.change, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Change a device", Text: "While secrets hang on it, a change of its address needs route.write.", Body: Body{}, Returns: View{}}),
		add(http.MethodPut, "/{name}/status", "device.status", m.status, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Enable a device, or disable it with its credentials", Body: StatusBody{}, Returns: View{}}),
		add(http.MethodPost, "/{name}/trust", "device.trusted", m.trust, route.Doc{Needs: route.Writes(model.ModulePAM, model.RouteWrite), Summary: "Pin SSH host keys", Body: TrustBody{}, Returns: View{}}),
	}
}

type management struct{ s Service }

func (m *management) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	all, err := m.s.Devices(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	page, err := route.Page(r, all, func(d model.Device) string { return string(d.ID) })
	if err != nil {
		return compat.Reply{}, err
	}
	out := route.Listed[View]{Items: []View{}, Next: page.Next}
	for i := range page.Items {
		out.Items = append(out.Items, m.view(r, &page.Items[i]))
	}
	return route.ListReply(r, out, strings.Fields(Columns), View.Row)
}

func (m *management) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	d, err := m.s.Device(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(m.view(r, d)), nil
}

func (m *management) create(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return m.put(ctx, r, "")
}

func (m *management) change(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return m.put(ctx, r, r.Param("name"))
}

func (m *management) put(ctx context.Context, r *route.Request, name string) (compat.Reply, error) {
	var b Body
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	p := Patch{Name: name, Create: name == "", Hostname: b.Hostname, IP: b.IP, Domain: b.Domain, Type: b.Type, Vendor: b.Vendor, Model: b.Model, Site: b.Site,
		Tags: b.Tags, CA: b.CA, InsecureTLS: b.InsecureTLS, Via: b.Via, ViaLogin: b.ViaLogin, Lanes: b.Lanes, Revision: b.Revision}
	if b.Connectivities != nil {
		list := []model.Connectivity{}
		for _, c := range *b.Connectivities {
			list = append(list, model.Connectivity(c))
		}
		p.Connectivities = &list
	}
	d, did, err := m.s.Put(ctx, r.Actor, r.At, p)
	if err != nil {
		return compat.Reply{}, err
	}
	reply := compat.JSON(m.view(r, &d))
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
	d, err := m.s.SetDeviceStatus(ctx, r.Actor, r.Param("name"), *b.Enabled)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(m.view(r, &d)), nil
}

func (m *management) trust(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b TrustBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	keys, err := readKeys(b.Keys)
	if err != nil {
		return compat.Reply{}, err
	}
	d, err := m.s.Trust(ctx, r.Actor, r.Param("name"), keys, b.Replace)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(m.view(r, &d)), nil
}

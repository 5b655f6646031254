package device

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

const tag = "device"

var bodyFields = []route.Field{
	{Name: "hostname", In: "body", Required: true, Text: "names the device: a known one is updated"},
	{Name: "ip", In: "body", Text: "needed for a new device"},
	{Name: "type", In: "body"}, {Name: "vendor", In: "body"}, {Name: "model", In: "body"}, {Name: "site", In: "body"},
	{Name: "device_domain", In: "body", Text: "domain is the same"}, {Name: "domain", In: "body"},
	{Name: "device_tags", In: "body", Text: "a text with commas or a list; tags is the same"}, {Name: "tags", In: "body"},
	{Name: "connectivities", In: "body", Text: "SSH:22,HTTPS:443"},
	{Name: "session_remote_config", In: "body", Text: "not kept: Cofre opens no proxy sessions"},
}

func vendorRoutes(s Service) []route.Route {
	v := &vendor{s}
	one := []route.Field{{Name: "device", Type: "object", Text: "beside response and inside it"}}
	return []route.Route{
		{Method: http.MethodGet, Path: "/iso/pam/device", Auth: route.Authenticated, Dialect: compat.Vendor, Event: route.NoEvent, Handle: v.list,
			Doc: route.Doc{Tag: tag, Needs: route.Reads(model.ModulePAM, ""), Summary: "List devices", Returns: []route.Field{{Name: "devices", Type: "array"}}}},
		{Method: http.MethodGet, Path: "/iso/pam/device/{id}", Auth: route.Authenticated, Dialect: compat.Vendor, Event: route.NoEvent, Handle: v.get,
			Doc: route.Doc{Tag: tag, Needs: route.Reads(model.ModulePAM, ""), Summary: "Show a device", Text: "Named by number or host name.", Returns: one}},
		{Method: http.MethodPost, Path: "/iso/pam/device", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "device.put", Handle: v.upsert,
			Doc: route.Doc{Tag: tag, Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Create or update a device", Text: "Found by host name. One that is inactive stays so, and `response.detail` says it. `response.changed` is \"false\" if it stood there just so.", Status: http.StatusCreated, Fields: bodyFields, Returns: one}},
		{Method: http.MethodPut, Path: "/iso/pam/device/{id}", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "device.status", Handle: v.activate,
			Doc: route.Doc{Tag: tag, Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Activate a device", Text: "Its credentials stay as they are.", Returns: one}},
		{Method: http.MethodDelete, Path: "/iso/pam/device/{id}", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "device.status", Handle: v.disable,
			Doc: route.Doc{Tag: tag, Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Deactivate a device and its credentials", Text: "Named by number or host name. Any body is ignored.", Returns: one}},
	}
}

type vendor struct{ s Service }

func shown(d *model.Device) compat.Object {
	tags := d.Tags
	if tags == nil {
		tags = []string{}
	}
	var list []string
	for _, c := range d.Connectivities {
		list = append(list, c.Protocol+":"+strconv.Itoa(int(c.Port)))
	}
	out := compat.Object{
		{Name: "id", Value: strconv.FormatUint(d.Number, 10)}, {Name: "hostname", Value: d.Hostname}, {Name: "ip", Value: d.IP}, {Name: "management_ip", Value: d.IP},
		{Name: "model", Value: d.Model}, {Name: "type", Value: d.Type}, {Name: "vendor", Value: d.Vendor}, {Name: "site", Value: d.Site}, {Name: "tags", Value: tags},
		{Name: "device_domain", Value: d.Domain}, {Name: "device_tags", Value: strings.Join(d.Tags, ",")}, {Name: "connectivities", Value: strings.Join(list, ",")},
		{Name: "session_remote_config", Value: nil}, {Name: "enabled", Value: d.Enabled},
	}
	if d.Lanes > 0 { // the vendor knows none
		out = append(out, compat.Member{Name: "lanes", Value: d.Lanes})
	}
	return out
}

func (v *vendor) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	all, err := v.s.Devices(r.Actor, r.At)
	if err != nil {
		return compat.Reply{}, err
	}
	all = slices.DeleteFunc(all, func(d model.Device) bool { return !d.Enabled })
	slices.SortFunc(all, func(a, b model.Device) int { return int(a.Number) - int(b.Number) })
	rows := make([]compat.Object, len(all))
	for i := range all {
		rows[i] = shown(&all[i])
	}
	return compat.OK(fmt.Sprintf("%d devices found", len(rows)), compat.Member{Name: "devices", Value: rows}), nil
}

func one(d *model.Device) compat.Member { return compat.Member{Name: "device", Value: shown(d)} }

func (v *vendor) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	d, err := v.s.Device(ctx, r.Actor, r.At, r.Param("id"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.OK(fmt.Sprintf("Device %d", d.Number), one(d)), nil
}

func (v *vendor) upsert(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	if err := in.Texts("hostname", "ip", "management_ip", "device_domain", "domain", "type", "vendor", "model", "site"); err != nil {
		return compat.Reply{}, err
	}
	p := Patch{Hostname: in.Pointer("hostname"), IP: in.Pointer("ip", "management_ip"), Domain: in.Pointer("device_domain", "domain"), Type: in.Pointer("type"),
		Vendor: in.Pointer("vendor"), Model: in.Pointer("model"), Site: in.Pointer("site"), NeedsAddress: true}
	if p.Tags, err = in.List("device_tags", "tags"); err != nil {
		return compat.Reply{}, err
	}
	list, err := in.List("connectivities")
	if err != nil {
		return compat.Reply{}, err
	}
	if list != nil {
		if p.Connectivities, err = parseConnectivities(*list); err != nil {
			return compat.Reply{}, err
		}
	}
	d, did, err := v.s.Put(ctx, r.Actor, r.At, p)
	if err != nil {
		return compat.Reply{}, err
	}
	message := "Device updated successfully!"
	if did == model.Created {
		message = "Device successfully registered!"
	}
	reply := compat.Put(message, did, one(&d))
	reply.Detail = compat.Hints(compat.NotKept(in.Said("session_remote_config")), compat.When(!d.Enabled, "the device is inactive: PUT activates it"))
	return reply, nil
}

// parseConnectivities reads SSH:22 and the like.
func parseConnectivities(list []string) (*[]model.Connectivity, error) {
	out := []model.Connectivity{}
	for _, s := range list {
		protocol, port, ok := strings.Cut(s, ":")
		n, err := strconv.ParseUint(strings.TrimSpace(port), 10, 16)
		if !ok || err != nil || n == 0 || strings.TrimSpace(protocol) == "" {
			return nil, model.Errorf(model.Invalid, "a connectivity is a protocol and a port such as SSH:22").WithField("connectivities")
		}
		out = append(out, model.Connectivity{Protocol: strings.ToUpper(strings.TrimSpace(protocol)), Port: uint16(n)})
	}
	return &out, nil
}

func (v *vendor) activate(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return v.status(ctx, r, true, "Device activated successfully!")
}

func (v *vendor) disable(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return v.status(ctx, r, false, "Device disabled successfully!")
}

func (v *vendor) status(ctx context.Context, r *route.Request, enabled bool, message string) (compat.Reply, error) {
	d, err := v.s.SetDeviceStatus(ctx, r.Actor, r.Param("id"), enabled)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.OK(message, one(&d)), nil
}

package credential

import (
	"strconv"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// number writes ids and counters as the vendor does: as text.
func number(n uint64) string { return strconv.FormatUint(n, 10) }

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// stamp is how the vendor's lists write a moment.
func stamp(t model.Time) any {
	if t == 0 {
		return nil
	}
	return t.Std().Format("2006-01-02 15:04:05")
}

// moment is ISO 8601 with Z, or null.
func moment(t model.Time) any {
	if t == 0 {
		return nil
	}
	return t.Std().Format("2006-01-02T15:04:05Z07:00")
}

// expiration is when the caller should read again: the planned change, else the end of its custody. Never null.
func expiration(i *Item) any {
	if i.Change != 0 && (i.Until == 0 || i.Change < i.Until) {
		return moment(i.Change)
	}
	return moment(i.Until)
}

func tags(t []string) []string {
	if t == nil {
		return []string{}
	}
	return t
}

// protocol is the connectivity that is shown for the whole device: the first.
func protocol(d *model.Device) (name, port any) {
	if len(d.Connectivities) == 0 {
		return nil, nil
	}
	return d.Connectivities[0].Protocol, strconv.Itoa(int(d.Connectivities[0].Port))
}

// listed is a row of the vendor's list, which the specification's clients read too.
func listed(r *route.Request, i *Item) compat.Object {
	c, d := &i.Credential, &i.Device
	proto, _ := protocol(d)
	return compat.Object{
		{Name: "id", Value: number(c.Number)}, {Name: "identifier", Value: c.Identifier}, {Name: "tag", Value: c.Identifier}, {Name: "username", Value: c.Username},
		{Name: "expiration", Value: moment(c.RotateAt)}, {Name: "change", Value: stamp(c.ChangedAt)}, {Name: "view", Value: stamp(c.LastRead())},
		{Name: "hostname", Value: d.Hostname}, {Name: "management_ip", Value: d.IP}, {Name: "ip", Value: d.IP},
		{Name: "type", Value: c.Type}, {Name: "type_code", Value: nil}, {Name: "credential_type", Value: c.Type},
		{Name: "device_model", Value: d.Model}, {Name: "device_type", Value: d.Type}, {Name: "device_vendor", Value: d.Vendor},
		{Name: "automatic_change", Value: r.Switch(c.Execution.Automatic)}, {Name: "connectivity", Value: proto}, {Name: "connectivity_code", Value: nil},
		{Name: "additional", Value: c.Additional}, {Name: "additional_info", Value: c.Additional}, {Name: "tags", Value: tags(c.Tags)},
	}
}

// detailed is the vendor's credential; password and content are there only if the secret was read.
func detailed(i *Item) compat.Object {
	c, d := &i.Credential, &i.Device
	_, port := protocol(d)
	var parentNumber, parentName any
	if i.Parent != nil {
		parentNumber, parentName = number(i.Parent.Number), i.Parent.Username
	}
	o := compat.Object{
		{Name: "id", Value: number(c.Number)}, {Name: "identifier", Value: c.Identifier}, {Name: "tag", Value: c.Identifier}, {Name: "username", Value: c.Username},
	}
	if i.Secret != nil {
		o = append(o, compat.Member{Name: "password", Value: compat.Secret{Value: *i.Secret}}, compat.Member{Name: "content", Value: compat.Secret{Value: *i.Secret}})
	}
	return append(o, compat.Object{
		{Name: "hostname", Value: d.Hostname}, {Name: "parent_credential_cod", Value: parentNumber}, {Name: "parent_credential", Value: parentName},
		{Name: "additional", Value: c.Additional}, {Name: "additional_info", Value: c.Additional}, {Name: "domain", Value: c.Domain}, {Name: "ip", Value: d.IP},
		{Name: "port", Value: port}, {Name: "model", Value: d.Model}, {Name: "type", Value: c.Type}, {Name: "credential_type", Value: c.Type},
		{Name: "tags", Value: tags(c.Tags)}, {Name: "expiration_time", Value: moment(i.Change)},
	}...)
}

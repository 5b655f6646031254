package dsm

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
)

// parts are the fields of a credential in the vendor's data: where they come from in the account, and the name under
// which they are returned without a label of their own.
var parts = []struct{ field, from, name string }{
	{"host", "hostname", "hostname"}, {"hostname", "hostname", "hostname"}, {"user", "username", "username"}, {"username", "username", "username"},
	{"password", "password", "password"}, {"additional_information", "additional", "additional_information"}, {"ip", "ip", "ip"}, {"domain", "domain", "domain"},
}

var errData = model.Errorf(model.Invalid, "data must hold texts by name, or the lists access_keys, credentials and key_value").WithField("data")

// readData reads the data of a secret in any of the vendor's shapes. nil: nothing was sent.
func readData(d compat.Document) ([]Data, error) {
	if d.Absent() {
		return nil, nil
	}
	out, err := documentData(d)
	if err != nil {
		p := Put{Data: out}
		p.wipe()
		return nil, err
	}
	return out, nil
}

func documentData(d compat.Document) ([]Data, error) {
	out := []Data{}
	if !d.IsObject() { // a list of objects, as answers show it
		for _, item := range d.Items() {
			if !item.IsObject() {
				return out, errData
			}
			if err := keyValues(&out, model.DSMKeyValue, "", item); err != nil {
				return out, err
			}
		}
		return out, nil
	}
	loose := Data{Kind: model.DSMKeyValue}
	for _, m := range d.Members() {
		var err error
		switch strings.ToLower(m.Name) {
		case "access_keys", "access_key":
			err = each(m.Document, "access_key", func(k compat.Document) error {
				return keyValues(&out, model.DSMAccessKey, k.Member("type").Text(), fieldsOf(k))
			})
		case "credentials", "credential":
			err = each(m.Document, "credential", func(c compat.Document) error { return account(&out, fieldsOf(c)) })
		case "key_value", "key_values":
			err = each(m.Document, "key_value", func(k compat.Document) error { return keyValues(&out, model.DSMKeyValue, "", fieldsOf(k)) })
		default:
			if v, ok := m.Secret(); ok {
				loose.Values = append(loose.Values, Value{Name: m.Name, Value: &v})
			} else if !m.Absent() {
				err = errData
			}
		}
		if err != nil {
			return append(out, loose), err
		}
	}
	if len(loose.Values) > 0 {
		out = append(out, loose)
	}
	return out, nil
}

// each calls f with the objects of a list, each bare or under a name of its own.
func each(d compat.Document, name string, f func(compat.Document) error) error {
	for _, item := range d.Items() {
		if inner := item.Member(name); inner.IsObject() {
			item = inner
		}
		if !item.IsObject() {
			return errData
		}
		if err := f(item); err != nil {
			return err
		}
	}
	return nil
}

func fieldsOf(d compat.Document) compat.Document {
	if f := d.Member("fields"); f.IsObject() {
		return f
	}
	return d
}

const label = "_label"

// keyValues reads the texts of an object but those of some names; "x_label" renames "x".
func keyValues(out *[]Data, kind model.DSMKind, of string, d compat.Document, but ...string) error {
	e := Data{Kind: kind, Type: of}
	*out = append(*out, e)
	last := &(*out)[len(*out)-1]
	for _, m := range d.Members() {
		base, renames := strings.CutSuffix(m.Name, label)
		if renames && !d.Member(base).Absent() || m.Absent() || slices.Contains(but, strings.ToLower(base)) {
			continue
		}
		v, ok := m.Secret()
		if !ok {
			return errData
		}
		name := m.Name
		if l := d.Member(name + label).Text(); l != "" {
			name = l
		}
		last.Values = append(last.Values, Value{Name: name, Value: &v})
	}
	if len(last.Values) == 0 {
		*out = (*out)[:len(*out)-1]
	}
	return nil
}

// account reads a credential: matched with a registered account by user and host, else values like all others. What is no part
// of an account, such as a port, stands beside it.
func account(out *[]Data, d compat.Document) error {
	e := Data{Kind: model.DSMCredential, Match: true}
	before := len(*out)
	var user, host string
	var names []string
	for _, p := range parts {
		names = append(names, p.field)
		m := d.Member(p.field)
		if m.Absent() {
			continue
		}
		v, ok := m.Secret()
		if !ok {
			*out = append(*out, e) // to be wiped
			return errData
		}
		name := p.name
		if l := d.Member(p.field + label).Text(); l != "" {
			name = l
		}
		e.Values = append(e.Values, Value{Name: name, From: p.from, Value: &v})
		switch p.from {
		case "username":
			user = m.Text()
		case "hostname":
			host = m.Text()
		}
	}
	if user != "" && host != "" {
		e.Account = user + "@" + host
	}
	if len(e.Values) > 0 {
		*out = append(*out, e)
	}
	if err := keyValues(out, model.DSMKeyValue, "", d, names...); err != nil {
		return err
	}
	if len(*out) == before {
		return errData
	}
	return nil
}

// readMinutes reads an interval: nothing leaves it as it is, an empty list or false switches it off.
func readMinutes(in *compat.Input, name string) (*int64, error) {
	list, err := in.List(name)
	if err != nil || list == nil {
		return nil, err
	}
	var off int64
	if len(*list) == 0 || (*list)[0] == "false" {
		return &off, nil
	}
	n, err := strconv.ParseUint((*list)[0], 10, 31)
	if err != nil || len(*list) > 1 {
		return nil, model.Errorf(model.Invalid, "%s is a number of minutes", name).WithField(name)
	}
	ms := int64(n) * time.Minute.Milliseconds()
	return &ms, nil
}

// readEphemeral reads the interval of dynamic users. Keys of clouds are such users: one interval holds for both, under either
// name. Of two, one that is off says nothing.
func readEphemeral(in *compat.Input) (*int64, error) {
	users, err := readMinutes(in, "renew_ephemeral_credential_time")
	if err != nil {
		return nil, err
	}
	keys, err := readMinutes(in, "renew_cloud_time")
	switch {
	case err != nil:
		return nil, err
	case keys == nil || users != nil && *keys == 0:
		return users, nil
	case users != nil && *users != 0 && *users != *keys:
		return nil, model.Errorf(model.Invalid, "keys of clouds and other dynamic users of a secret are renewed together: send the same time").WithField("renew_cloud_time")
	}
	return keys, nil
}

// readPut reads a secret to put by one of the vendor's routes.
func readPut(in *compat.Input) (Put, error) {
	if err := in.Texts("identity", "identifier", "name", "engine", "description"); err != nil {
		return Put{}, err
	}
	p := Put{Through: model.ModuleSecrets, Identity: in.Text("identity", "identifier"), Title: in.Pointer("name"), Engine: in.Pointer("engine"), Description: in.Pointer("description")}
	if p.Identity == "" {
		p.Identity = in.Text("name")
	}
	var err error
	if p.RenewCredential, err = readMinutes(in, "renew_credential_time"); err != nil {
		return p, err
	}
	if p.RenewEphemeral, err = readEphemeral(in); err != nil {
		return p, err
	}
	if p.ExpiresAt, err = in.Moment("expiration_date"); err != nil {
		return p, err
	}
	if p.Tags, err = in.List("tags"); err != nil {
		return p, err
	}
	d, err := in.Document("data")
	if err != nil {
		return p, err
	}
	p.Data, err = readData(d)
	return p, err
}

package edge

import (
	"context"

	"cofre/fsm/credential"
	"cofre/fsm/model"
	"cofre/httpapi/manifest"
	"cofre/vault/access"
)

// manifests adapts access to the labels of manifests.
type manifests struct{ access *access.Service }

// Labelled looks through what the caller may see; what it may not list at all does not belong to its manifest.
func (m *manifests) Labelled(_ context.Context, actor model.Actor, at model.Time, label string) ([]manifest.Object, error) {
	out := []manifest.Object{}
	credentials, err := m.access.List(actor, at, access.ListFilter{Disabled: true})
	if err != nil {
		return nil, err
	}
	for _, c := range credentials {
		if c.Credential.Manifest == label {
			out = append(out, manifest.Object{Kind: "credential", ID: string(c.Credential.ID), Name: c.Credential.Identifier, Enabled: c.Credential.Enabled})
		}
	}
	devices, err := m.access.Devices(actor, at)
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		if d.Manifest == label {
			out = append(out, manifest.Object{Kind: "device", ID: string(d.ID), Name: d.Hostname, Enabled: d.Enabled})
		}
	}
	policies, err := m.access.Policies(actor, at)
	if err != nil {
		return nil, err
	}
	for _, p := range policies {
		if p.Manifest == label {
			out = append(out, manifest.Object{Kind: "policy", ID: string(p.ID), Name: p.Name, Enabled: p.Enabled})
		}
	}
	templates, err := m.access.Templates(actor, at)
	if err != nil {
		return nil, err
	}
	for _, t := range templates {
		if t.Manifest == label {
			out = append(out, manifest.Object{Kind: "template", ID: string(t.ID), Name: t.Name, Within: string(t.Executor), Enabled: t.Active})
		}
	}
	automations, err := m.automations(actor, at)
	if err != nil {
		return nil, err
	}
	for _, a := range automations {
		if a.Manifest == label {
			out = append(out, manifest.Object{Kind: "secret-automation", ID: string(a.ID), Name: a.Name, Enabled: a.Enabled})
		}
	}
	clients, err := m.clients(actor, at, label)
	return append(out, clients...), err
}

// automations are those of secrets; who may not list them has none.
func (m *manifests) automations(actor model.Actor, at model.Time) ([]model.DSMAutomation, error) {
	all, err := m.access.DSMAutomations(actor, at, 0, 0)
	if model.Is(err, model.Denied) {
		return nil, nil
	}
	rows := make([]model.DSMAutomation, len(all))
	for i := range all {
		rows[i] = all[i].Row
	}
	return rows, err
}

// clients are applications and authorizations, which only some callers may list.
func (m *manifests) clients(actor model.Actor, at model.Time, label string) ([]manifest.Object, error) {
	applications, err := m.access.Applications(actor, at)
	if model.Is(err, model.Denied) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []manifest.Object
	names := map[model.ApplicationID]string{}
	for _, a := range applications {
		names[a.ID] = a.Name
		if a.Manifest == label {
			out = append(out, manifest.Object{Kind: "application", ID: string(a.ID), Name: a.Name, Enabled: a.Enabled})
		}
	}
	authorizations, err := m.access.Authorizations(actor, at, "")
	if err != nil {
		return nil, err
	}
	for _, a := range authorizations {
		if a.Manifest == label {
			out = append(out, manifest.Object{Kind: "authorization", ID: string(a.ID), Name: a.Name, Within: names[a.Application], Enabled: a.Enabled})
		}
	}
	return out, nil
}

// Label changes only the label of an object; the reducers decide whether the caller may change it.
func (m *manifests) Label(ctx context.Context, actor model.Actor, at model.Time, label, kind, id string) error {
	switch kind {
	case "credential":
		_, err := m.access.PutCredential(ctx, actor, at, credential.PutArgs{ID: model.CredentialID(id), Manifest: &label}, nil, nil)
		return err
	case "device":
		return relabel(m.access.Devices, id, actor, at, func(d model.Device) error {
			d.Manifest = label
			_, err := m.access.PutDevice(ctx, actor, d, false)
			return err
		}, func(d *model.Device) string { return string(d.ID) })
	case "policy":
		return relabel(m.access.Policies, id, actor, at, func(p model.Policy) error {
			p.Manifest = label
			_, err := m.access.PutPolicy(ctx, actor, p)
			return err
		}, func(p *model.Policy) string { return string(p.ID) })
	case "application":
		return relabel(m.access.Applications, id, actor, at, func(a model.Application) error {
			a.Manifest = label
			_, err := m.access.PutApplication(ctx, actor, a)
			return err
		}, func(a *model.Application) string { return string(a.ID) })
	case "secret-automation":
		return relabel(m.automations, id, actor, at, func(a model.DSMAutomation) error {
			a.Manifest = label
			_, err := m.access.PutDSMAutomation(ctx, actor, a)
			return err
		}, func(a *model.DSMAutomation) string { return string(a.ID) })
	case "authorization":
		all := func(actor model.Actor, at model.Time) ([]model.Authorization, error) {
			return m.access.Authorizations(actor, at, "")
		}
		return relabel(all, id, actor, at, func(a model.Authorization) error {
			a.Manifest = label
			_, _, err := m.access.PutAuthorization(ctx, actor, a, false, at)
			return err
		}, func(a *model.Authorization) string { return string(a.ID) })
	}
	return model.Errorf(model.Invalid, "objects of this kind take no label").WithField("kind")
}

// relabel finds an object by id and puts it back changed.
func relabel[T any](all func(model.Actor, model.Time) ([]T, error), id string, actor model.Actor, at model.Time, put func(T) error, idOf func(*T) string) error {
	list, err := all(actor, at)
	if err != nil {
		return err
	}
	for i := range list {
		if idOf(&list[i]) == id {
			return put(list[i])
		}
	}
	return model.Errorf(model.NotFound, "there is no such object")
}

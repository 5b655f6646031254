package dsm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

const tag = "dsm"

const conditional = "The answer has an ETag; a read with If-None-Match of it answers 304 without a body while nothing has changed."

var putFields = []route.Field{
	{Name: "identity", In: "body", Text: "what clients ask for; a new secret needs it; identifier is the same"},
	{Name: "identifier", In: "body"}, {Name: "name", In: "body"}, {Name: "engine", In: "body", Text: "Generic by default"}, {Name: "description", In: "body"},
	{Name: "expiration_date", In: "body", Text: "2026-01-31 12:00:00, UTC; empty: never"}, {Name: "tags", In: "body", Type: "array"},
	{Name: "data", In: "body", Type: "object", Text: "an object, its JSON, or the base64 of its JSON: access_keys, credentials and key_value, or texts by name"},
	{Name: "renew_ephemeral_credential_time", In: "body", Type: "integer", Text: "minutes after which readers get new dynamic users, 10 at least; an empty list: never; absent: as it is"},
	{Name: "renew_cloud_time", In: "body", Type: "integer", Text: "the same interval, which holds for keys of clouds too"}, {Name: "renew_credential_time", In: "body", Type: "integer", Text: "minutes after which the accounts that it refers to are changed; the answer then names who read them lately"},
}

func vendorRoutes(s Service) []route.Route {
	v := &vendor{s}
	all := []route.Field{{Name: "application", Type: "object", Text: "name, description, tags, system, environment, secrets"}}
	renewed := append(all[:len(all):len(all)], route.Field{Name: "recent_readers", Type: "array", Text: "with renew_credential_time: who read the accounts lately (authorization, at)"},
		route.Field{Name: "recent_readers_since", Text: "how far back that looks, 7 days at most"})
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = tag
		return route.Route{Method: method, Path: path, Auth: route.Authenticated, Dialect: compat.Vendor, Event: event, Doc: d, Handle: h}
	}
	list := append(append(pipelineRoutes(v), provisionRoutes(v)...), []route.Route{
		add(http.MethodGet, "/iso/dapp/application", "dsm.read", v.application, route.Doc{Needs: route.Reads(model.ModuleApplication, model.SecretRead), Summary: "Read every secret of the calling authorization",
			Text: "Takes no custody and changes nothing. Module Application. One audit event lists secrets and versions. " + conditional, Returns: all}),
		add(http.MethodGet, "/iso/sctm/secret", "dsm.read", v.secrets, route.Doc{Needs: route.Reads(model.ModuleSecrets, model.SecretRead), Summary: "Read every secret of the calling authorization, as a list",
			Text: "As GET /iso/dapp/application, with the module Secrets Management. " + conditional, Returns: []route.Field{{Name: "secrets", Type: "array"}}}),
		add(http.MethodPost, "/iso/sctm/secret", "dsm.put", v.put, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Create or update a secret of the calling authorization",
			Text: "Found by identity. A credential whose user and host are registered becomes a reference, which needs the right to read it; the value that was sent never replaces its own.", Status: http.StatusCreated, Fields: putFields, Returns: renewed}),
		add(http.MethodGet, "/api/dsm/secret", route.NoEvent, v.list, route.Doc{Needs: route.Reads(model.ModuleSecrets, ""), Summary: "List secrets, without values", Fields: []route.Field{{Name: "application", In: "query", Text: "only those of this application"}}, Returns: []route.Field{{Name: "secrets", Type: "array"}}}),
		add(http.MethodGet, "/api/dsm/secret/{identifier}", "dsm.read", v.open, route.Doc{Needs: route.Reads(model.ModuleSecrets, model.SecretRead), Summary: "Read one secret", Text: "By number, id or identity: the caller's own first, then those shared with it, then those that it reaches. If several answer to an identity: 409, with their numbers. " + conditional, Returns: []route.Field{{Name: "secret", Type: "object"}}}),
		add(http.MethodPost, "/api/dsm/secret", "dsm.put", v.create, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Create a secret of an application", Text: "Of the calling authorization, unless application, system and environment name another that it made or manages.",
			Status: http.StatusCreated, Fields: append(putFields[:len(putFields):len(putFields)], route.Field{Name: "application", In: "body"}, route.Field{Name: "system", In: "body"}, route.Field{Name: "environment", In: "body"}), Returns: []route.Field{{Name: "secret", Type: "object"}}}),
		add(http.MethodPut, "/api/dsm/secret/{identifier}", "dsm.put", v.update, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Change a secret", Text: "data becomes its next version. Without any field a disabled secret is enabled again.", Fields: putFields, Returns: []route.Field{{Name: "secret", Type: "object"}}}),
		add(http.MethodDelete, "/api/dsm/secret/{identifier}", "dsm.status", v.disable, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Disable a secret", Text: "Every version is kept."}),
	}...)
	for i := range list {
		if list[i].Event == "dsm.read" {
			list[i].Waits = MaxWait
		}
	}
	return list
}

type vendor struct{ s Service }

func (v *vendor) application(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := v.s.Read(ctx, r.Actor, model.ModuleApplication, r.Known())
	if err != nil {
		return compat.Reply{}, err
	}
	if a.Unchanged {
		return compat.Unchanged(a.Tag), nil
	}
	return compat.OK("Application "+a.Application.Name, applicationMember(a)).Tagged(a.Tag), nil
}

func (v *vendor) secrets(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := v.s.Read(ctx, r.Actor, model.ModuleSecrets, r.Known())
	if err != nil {
		return compat.Reply{}, err
	}
	if a.Unchanged {
		return compat.Unchanged(a.Tag), nil
	}
	return compat.OK(fmt.Sprintf("%d secrets found", len(a.Secrets)), compat.Member{Name: "secrets", Value: listed(a.Secrets)}).Tagged(a.Tag), nil
}

func (v *vendor) put(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	p, err := readPut(in)
	defer p.wipe()
	if err != nil {
		return compat.Reply{}, err
	}
	done, err := v.s.Put(ctx, r.Actor, p)
	if err != nil {
		return compat.Reply{}, asSent(err)
	}
	a, err := v.s.Caller(r.Actor)
	if err != nil {
		return compat.Reply{}, err
	}
	a.Secrets = []Item{*v.opened(ctx, r, done.Item)}
	message := "Secret updated successfully."
	if done.Created {
		message = "Secret created successfully."
	}
	reply := compat.Created(message, append(recentReaders(done), applicationMember(a))...)
	reply.Detail = stays(r, done)
	return reply, nil
}

// opened reads what was just put, as an audited read like every other; a caller that may not read sees no values.
func (v *vendor) opened(ctx context.Context, r *route.Request, i *Item) *Item {
	if o, err := v.s.Open(ctx, r.Actor, string(i.Secret.ID), nil); err == nil {
		return o
	}
	return i
}

func (v *vendor) list(ctx context.Context, r *route.Request) (compat.Reply, error) {
	items, err := v.s.List(ctx, r.Actor, r.At, Filter{Application: r.Query("application")})
	if err != nil {
		return compat.Reply{}, err
	}
	rows := make([]compat.Object, len(items))
	for i := range items {
		rows[i] = described(&items[i])
	}
	return compat.OK(fmt.Sprintf("%d secrets found", len(rows)), compat.Member{Name: "secrets", Value: rows}), nil
}

func (v *vendor) open(ctx context.Context, r *route.Request) (compat.Reply, error) {
	item, err := v.s.Open(ctx, r.Actor, r.Param("identifier"), r.Known())
	if err != nil {
		return compat.Reply{}, err
	}
	if item.Unchanged {
		return compat.Unchanged(item.Tag), nil
	}
	return compat.OK("Secret "+item.Secret.Identity, secretMember(item)).Tagged(item.Tag), nil
}

func (v *vendor) create(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return v.change(ctx, r, "")
}

func (v *vendor) update(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return v.change(ctx, r, r.Param("identifier"))
}

func (v *vendor) change(ctx context.Context, r *route.Request, name string) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	if name != "" && in.Empty() { // as for credentials and keys
		item, err := v.s.SetStatus(ctx, r.Actor, name, true)
		if err != nil {
			return compat.Reply{}, err
		}
		return compat.OK("Secret activated successfully.", secretMember(v.opened(ctx, r, item))), nil
	}
	p, err := readPut(in)
	defer p.wipe()
	if err != nil {
		return compat.Reply{}, err
	}
	p.Name, p.Create = name, name == ""
	p.Owner = Owner{Application: in.Text("application"), System: in.Text("system"), Environment: in.Text("environment")}
	done, err := v.s.Put(ctx, r.Actor, p)
	if err != nil {
		return compat.Reply{}, asSent(err)
	}
	reply := compat.OK("Secret updated successfully.", append(recentReaders(done), secretMember(v.opened(ctx, r, done.Item)))...)
	if name == "" {
		reply.Status, reply.Message = http.StatusCreated, "Secret created successfully."
	}
	reply.Detail = stays(r, done)
	return reply, nil
}

// asSent names a field as the vendor's clients send it.
func asSent(err error) error {
	names := map[string]string{"renew_credential": "renew_credential_time", "renew_ephemeral": "renew_ephemeral_credential_time"}
	var e *model.Error
	if errors.As(err, &e) && names[e.Field] != "" {
		named := *e
		return named.WithField(names[e.Field])
	}
	return err
}

// stays says that nobody reads what was put.
func stays(r *route.Request, d Done) string {
	return compat.When(!d.Item.Secret.Active(r.At), "the secret is inactive, or its expiration_date is over: nobody reads it")
}

// recentReaders tells whoever has accounts renewed who read them lately: each change may stop those.
func recentReaders(d Done) []compat.Member {
	if d.Since == 0 {
		return nil
	}
	rows := make([]compat.Object, len(d.Readers))
	for i, r := range d.Readers {
		rows[i] = compat.Object{{Name: "authorization", Value: r.Authorization}, {Name: "at", Value: r.At.String()}}
	}
	return []compat.Member{{Name: "recent_readers", Value: rows}, {Name: "recent_readers_since", Value: d.Since.String()}}
}

func (v *vendor) disable(ctx context.Context, r *route.Request) (compat.Reply, error) {
	item, err := v.s.SetStatus(ctx, r.Actor, r.Param("identifier"), false)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.OK("Secret disabled successfully.", compat.Member{Name: "secret", Value: described(item)}), nil
}

func applicationMember(a *Application) compat.Member {
	var description any
	if a.Application.Description != "" {
		description = a.Application.Description
	}
	return compat.Member{Name: "application", Value: compat.Object{
		{Name: "name", Value: a.Application.Name}, {Name: "description", Value: description}, {Name: "tags", Value: append([]string{}, a.Application.Tags...)},
		{Name: "system", Value: a.Authorization.System}, {Name: "environment", Value: a.Authorization.Environment}, {Name: "secrets", Value: listed(a.Secrets)},
	}}
}

// described is a secret without its values; every member is a text, because clients decode them so.
func described(i *Item) compat.Object {
	s := &i.Secret
	expires := ""
	if s.ExpiresAt != 0 {
		expires = s.ExpiresAt.Std().UTC().Format("2006-01-02 15:04:05")
	}
	return compat.Object{
		{Name: "secret_id", Value: strconv.FormatUint(s.Number, 10)}, {Name: "secret_name", Value: s.Name}, {Name: "identity", Value: s.Identity}, {Name: "identifier", Value: s.Identity},
		{Name: "version", Value: strconv.FormatUint(s.Version, 10)}, {Name: "expiration_date", Value: expires}, {Name: "engine", Value: s.Engine}, {Name: "description", Value: s.Description},
	}
}

// listed shows secrets with their data as a list of objects of texts: any other value fails the client's whole list.
func listed(items []Item) []compat.Object {
	out := make([]compat.Object, len(items))
	for i := range items {
		rows := []compat.Object{}
		for _, e := range items[i].Entries {
			rows = append(rows, texts(e))
		}
		out[i] = append(described(&items[i]), compat.Member{Name: "data", Value: rows})
	}
	return out
}

func texts(e Entry) compat.Object {
	o := compat.Object{}
	for _, f := range e.Fields {
		o = append(o, compat.Member{Name: f.Name, Value: compat.Secret{Value: f.Value}})
	}
	return o
}

// secretMember shows one secret in the specification's dialect: data is one object, in which a later value of a name wins.
func secretMember(i *Item) compat.Member {
	flat := compat.Object{}
	for _, e := range i.Entries {
		for _, f := range e.Fields {
			flat = set(flat, compat.Member{Name: f.Name, Value: compat.Secret{Value: f.Value}})
		}
	}
	return compat.Member{Name: "secret", Value: append(described(i), compat.Member{Name: "data", Value: flat})}
}

func set(o compat.Object, m compat.Member) compat.Object {
	for i := range o {
		if o[i].Name == m.Name {
			if old, ok := o[i].Value.(compat.Secret); ok {
				old.Value.Wipe()
			}
			o[i] = m
			return o
		}
	}
	return append(o, m)
}

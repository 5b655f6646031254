package credential

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

const tag = "credential"

func vendorRoutes(s Service) []route.Route {
	v := &vendor{s}
	named := "by number, identifier, or user@host"
	shown := []route.Field{{Name: "credential", Type: "object", Text: "beside response and inside it"}}
	senha := route.Doc{
		Tag: tag, Needs: route.Reads(model.ModulePAM, model.SecretRead), Summary: "Read the password of a credential", Text: "Takes custody, like GET /iso/pam/credential/{id}. The id stands in the path, the query, or a form body.",
		Returns: []route.Field{{Name: "credential", Type: "object", Text: "id, password, expiration and more"}, {Name: "senha", Type: "object", Text: "username, senha"}},
	}
	asked := senha
	asked.Fields = []route.Field{{Name: "credentialid", In: "body", Text: named}, {Name: "credential_id", In: "body"}}
	return []route.Route{
		{Method: http.MethodGet, Path: "/iso/pam/credential", Auth: route.Authenticated, Dialect: compat.Vendor, Event: route.NoEvent, Handle: v.list,
			Doc: route.Doc{Tag: tag, Needs: route.Reads(model.ModulePAM, ""), Summary: "List credentials", Returns: []route.Field{{Name: "credentials", Type: "array"}}}},
		{Method: http.MethodGet, Path: "/iso/pam/credential/{id}", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "credential.read", Handle: v.read,
			Doc: route.Doc{Tag: tag, Needs: route.Reads(model.ModulePAM, ""), Summary: "Read a credential with its password", Text: "Named " + named + ". Takes custody. A caller without secret.read gets the same without password and content, and takes no custody.", Fields: []route.Field{{Name: "credential", In: "query", Text: "ignored: some clients name the credential here again"}}, Returns: shown}},
		{Method: http.MethodPost, Path: "/iso/pam/credential", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "credential.put", Handle: v.upsert,
			Doc: route.Doc{Tag: tag, Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Create or update a credential", Text: "Found by identifier, else by device and user name. `response.detail` lists settings that were sent and have no place here, and says if the credential is inactive; `response.changed` is \"false\" if it stood there just so.", Status: http.StatusCreated, Fields: bodyFields, Returns: shown}},
		{Method: http.MethodPut, Path: "/iso/pam/credential/{id}", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "credential.put", Handle: v.update,
			Doc: route.Doc{Tag: tag, Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Activate or update a credential", Text: "An empty body or {} activates; otherwise the fields that are sent change.", Fields: bodyFields, Returns: shown}},
		{Method: http.MethodDelete, Path: "/iso/pam/credential/{id}", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "credential.status", Handle: v.disable,
			Doc: route.Doc{Tag: tag, Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Deactivate a credential", Text: "Every secret version is kept. Any body is ignored."}},
		{Method: http.MethodDelete, Path: "/iso/pam/credential/custody/{id}", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "credential.released", Handle: v.release,
			Doc: route.Doc{Tag: tag, Needs: route.Reads(model.ModulePAM, ""), Summary: "Release custody", Text: "The last holder's release starts the change that the policy asks for."}},
		{Method: http.MethodGet, Path: "/iso/coe/senha", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "credential.read", Handle: v.senha, Doc: asked},
		{Method: http.MethodGet, Path: "/iso/coe/senha/{id}", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "credential.read", Handle: v.senha, Doc: senha},
	}
}

type vendor struct{ s Service }

func (v *vendor) list(ctx context.Context, r *route.Request) (compat.Reply, error) {
	items, err := v.s.List(ctx, r.Actor, r.At, Filter{})
	if err != nil {
		return compat.Reply{}, err
	}
	rows := make([]compat.Object, len(items))
	for i := range items {
		rows[i] = listed(r, &items[i])
	}
	return compat.OK(fmt.Sprintf("%d credentials found", len(rows)), compat.Member{Name: "credentials", Value: rows}), nil
}

func (v *vendor) read(ctx context.Context, r *route.Request) (compat.Reply, error) {
	item, err := v.s.Read(ctx, r.Actor, r.At, r.Param("id"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.OK(fmt.Sprintf("Credential %d", item.Credential.Number), compat.Member{Name: "credential", Value: detailed(item)}), nil
}

func (v *vendor) senha(ctx context.Context, r *route.Request) (compat.Reply, error) {
	name := r.Param("id")
	if name == "" {
		in, err := r.Input()
		if err != nil {
			return compat.Reply{}, err
		}
		if err := in.Texts("credentialid", "credential_id", "id"); err != nil {
			return compat.Reply{}, err
		}
		if name = in.Text("credentialid", "credential_id", "id"); name == "" {
			return compat.Reply{}, model.Errorf(model.Invalid, "credentialId was not informed").WithCode(1007).WithField("credentialId")
		}
	}
	item, err := v.s.Open(ctx, r.Actor, name)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.OK(fmt.Sprintf("Credential %d", item.Credential.Number),
		compat.Member{Name: "credential", Value: append(detailed(item), compat.Member{Name: "expiration", Value: expiration(item)})},
		compat.Member{Name: "senha", Value: compat.Object{
			{Name: "id", Value: number(item.Credential.Number)}, {Name: "username", Value: item.Credential.Username},
			{Name: "senha", Value: compat.Secret{Value: *item.Secret}}, {Name: "hostname", Value: item.Device.Hostname},
		}}), nil
}

func (v *vendor) upsert(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	p, err := readPut(in)
	defer p.wipe()
	if err != nil {
		return compat.Reply{}, err
	}
	item, did, err := v.s.Put(ctx, r.Actor, r.At, p)
	if err != nil {
		return compat.Reply{}, err
	}
	message := "Credential updated successfully!"
	if did == model.Created {
		message = "Credential successfully registered!"
	}
	reply := compat.Put(message, did, compat.Member{Name: "credential", Value: detailed(item)})
	reply.Detail = detail(in, item)
	return reply, nil
}

func (v *vendor) update(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	if in.Empty() {
		return v.setStatus(ctx, r, true, "Credential activated successfully!")
	}
	p, err := readPut(in)
	defer p.wipe()
	if err != nil {
		return compat.Reply{}, err
	}
	p.Name = r.Param("id")
	item, _, err := v.s.Put(ctx, r.Actor, r.At, p)
	if err != nil {
		return compat.Reply{}, err
	}
	reply := compat.OK("Credential updated successfully!", compat.Member{Name: "credential", Value: detailed(item)})
	reply.Detail = detail(in, item)
	return reply, nil
}

func (v *vendor) disable(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return v.setStatus(ctx, r, false, "Credential disabled successfully!")
}

func (v *vendor) setStatus(ctx context.Context, r *route.Request, enabled bool, message string) (compat.Reply, error) {
	if i, err := v.s.Describe(ctx, r.Actor, r.At, r.Param("id")); err == nil && i.Key != nil { // other errors are SetStatus's to find
		return compat.Reply{}, model.Errorf(model.Invalid, "The item is not a credential: /pam/key enables and disables SSH keys").WithCode(1010)
	}
	if _, err := v.s.SetStatus(ctx, r.Actor, r.Param("id"), enabled); err != nil {
		return compat.Reply{}, err
	}
	item, err := v.s.Describe(ctx, r.Actor, r.At, r.Param("id"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.OK(message, compat.Member{Name: "credential", Value: detailed(item)}), nil
}

func (v *vendor) release(ctx context.Context, r *route.Request) (compat.Reply, error) {
	rel, err := v.s.Release(ctx, r.Actor, r.Param("id"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.OK(fmt.Sprintf("Credential custody %d released", rel.Number),
		compat.Member{Name: "operation", Value: orNull(text(rel.Operation))}), nil
}

// text is a number as the vendor's dialect writes it; "" for none.
func text(n *uint64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatUint(*n, 10)
}

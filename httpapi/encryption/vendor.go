package encryption

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

func vendorRoutes(s Service) []route.Route {
	v := &vendor{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = tag
		return route.Route{Method: method, Path: "/iso/sctm/encryption" + path, Auth: route.Authenticated, Dialect: compat.Vendor, Event: event, Doc: d, Handle: h}
	}
	one := []route.Field{{Name: "id"}, {Name: "encryption_key", Type: "object", Text: "without its material"}}
	fields := []route.Field{
		{Name: "name", In: "body", Required: true, Text: "free text of at most 255 bytes without '/' and '*'; not purely numeric"}, {Name: "description", In: "body"},
		{Name: "algorithm", In: "body", Required: true, Text: "aes128-gcm96, aes256-gcm96, rsa-2048, rsa-3072, rsa-4096, rsa-pss-2048, rsa-pss-3072, rsa-pss-4096, ecdsa-p256, ecdsa-p384 or ecdsa-p521; never changes"},
		{Name: "expiration_date", In: "body", Text: "like 2026-01-31 12:00:00, UTC; empty: never"}, {Name: "tags", In: "body", Type: "array"},
	}
	use := func(value string) []route.Field {
		return []route.Field{{Name: "key", In: "body", Required: true, Text: "number or name"}, {Name: "version", In: "body", Type: "integer", Text: "of the key; absent: the newest, or the one that encrypted"}, {Name: "value", In: "body", Required: true, Text: value}}
	}
	return []route.Route{
		add(http.MethodGet, "/key", route.NoEvent, v.list, route.Doc{Needs: route.Reads(model.ModuleSecrets, ""), Summary: "List encryption keys", Text: "Those that the caller may use or manage.", Returns: []route.Field{{Name: "encryption_keys", Type: "array"}}}),
		add(http.MethodPost, "/key", "encryption.put", v.create, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Make an encryption key", Status: http.StatusCreated, Fields: fields, Returns: one}),
		add(http.MethodGet, "/key/{id}", route.NoEvent, v.get, route.Doc{Needs: route.Reads(model.ModuleSecrets, ""), Summary: "Show an encryption key", Returns: one}),
		add(http.MethodPut, "/key/{id}", "encryption.put", v.update, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Change an encryption key", Text: "Its algorithm never changes.", Returns: one,
			Fields: append(fields[:len(fields):len(fields)], route.Field{Name: "enabled", In: "body", Type: "boolean"})}),
		add(http.MethodDelete, "/key/{id}", "encryption.status", v.disable, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Disable an encryption key", Text: "Every version is kept, because data hang on them. Any body is ignored.", Returns: one}),
		add(http.MethodPost, "/encrypt", "encryption.used", v.encrypt, route.Doc{Needs: route.Reads(model.ModuleSecrets, model.SecretRead), Summary: "Encrypt a text", Fields: use("text of at most 64 KiB; with RSA, what fits into the key"), Returns: []route.Field{{Name: "encrypted_value", Text: "base64"}, {Name: "version"}}}),
		add(http.MethodPost, "/decrypt", "encryption.used", v.decrypt, route.Doc{Needs: route.Reads(model.ModuleSecrets, model.SecretRead), Summary: "Decrypt a text", Fields: use("base64, also URL-safe or without padding"), Returns: []route.Field{{Name: "encrypted_value", Text: "the text, under the same name as with encrypt"}, {Name: "version"}}}),
	}
}

type vendor struct{ s Service }

// object is a key as the vendor's releases write it that have the prefix of the request.
func object(r *route.Request, i *Item) compat.Object {
	k, layout := &i.Key, time.RFC3339
	if r.Former() {
		layout = "01/02/2006 15:04:05"
	}
	var expires any
	if k.ExpiresAt != 0 {
		expires = k.ExpiresAt.Std().UTC().Format(layout)
	}
	return compat.Object{
		{Name: "id", Value: strconv.FormatUint(k.Number, 10)}, {Name: "name", Value: k.Name}, {Name: "description", Value: k.Description}, {Name: "algorithm", Value: string(k.Algorithm)},
		{Name: "expiration_date", Value: expires}, {Name: "enabled", Value: r.Switch(k.Enabled)}, {Name: "version", Value: strconv.FormatUint(k.LastN, 10)}, {Name: "tags", Value: append([]string{}, k.Tags...)},
	}
}

func reply(r *route.Request, i *Item, text string) compat.Reply {
	return compat.OK(text, compat.Member{Name: "id", Value: strconv.FormatUint(i.Key.Number, 10)}, compat.Member{Name: "encryption_key", Value: object(r, i)})
}

func (v *vendor) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	all, err := v.s.List(r.Actor, r.At, true, 0, 0)
	if err != nil {
		return compat.Reply{}, err
	}
	rows := make([]compat.Object, len(all))
	for i := range all {
		rows[i] = object(r, &all[i])
	}
	return compat.OK(fmt.Sprintf("%d encryption keys found", len(rows)), compat.Member{Name: "encryption_keys", Value: rows}), nil
}

func (v *vendor) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	i, err := v.s.Describe(ctx, r.Actor, r.At, r.Param("id"))
	if err != nil {
		return compat.Reply{}, err
	}
	return reply(r, i, "Encryption key "+i.Key.Name), nil
}

func readPut(in *compat.Input) (p Put, err error) {
	if err := in.Texts("name", "description", "algorithm"); err != nil {
		return p, err
	}
	p = Put{Name: in.Pointer("name"), Description: in.Pointer("description"), Algorithm: in.Pointer("algorithm")}
	if p.ExpiresAt, err = in.Moment("expiration_date"); err != nil {
		return p, err
	}
	p.Tags, err = in.List("tags")
	return p, err
}

func (v *vendor) create(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	p, err := readPut(in)
	if err != nil {
		return compat.Reply{}, err
	}
	i, err := v.s.Put(ctx, r.Actor, r.At, p)
	if err != nil {
		return compat.Reply{}, err
	}
	a := reply(r, i, "Encryption key created successfully.")
	a.Status = http.StatusCreated
	return a, nil
}

func (v *vendor) update(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	p, err := readPut(in)
	if err != nil {
		return compat.Reply{}, err
	}
	if p.Enabled, err = in.Bool("enabled"); err != nil {
		return compat.Reply{}, err
	}
	p.Key = r.Param("id")
	i, err := v.s.Put(ctx, r.Actor, r.At, p)
	if err != nil {
		return compat.Reply{}, err
	}
	return reply(r, i, "Encryption key updated successfully."), nil
}

func (v *vendor) disable(ctx context.Context, r *route.Request) (compat.Reply, error) {
	i, err := v.s.SetStatus(ctx, r.Actor, r.Param("id"), false)
	if err != nil {
		return compat.Reply{}, err
	}
	return reply(r, i, "Encryption key deleted successfully."), nil
}

// readUse reads key, version and value; the value is the caller's to wipe.
func readUse(r *route.Request) (key string, version uint64, value secret.Value, err error) {
	in, err := r.Input()
	if err != nil {
		return "", 0, value, err
	}
	if err := in.Texts("key", "version", "value"); err != nil {
		return "", 0, value, err
	}
	if key = in.Text("key"); key == "" {
		return "", 0, value, model.Errorf(model.Invalid, "The key was not informed").WithCode(1004).WithField("key")
	}
	if s := in.Text("version"); s != "" {
		if version, err = strconv.ParseUint(s, 10, 32); err != nil {
			return "", 0, value, model.Errorf(model.Invalid, "version must be a whole number").WithField("version")
		}
	}
	given := in.Secret("value")
	if given == nil {
		return "", 0, value, model.Errorf(model.Invalid, "The value was not informed").WithCode(1004).WithField("value")
	}
	return key, version, *given, nil
}

func (v *vendor) encrypt(ctx context.Context, r *route.Request) (compat.Reply, error) {
	key, version, value, err := readUse(r)
	if err != nil {
		return compat.Reply{}, err
	}
	defer value.Wipe()
	box, n, err := v.s.EncryptWith(ctx, r.Actor, key, version, value)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.OK("Value encrypted successfully.", compat.Member{Name: "encrypted_value", Value: base64.StdEncoding.EncodeToString(box)}, compat.Member{Name: "version", Value: strconv.FormatUint(n, 10)}), nil
}

func (v *vendor) decrypt(ctx context.Context, r *route.Request) (compat.Reply, error) {
	key, version, value, err := readUse(r)
	if err != nil {
		return compat.Reply{}, err
	}
	defer value.Wipe()
	var box secret.Value
	err = value.Reveal(func(text []byte) error {
		raw, ok := compat.Base64(text) // as clients send it: a blank is a '+' that a form swallowed
		if !ok || len(raw) > model.MaxCipher+1024 {
			clear(raw)
			return model.Errorf(model.Invalid, "value must be base64 of at most %d bytes", model.MaxCipher).WithField("value")
		}
		box = secret.New(raw)
		return nil
	})
	if err != nil {
		return compat.Reply{}, err
	}
	var plain secret.Value
	var n uint64
	err = box.Reveal(func(b []byte) (err error) {
		plain, n, err = v.s.DecryptWith(ctx, r.Actor, key, version, b)
		return err
	})
	if err != nil {
		return compat.Reply{}, err
	}
	text := false
	_ = plain.Reveal(func(b []byte) error { text = utf8.Valid(b); return nil })
	if !text {
		plain.Wipe()
		return compat.Reply{}, model.Errorf(model.Invalid, "the value is no text: decrypt it with /api/v1/encryption-keys/{name}/decrypt").WithField("value")
	}
	return compat.OK("Value decrypted successfully.", compat.Member{Name: "encrypted_value", Value: compat.Secret{Value: plain}}, compat.Member{Name: "version", Value: strconv.FormatUint(n, 10)}), nil
}

package credential

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

// KeyPut makes a credential an SSH key, or changes one. The private key is Put.Secret.
type KeyPut struct {
	Name       *string
	Algorithm  *string   // of the keys that Cofre makes
	Devices    *[]string // further devices that accept it
	Pattern    *string   // of host names of further devices; "": none
	Generate   bool      // Cofre makes the first one; somebody puts its public half on the devices
	Public     string    // must fit the private key; "": not compared
	Passphrase *secret.Value
}

// KeyView is what makes a credential an SSH key.
type KeyView struct {
	Name      string   `json:"name,omitempty"`
	Algorithm string   `json:"algorithm" doc:"of the keys that Cofre makes: ed25519, rsa-3072 or rsa-4096"`
	Devices   []string `json:"devices" doc:"host names of further devices that accept it"`
	Pattern   string   `json:"pattern,omitempty" doc:"of host names: active devices that fit accept it too"`
	PublicKey string   `json:"public_key,omitempty" doc:"a line of authorized_keys"`
}

// KeyBody makes a new credential an SSH key, or changes one; its private key, without a passphrase, is the secret.
type KeyBody struct {
	Name      *string   `json:"name"`
	Algorithm *string   `json:"algorithm" doc:"of the keys that Cofre makes: ed25519, rsa-3072 or rsa-4096"`
	Devices   *[]string `json:"devices" doc:"host names of further devices that accept it"`
	Pattern   *string   `json:"pattern" doc:"of host names, such as *.prod.example.com: active devices that fit when the key is changed accept it too, if you reach a credential on them; an empty one is none"`
	Generate  bool      `json:"generate" doc:"Cofre makes the first key; somebody puts its public half on the devices"`
}

// Keys is what the vendor's routes of SSH keys need besides.
type Keys interface {
	Service
	// Rotate asks for a new key and gives the number of the operation.
	Rotate(ctx context.Context, actor model.Actor, name string) (number uint64, err error)
	// Periodic finds or makes the policy that changes a secret every so many days, and gives its name.
	Periodic(ctx context.Context, actor model.Actor, at model.Time, days int) (string, error)
	// KnownDevices parts names of devices into those that there are and the others.
	KnownDevices(ctx context.Context, names []string) (known, unknown []string, err error)
}

// KeyRoutes offers SSH keys: the vendor's /iso/pam/key, and the dialect of the specification, /iso/pam/sshkey.
func KeyRoutes(s Keys) []route.Route {
	k, seed := &keys{s, model.Errorf(model.Invalid, "SSH key not found").WithCode(1015)}, &keys{s, model.Errorf(model.NotFound, "SSH key not found")}
	shown := []route.Field{{Name: "key", Type: "object", Text: "id, username, key_name, hostname, ip, private_key, public_key, tags, devices, expiration_time; beside response and inside it"}}
	fields := []route.Field{
		{Name: "identifier", In: "body", Text: "without one the key cannot be updated"}, {Name: "hostname", In: "body", Text: "a device that is known, or a pattern such as *.prod.example.com: each change finds the active devices that fit, 1000 at most, where the caller reaches a credential"}, {Name: "ip", In: "body"}, {Name: "username", In: "body", Text: "'usr' if empty"},
		{Name: "key_name", In: "body"}, {Name: "public_key", In: "body"}, {Name: "private_key", In: "body", Text: "PEM"}, {Name: "password", In: "body", Text: "passphrase of the private key; passphrase is the same. It is taken off"},
		{Name: "tags", In: "body", Type: "array"}, {Name: "enabled", In: "body", Type: "boolean", Text: "POST only; a new key is, unless it says otherwise"}, {Name: "devices", In: "body", Type: "array", Text: "host names of further devices; POST answers those that are not known under devices_error, and takes the others"}, {Name: "auto_rotate", In: "body", Type: "boolean", Text: "change it every rotation_days, once the first change was asked for"},
		{Name: "rotation_days", In: "body", Type: "integer", Text: "90 by default; needs policy.write unless the policy is there"},
	}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = "ssh key"
		return route.Route{Method: method, Path: "/iso/pam/" + path, Auth: route.Authenticated, Dialect: compat.Vendor, Event: event, Doc: d, Handle: h}
	}
	post := route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Create or update an SSH key", Text: "Found by identifier. `response.changed` is \"false\" if it stood there just so.", Status: http.StatusCreated, Fields: fields, Returns: shown}
	read := route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "Read an SSH key with its private half", Text: "Takes custody, like GET /iso/pam/credential/{id}.", Returns: shown}
	return []route.Route{
		add(http.MethodPost, "key", "credential.put", k.post, post), add(http.MethodGet, "key/{id}", "credential.read", k.read, read),
		add(http.MethodPut, "key/{id}", "credential.status", k.enable, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Activate an SSH key"}),
		add(http.MethodDelete, "key/{id}", "credential.status", k.disable, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Deactivate an SSH key", Text: "Every version is kept."}),
		add(http.MethodGet, "sshkey", route.NoEvent, seed.list, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List SSH keys, without private halves", Returns: []route.Field{{Name: "keys", Type: "array"}}}),
		add(http.MethodPost, "sshkey", "credential.put", seed.post, post), add(http.MethodGet, "sshkey/{id}", "credential.read", seed.read, read),
		add(http.MethodPut, "sshkey/{id}", "credential.put", seed.update, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Update or activate an SSH key", Text: "The fields that are sent change; without any, the key is activated.", Fields: fields, Returns: shown}),
		add(http.MethodDelete, "sshkey/{id}", "credential.status", seed.disable, route.Doc{Needs: route.Writes(model.ModulePAM, model.CredentialWrite), Summary: "Deactivate an SSH key", Text: "Every version is kept."}),
		add(http.MethodPost, "sshkey/{id}/rotate", "operation.created", seed.rotate, route.Doc{Needs: route.Writes(model.ModulePAM, model.OperationRun), Summary: "Change an SSH key on its devices", Text: "Answers with the operation and does not wait for it.", Status: http.StatusCreated, Returns: []route.Field{{Name: "operation", Type: "object", Text: "id"}}}),
	}
}

type keys struct {
	s       Keys
	missing error // what is answered for a key that is not there
}

// find is a key that the caller may see. What is missing is 404 in the specification's dialect, 400 in the vendor's.
func (k *keys) find(ctx context.Context, r *route.Request) (*Item, error) {
	i, err := k.s.Describe(ctx, r.Actor, r.At, r.Param("id"))
	switch {
	case model.HasCode(err, 1007):
		return nil, k.missing
	case err != nil:
		return nil, err
	case i.Key == nil:
		return nil, model.Errorf(model.Invalid, "The item is not a ssh key").WithCode(1016)
	}
	return i, nil
}

func (k *keys) read(ctx context.Context, r *route.Request) (compat.Reply, error) {
	if _, err := k.find(ctx, r); err != nil {
		return compat.Reply{}, err
	}
	i, err := k.s.Read(ctx, r.Actor, r.At, r.Param("id"))
	if model.HasCode(err, 1008) {
		err = model.Errorf(model.Invalid, "Key inactive").WithCode(1017)
	}
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.OK(fmt.Sprintf("SSH key %d", i.Credential.Number), compat.Member{Name: "key", Value: keyed(i)}), nil
}

func (k *keys) list(ctx context.Context, r *route.Request) (compat.Reply, error) {
	items, err := k.s.List(ctx, r.Actor, r.At, Filter{Type: model.TypeSSHKey})
	if err != nil {
		return compat.Reply{}, err
	}
	rows := make([]compat.Object, len(items))
	for i := range items {
		rows[i] = keyed(&items[i])
	}
	return compat.OK(fmt.Sprintf("%d keys found", len(rows)), compat.Member{Name: "keys", Value: rows}), nil
}

func (k *keys) post(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	var old *Item
	if id := in.Text("identifier"); id != "" {
		found, err := k.s.Describe(ctx, r.Actor, r.At, id)
		if model.HasCode(err, 1009) {
			return compat.Reply{}, err
		}
		if err == nil && found.Key != nil {
			old = found
		}
	}
	enabled, err := in.Bool("enabled")
	if err != nil {
		return compat.Reply{}, err
	}
	p, err := k.input(ctx, r, in, old)
	defer p.wipe()
	if err != nil {
		return compat.Reply{}, err
	}
	p.Enabled = enabled
	if old == nil && p.Secret == nil {
		return compat.Reply{}, model.Errorf(model.Invalid, "Private key was not informed").WithCode(1014).WithField("private_key")
	}
	unknown := []compat.Object{}
	if p.Key.Devices != nil {
		known, others, err := k.s.KnownDevices(ctx, *p.Key.Devices)
		if err != nil {
			return compat.Reply{}, err
		}
		p.Key.Devices = &known
		for _, name := range others {
			unknown = append(unknown, compat.Object{{Name: "hostname", Value: name}})
		}
	}
	i, did, err := k.s.Put(ctx, r.Actor, r.At, p)
	if err != nil {
		return compat.Reply{}, err
	}
	message := "Key updated successfully!"
	if did == model.Created {
		message = "Key successfully registered!"
	}
	reply := compat.Put(message, did, compat.Member{Name: "key", Value: append(keyed(i), compat.Member{Name: "devices_error", Value: unknown})})
	reply.Detail = compat.When(enabled == nil && !i.Credential.Enabled, "the key is inactive: PUT without a body activates it")
	return reply, nil
}

func (k *keys) update(ctx context.Context, r *route.Request) (compat.Reply, error) {
	old, err := k.find(ctx, r)
	if err != nil {
		return compat.Reply{}, err
	}
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	if in.Empty() {
		return k.enable(ctx, r)
	}
	p, err := k.input(ctx, r, in, old)
	defer p.wipe()
	if err != nil {
		return compat.Reply{}, err
	}
	p.Name = r.Param("id")
	i, _, err := k.s.Put(ctx, r.Actor, r.At, p)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.OK("Key updated successfully!", compat.Member{Name: "key", Value: keyed(i)}), nil
}

func (k *keys) enable(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return k.status(ctx, r, true, "Key activated successfully!")
}

func (k *keys) disable(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return k.status(ctx, r, false, "Key disabled successfully!")
}

// status names the vendor's codes for keys: 1045 active already, 1017 inactive already.
func (k *keys) status(ctx context.Context, r *route.Request, enabled bool, message string) (compat.Reply, error) {
	i, err := k.find(ctx, r)
	switch {
	case err != nil:
		return compat.Reply{}, err
	case enabled && i.Credential.Enabled:
		return compat.Reply{}, model.Errorf(model.Invalid, "Ssh key is already activated").WithCode(1045)
	case !enabled && !i.Credential.Enabled:
		return compat.Reply{}, model.Errorf(model.Invalid, "Key inactive").WithCode(1017)
	}
	if _, err := k.s.SetStatus(ctx, r.Actor, r.Param("id"), enabled); err != nil {
		return compat.Reply{}, err
	}
	i.Credential.Enabled = enabled
	return compat.OK(message, compat.Member{Name: "key", Value: keyed(i)}), nil
}

func (k *keys) rotate(ctx context.Context, r *route.Request) (compat.Reply, error) {
	if _, err := k.find(ctx, r); err != nil {
		return compat.Reply{}, err
	}
	n, err := k.s.Rotate(ctx, r.Actor, r.Param("id"))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.Created("Key rotation requested", compat.Member{Name: "operation", Value: compat.Object{{Name: "id", Value: number(n)}}}), nil
}

// keyTemplate changes keys that nobody named a template for.
const keyTemplate = "SSH key (authorized_keys)"

// input reads both spellings; old is the key that is changed, nil for a new one.
func (k *keys) input(ctx context.Context, r *route.Request, in *compat.Input, old *Item) (Put, error) {
	p, err := readPut(in)
	if err != nil {
		return p, err
	}
	if err := in.Texts("private_key", "public_key", "key_name", "passphrase", "rotation_days"); err != nil {
		return p, err
	}
	p.Type = nil
	if p.Secret != nil {
		p.Secret.Wipe() // of a key, what passwords are sent as is the passphrase
	}
	p.Secret = in.Secret("private_key")
	p.Key = &KeyPut{Name: in.Pointer("key_name"), Public: in.Text("public_key"), Passphrase: in.Secret("password", "passphrase")}
	if p.Secret != nil && p.Secret.Len() == 0 {
		p.Secret = nil
	}
	if p.Hostname != nil && *p.Hostname != "" && !model.IsHostPattern(*p.Hostname) {
		p.Key.Pattern = new(string) // one device in the place of many
	}
	if p.Key.Devices, err = in.Members("devices", "hostname"); err != nil {
		return p, err
	}
	rotate, err := in.Bool("auto_rotate")
	if err != nil {
		return p, err
	}
	return p, k.period(ctx, r, in.Text("rotation_days"), rotate, old, &p)
}

// period reads auto_rotate and rotation_days. What a key that is there has already, a template or a policy, stays unless it is named.
func (k *keys) period(ctx context.Context, r *route.Request, text string, rotate *bool, old *Item, p *Put) error {
	days, err := 0, error(nil)
	if text != "" {
		if days, err = strconv.Atoi(text); err != nil || days < 1 || days > 3650 {
			return model.Errorf(model.Invalid, "rotation_days is 1 to 3650").WithField("rotation_days")
		}
	}
	if p.Automatic = rotate; rotate == nil {
		if days == 0 {
			return nil
		}
		if old == nil || !old.Credential.Execution.Automatic {
			return model.Errorf(model.Invalid, "rotation_days is for a key with auto_rotate").WithField("rotation_days")
		}
	} else if !*rotate {
		return nil
	}
	template := keyTemplate
	if p.Template == nil && (old == nil || old.Template == "") {
		p.Template = &template
	}
	switch {
	case days == 0 && old != nil && old.Policy != "":
		return nil
	case days == 0:
		days = 90
	}
	name, err := k.s.Periodic(ctx, r.Actor, r.At, days)
	p.Policy = &name
	return err
}

// keyed is a key in the vendor's words.
func keyed(i *Item) compat.Object {
	c := &i.Credential
	o := compat.Object{
		{Name: "id", Value: number(c.Number)}, {Name: "identifier", Value: c.Identifier}, {Name: "tag", Value: c.Identifier}, {Name: "username", Value: c.Username},
		{Name: "hostname", Value: i.Device.Hostname}, {Name: "ip", Value: i.Device.IP}, {Name: "tags", Value: tags(c.Tags)}, {Name: "enabled", Value: c.Enabled},
		{Name: "expiration_time", Value: moment(i.Change)}, {Name: "automatic_change", Value: i.Credential.Execution.Automatic},
	}
	devices := []compat.Object{}
	if i.Key != nil {
		for _, d := range i.Accepts {
			devices = append(devices, compat.Object{{Name: "hostname", Value: d.Hostname}, {Name: "ip", Value: d.IP}})
		}
		o = append(o, compat.Member{Name: "key_name", Value: i.Key.Name}, compat.Member{Name: "public_key", Value: i.Key.PublicKey})
	}
	o = append(o, compat.Member{Name: "devices", Value: devices})
	if i.Key != nil && i.Key.Pattern != "" {
		o = append(o, compat.Member{Name: "host_pattern", Value: i.Key.Pattern})
	}
	if i.Secret != nil {
		o = append(o, compat.Member{Name: "private_key", Value: compat.Secret{Value: *i.Secret}}, compat.Member{Name: "password", Value: nil}) // it was taken off
	}
	return o
}

package credential

import (
	"slices"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// bodyFields documents what readPut reads, in both dialects.
var bodyFields = []route.Field{
	{Name: "identifier", In: "body", Text: "letters, digits, '-', '_', '.'; not purely numeric; made up if absent"},
	{Name: "username", In: "body", Text: "'usr' if empty"},
	{Name: "hostname", In: "body", Text: "of a device that is known"},
	{Name: "ip", In: "body", Text: "of that device; may be absent"},
	{Name: "content", In: "body", Text: "the secret; password is the same"},
	{Name: "password", In: "body", Text: "the secret; content is the same"},
	{Name: "credential_type", In: "body", Text: "'Local User' by default"},
	{Name: "type", In: "body", Text: "a credential type, if it is the name of one; a device type otherwise, which is not looked at"},
	{Name: "additional", In: "body", Text: "additional information; additional_info is the same"},
	{Name: "additional_info", In: "body"},
	{Name: "domain", In: "body"},
	{Name: "tags", In: "body", Type: "array", Text: "a list, or a text with commas"},
	{Name: "parent_password", In: "body", Text: "the parent credential"},
	{Name: "execution_settings", In: "body", Type: "object", Text: "automatic_change, change_plugin, change_template, parent_credential, parent_hostname, parent_ip, use_own_credential_to_connect, authentication_credential, authentication_hostname, authentication_ip; status (reconcile after a failure), reconciliation_credential, reconciliation_hostname, reconciliation_ip, reconciliation_plugin, reconciliation_template. A user name is looked for on the device of that host name, that address, or both. Not kept: agent_based_password_change"},
	{Name: "jit_settings", In: "body", Type: "object", Text: "jit; credential_creation_and_deletion with credential_creation_plugin, _template, credential_deletion_plugin and _template, or enable_disable_credential with credential_enable_plugin, _template, credential_disable_plugin and _template; authentication_credential, authentication_hostname, authentication_ip. use_own_credential_to_connect is refused: the account is closed until another one opens it"},
	{Name: "additional_settings", In: "body", Type: "object", Text: "identifier, user_credential_owner, server_path, secret_key (of one-time codes), criticality (Low, Medium, High, Critical), notes. Not kept: additional_authentication_fields"},
	{Name: "session_settings", In: "body", Type: "object", Text: "not kept: Cofre opens no proxy sessions; whoever does decides about protocols and macros"},
	{Name: "vendor", In: "body", Text: "not kept, like model, site, device_domain, device_tags, connectivities and session_remote_config: POST /iso/pam/device changes a device"},
}

// credentialTypes are the values of `type` that clients use for the type of the credential.
var credentialTypes = []string{"local user", "local administrator", "domain user", "privileged domain user", "ssh key"}

// wipe overwrites the secrets that were read.
func (p *Put) wipe() {
	secrets := []*secret.Value{p.Secret, p.TOTP}
	if p.Key != nil {
		secrets = append(secrets, p.Key.Passphrase)
	}
	for _, v := range secrets {
		if v != nil {
			v.Wipe()
		}
	}
}

// readPut reads a create or update in any of the spellings. The secrets are the caller's, to wipe.
func readPut(in *compat.Input) (Put, error) {
	if err := in.Texts("identifier", "hostname", "ip", "management_ip", "username", "domain", "credential_type", "type", "additional", "additional_info", "parent_password", "parent_credential", "content", "password"); err != nil {
		return Put{}, err
	}
	p := Put{
		Identifier: in.Text("identifier"), Hostname: in.Pointer("hostname"), IP: in.Pointer("ip", "management_ip"), Username: in.Pointer("username"),
		Domain: in.Pointer("domain"), Type: in.Pointer("credential_type"), Additional: in.Pointer("additional", "additional_info"),
		Parent: in.Pointer("parent_password", "parent_credential"), Secret: in.Secret("content", "password"),
	}
	if t := in.Pointer("type"); p.Type == nil && t != nil && slices.Contains(credentialTypes, strings.ToLower(*t)) {
		p.Type = t
	}
	if p.Type != nil && *p.Type == "" {
		p.Type = nil
	}
	if p.Secret != nil && p.Secret.Len() == 0 {
		p.Secret = nil // an empty field is how forms say "unchanged"
	}
	var err error
	if p.Tags, err = in.List("tags"); err != nil {
		return p, err
	}
	settings, err := in.Object("additional_settings")
	if err != nil {
		return p, err
	}
	if settings != nil {
		if err := settings.Texts("identifier", "user_credential_owner", "criticality", "server_path", "notes", "secret_key"); err != nil {
			return p, err
		}
		if p.Identifier == "" {
			p.Identifier = settings.Text("identifier")
		}
		p.Owner, p.Criticality = settings.Pointer("user_credential_owner"), settings.Pointer("criticality")
		p.ServerPath, p.Notes = settings.Pointer("server_path"), settings.Pointer("notes")
		if p.TOTP = settings.Secret("secret_key"); p.TOTP != nil && p.TOTP.Len() == 0 {
			p.TOTP = nil
		}
	}
	if err := readExecution(in, &p); err != nil {
		return p, err
	}
	return p, readJIT(in, &p)
}

func readExecution(in *compat.Input, p *Put) error {
	x, err := in.Object("execution_settings")
	if err != nil || x == nil {
		return err
	}
	if p.Automatic, err = x.Bool("automatic_change"); err != nil {
		return err
	}
	p.Executor, p.Template = x.Pointer("change_plugin"), x.Pointer("change_template")
	if name, ip := account(x, "parent"); name != nil {
		p.Parent, p.Addresses.Parent = name, ip
	}
	p.Authentication, p.Addresses.Authentication = account(x, "authentication")
	own, err := x.Bool("use_own_credential_to_connect")
	if err == nil && own != nil && *own {
		none := ""
		p.Authentication = &none
	}
	if err != nil {
		return err
	}
	p.Plugins.Reconcile, p.Reconcile.Template = x.Pointer("reconciliation_plugin"), x.Pointer("reconciliation_template")
	p.Reconcile.Authentication, p.Addresses.Reconcile = account(x, "reconciliation")
	p.Reconcile.Autorun, err = x.Bool("status")
	return err
}

// readJIT reads how the account is opened for sessions: by creation and deletion, or by being enabled and disabled.
func readJIT(in *compat.Input, p *Put) error {
	x, err := in.Object("jit_settings")
	if err != nil || x == nil {
		return err
	}
	var on, creates, enables, own *bool
	for _, f := range []struct {
		name string
		to   **bool
	}{{"jit", &on}, {"credential_creation_and_deletion", &creates}, {"enable_disable_credential", &enables}, {"use_own_credential_to_connect", &own}} {
		if *f.to, err = x.Bool(f.name); err != nil {
			return err
		}
	}
	is := func(b *bool) bool { return b != nil && *b }
	none := ""
	switch {
	case on == nil && !is(creates) && !is(enables):
		return nil
	case on != nil && !*on:
		p.JIT = JITBody{Activate: &none, Deactivate: &none}
		return nil
	case is(creates) == is(enables):
		return model.Errorf(model.Invalid, "one of credential_creation_and_deletion and enable_disable_credential says how the account is opened").WithField("jit_settings")
	case is(own):
		return model.Errorf(model.Invalid, "the account cannot open itself, because it is closed: name an authentication_credential").WithField("use_own_credential_to_connect")
	}
	open, shut := "credential_enable", "credential_disable"
	if is(creates) {
		open, shut = "credential_creation", "credential_deletion"
	}
	p.Plugins.Activate, p.Plugins.Deactivate = x.Pointer(open+"_plugin"), x.Pointer(shut+"_plugin")
	p.JIT = JITBody{Activate: x.Pointer(open + "_template"), Deactivate: x.Pointer(shut + "_template")}
	p.JIT.Authentication, p.Addresses.JIT = account(x, "authentication")
	for _, field := range []string{open + "_template", shut + "_template"} {
		if template := x.Pointer(field); template != nil && *template == "" {
			return model.Errorf(model.Invalid, "it names the template that opens or closes the account").WithField(field)
		}
	}
	return nil
}

// account names a credential by user name and host name, or as it stands, and gives the address of its device if it was sent.
func account(x *compat.Input, field string) (name *string, ip string) {
	name, ip = x.Pointer(field+"_credential"), strings.TrimSpace(x.Text(field+"_ip"))
	if host := x.Text(field + "_hostname"); name != nil && *name != "" && host != "" && !strings.Contains(*name, "@") {
		full := *name + "@" + host
		return &full, ip
	}
	return name, ip
}

// elsewhere are the vendor's fields that Cofre has no place for, by the object that holds them.
var elsewhere = []struct {
	object string // "": the body
	fields []string
}{
	{"", []string{"session_settings", "vendor", "model", "site", "device_domain", "device_tags", "connectivities", "session_remote_config"}},
	{"additional_settings", []string{"additional_authentication_fields"}},
	{"execution_settings", []string{"agent_based_password_change"}},
}

// detail tells a client what its put did not do: settings that have no effect here, and that what is out of use stays so. "" if
// there is nothing to tell. It is asked after readPut took the body.
func detail(in *compat.Input, i *Item) string {
	var names []string
	for _, e := range elsewhere {
		x := in
		if e.object != "" {
			x, _ = in.Object(e.object)
		}
		if x == nil {
			continue
		}
		for _, f := range x.Said(e.fields...) {
			names = append(names, strings.TrimPrefix(e.object+"."+f, "."))
		}
	}
	return compat.Hints(compat.NotKept(names), compat.When(!i.Credential.Enabled, "the credential is inactive: PUT without a body activates it"))
}

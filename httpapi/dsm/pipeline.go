package dsm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// Register names an application as pipelines do. Empty Modules and IPs are the caller's own.
type Register struct {
	Application, System, Environment, Description string
	Tags                                          []string
	Modules                                       []model.Module
	IPs                                           []string
	ExpiresAt                                     model.Time
	Unique                                        string // id of an authorization, instead of system and environment
	Referrers                                     []string
	Certificate                                   string
	PublicKey                                     []byte // secrets in answers are encrypted to it
	Profiles                                      []Pair // by which the application gets dynamic users; of a cloud without a device
}

// Pair is a profile of dynamic users on a device, by name.
type Pair struct{ Device, Profile string }

// Registered are keys for an authorization; the secret is wiped after the answer.
type Registered struct {
	ClientID string
	Secret   secret.Value
	Created  bool
}

// maxVariables is the greatest body of a pipeline: its whole environment in base64.
const maxVariables = 4 << 20

func pipelineRoutes(v *vendor) []route.Route {
	field := func(name, text string) route.Field { return route.Field{Name: name, In: "body", Text: text} }
	return []route.Route{
		{Method: http.MethodPost, Path: "/iso/dapp/application", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "dsm.registered", Handle: v.register,
			Doc: route.Doc{Tag: tag, Needs: route.Writes(model.ModuleApplication, ""), Summary: "Create or find an application and its authorization, and get keys for it",
				Text: "Needs an authorization that may create applications. Finds what the caller made and what its delegation names; anything else is 400 with code 1009. What it creates is the intersection with the caller. id stays the same; the first signature lasts, each later one an hour. `response.detail` lists what was sent and has no effect.",
				Fields: []route.Field{field("application", ""), field("system", ""), field("environment", ""), field("description", "of the application; absent or empty: as it is"), field("tags", "of the application; absent or empty: as they are"), field("line_of_business", "not kept"), field("application_type", "not kept"), field("authorized_resources", "at creation"),
					field("allowed_ips", "at creation; * is any"), field("expiration_date", "at creation"),
					field("allowed_http_referers", "at creation"), field("certificate_fingerprint", "at creation; SHA-256"), field("encryption_enabled", "at creation; needs public_key"), field("public_key", "RSA of 4096 bits in PEM"),
					field("unique_key", "id of an authorization, instead of system and environment"), field("authentication_method", "OAuth 2.0"),
					field("credential_profiles", "list of {device, profile} by which the application gets dynamic users already; others are refused: an administrator sets them"), field("cloud_profiles", "the same for clouds, by identifier")},
				Returns: []route.Field{{Name: "id", Text: "client id"}, {Name: "signature", Text: "client secret"}}}},
		{Method: http.MethodDelete, Path: "/iso/dapp/application/authorization", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "authorization.put", Handle: v.leave,
			Doc: route.Doc{Tag: tag, Needs: route.Reads(model.ModuleApplication, ""), Summary: "Disable the calling authorization", Text: "Its tokens and keys end at once, and what was provisioned for it is removed. Administrators are refused: nobody locks himself out."}},
		{Method: http.MethodPost, Path: "/iso/cicd/variables", Auth: route.Authenticated, Dialect: compat.Vendor, Event: "dsm.put", MaxBody: maxVariables, Handle: v.variables,
			Doc: route.Doc{Tag: tag, Needs: route.Writes(model.ModuleCICD, model.CredentialWrite), Summary: "Submit the variables of a pipeline that its mapping names",
				Text:   "env is base64 of NAME=value lines, or of a JSON object of texts, which no value can be mistaken in; map that of the mapping file, in the dsm client's alphabet. Only mapped variables are kept, as secrets of the calling authorization. An account that it may read becomes a reference; every other value stays its own.",
				Fields: []route.Field{field("env", ""), field("map", "")}}},
	}
}

// elsewhere are settings of the vendor that would be silently without effect here, with where they are made.
var elsewhere = [...]struct{ name, say string }{
	{"aws_arns", "is not taken from a pipeline: an administrator lists ARNs with cofre application arns"},
}

func (v *vendor) register(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	if err := in.Texts("application", "system", "environment", "description", "unique_key", "certificate_fingerprint", "authentication_method", "public_key", "expiration_date"); err != nil {
		return compat.Reply{}, err
	}
	for _, e := range elsewhere {
		if list, err := in.List(e.name); err != nil || list != nil && len(*list) > 0 && !slices.Equal(*list, []string{"*"}) {
			return compat.Reply{}, model.Errorf(model.Invalid, "%s %s", e.name, e.say).WithField(e.name)
		}
	}
	if m := strings.ToLower(strings.ReplaceAll(in.Text("authentication_method"), " ", "")); m != "" && m != "oauth2.0" && m != "oauth2" {
		return compat.Reply{}, model.Errorf(model.Invalid, "pipelines get keys of OAuth 2.0: an administrator sets up other methods").WithField("authentication_method")
	}
	q := Register{Application: in.Text("application"), System: in.Text("system"), Environment: in.Text("environment"), Description: in.Text("description"),
		Unique: in.Text("unique_key"), Certificate: strings.ToLower(strings.ReplaceAll(in.Text("certificate_fingerprint"), ":", ""))}
	if err := readKey(in, &q); err != nil {
		return compat.Reply{}, err
	}
	for _, l := range []struct {
		name string
		to   *[]string
	}{{"tags", &q.Tags}, {"allowed_ips", &q.IPs}, {"allowed_http_referers", &q.Referrers}} {
		if list, err := in.List(l.name); err != nil {
			return compat.Reply{}, err
		} else if list != nil && !slices.Equal(*list, []string{"*"}) {
			*l.to = *list
		}
	}
	resources, err := in.List("authorized_resources")
	if err != nil {
		return compat.Reply{}, err
	}
	if resources != nil {
		for _, name := range *resources {
			if strings.EqualFold(name, "Secret Management") { // the page's example and its screen differ
				name = string(model.ModuleSecrets)
			}
			q.Modules = append(q.Modules, model.Module(name))
		}
	}
	expires, err := in.Moment("expiration_date")
	if err != nil {
		return compat.Reply{}, err
	}
	if expires != nil {
		q.ExpiresAt = *expires
	}
	if q.Profiles, err = profiles(in); err != nil {
		return compat.Reply{}, err
	}
	done, err := v.s.Register(ctx, r.Actor, r.At, q)
	if err != nil {
		return compat.Reply{}, err
	}
	message := "Application updated: " + q.Application + " | Authorization found"
	if done.Created {
		message = "Application updated: " + q.Application + " | Authorization created"
	}
	reply := compat.OK(message, compat.Member{Name: "id", Value: done.ClientID}, compat.Member{Name: "signature", Value: compat.Secret{Value: done.Secret, Issued: true}})
	late := in.Said("authorized_resources", "allowed_ips", "expiration_date", "allowed_http_referers", "certificate_fingerprint", "encryption_enabled")
	reply.Detail = compat.Hints(compat.NotKept(in.Said("line_of_business", "application_type")),
		compat.When(!done.Created && len(late) > 0, "the authorization was there already, and stays as it is: "+strings.Join(late, ", ")))
	return reply, nil
}

// profiles are what a pipeline says of dynamic users: pairs of device and profile, and profiles of clouds.
func profiles(in *compat.Input) ([]Pair, error) {
	var out []Pair
	pairs, err := in.Document("credential_profiles")
	if err != nil {
		return nil, err
	}
	for i, p := range pairs.Items() {
		one := Pair{p.Member("device").Text(), p.Member("profile").Text()}
		if one.Device == "" || one.Profile == "" {
			return nil, model.Errorf(model.Invalid, "credential_profiles is a list of {device, profile}").WithField(fmt.Sprintf("credential_profiles[%d]", i))
		}
		out = append(out, one)
	}
	clouds, err := in.List("cloud_profiles")
	if err != nil || clouds == nil {
		return out, err
	}
	for _, name := range *clouds {
		out = append(out, Pair{Profile: name})
	}
	return out, nil
}

func (v *vendor) leave(ctx context.Context, r *route.Request) (compat.Reply, error) {
	if err := v.s.Leave(ctx, r.Actor); err != nil {
		return compat.Reply{}, err
	}
	return compat.OK("Authorization inactivated"), nil
}

func (v *vendor) variables(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	env, err := decoded(in, "env")
	if err != nil {
		return compat.Reply{}, err
	}
	defer clear(env)
	mapping, err := decoded(in, "map")
	if err != nil {
		return compat.Reply{}, err
	}
	sent, err := environment(env)
	if err != nil {
		return compat.Reply{}, err
	}
	puts, missing, err := mapped(mapping, sent)
	defer func() {
		for _, value := range sent {
			clear(value)
		}
		for i := range puts {
			puts[i].wipe()
		}
	}()
	if err != nil {
		return compat.Reply{}, err
	}
	kept := 0
	for _, p := range puts {
		done, err := v.s.Put(ctx, r.Actor, p)
		if err != nil {
			return compat.Reply{}, ofMapping(err)
		}
		kept += done.Kept
	}
	message := fmt.Sprintf("%d secrets registered", len(puts))
	if kept > 0 {
		message += fmt.Sprintf("; %d accounts are not registered, or not readable by this authorization: their values were kept as its own", kept)
	}
	reply := compat.OK(message)
	reply.Detail = compat.Hints(compat.When(len(missing) > 0, "named by the mapping file and not sent: "+strings.Join(missing, ", ")),
		compat.When(len(puts)+len(missing) == 0, "the mapping file names no variable: it has the lists access_keys, credentials and key_value"))
	return reply, nil
}

// ofMapping names the field that a client sent: the names of secrets stand in the mapping file.
func ofMapping(err error) error {
	var e *model.Error
	if errors.As(err, &e) && e.Field != "" {
		named := *e
		return named.WithField("map")
	}
	return err
}

// decoded gives the plain bytes of a field in base64; the caller wipes them.
func decoded(in *compat.Input, name string) (plain []byte, err error) {
	if err := in.Texts(name); err != nil {
		return nil, err
	}
	s := in.Secret(name)
	if s == nil {
		return nil, nil
	}
	defer s.Wipe()
	err = s.Reveal(func(b []byte) error {
		var ok bool
		if plain, ok = compat.Base64(b); !ok {
			return model.Errorf(model.Invalid, "%s is not base64", name).WithField(name)
		}
		return nil
	})
	return plain, err
}

// mapped makes one secret of the items of the mapping file that have one name; its values keep the names of their variables.
// What the pipeline did not send is left out, and missing names some of it.
func mapped(mapping []byte, env map[string][]byte) (puts []Put, missing []string, err error) {
	if len(bytes.TrimSpace(mapping)) == 0 {
		return nil, nil, nil
	}
	doc, err := compat.ParseDocument(mapping)
	if err != nil || !doc.IsObject() {
		return nil, nil, model.Errorf(model.Invalid, "the mapping file is no JSON object").WithField("map")
	}
	for _, list := range []struct {
		name string
		kind model.DSMKind
	}{{"access_keys", model.DSMAccessKey}, {"credentials", model.DSMCredential}, {"key_value", model.DSMKeyValue}} {
		for i, item := range doc.Member(list.name).Items() {
			if !item.IsObject() || item.Member("fields").Absent() {
				return puts, nil, model.Errorf(model.Invalid, "item %d of %s in the mapping file is no object with name and fields", i+1, list.name).WithField("map")
			}
			d, rest := Data{Kind: list.kind, Type: item.Member("type").Text(), Match: true}, Data{Kind: model.DSMKeyValue}
			account := map[string]string{}
			for _, f := range references(item.Member("fields")) {
				value, sent := env[f.variable]
				if !sent {
					if name := compat.FieldName(f.variable); len(missing) < maxMissing && !slices.Contains(missing, name) {
						missing = append(missing, name)
					}
					continue
				}
				v := secret.New(append([]byte(nil), value...))
				one := Value{Name: f.variable, Value: &v}
				if list.kind == model.DSMCredential {
					one.From = map[string]string{"user": "username", "host": "hostname", "password": "password"}[f.field]
					if f.field == "user" || f.field == "host" {
						account[f.field] = string(value)
					}
					if one.From == "" { // no part of an account: it stays the pipeline's own beside a reference
						rest.Values = append(rest.Values, one)
						continue
					}
				}
				d.Values = append(d.Values, one)
			}
			if account["user"] != "" && account["host"] != "" {
				d.Account = account["user"] + "@" + account["host"]
			}
			name := item.Member("name").Text()
			if name == "" {
				name = fmt.Sprintf("%s-%d", list.name, i+1)
			}
			at := slices.IndexFunc(puts, func(p Put) bool { return p.Identity == name })
			for _, d := range []Data{d, rest} {
				switch {
				case len(d.Values) == 0:
				case at < 0:
					puts, at = append(puts, Put{Through: model.ModuleCICD, Identity: name, Data: []Data{d}}), len(puts)
				default:
					puts[at].Data = append(puts[at].Data, d)
				}
			}
		}
	}
	return puts, missing, nil
}

// maxMissing bounds how many variables an answer names.
const maxMissing = 32

type reference struct{ field, variable string }

// references reads {"field": "VARIABLE"} or ["VARIABLE"].
func references(fields compat.Document) []reference {
	var out []reference
	for _, m := range fields.Members() {
		out = append(out, reference{strings.ToLower(m.Name), m.Text()})
	}
	if !fields.IsObject() {
		for _, f := range fields.Items() {
			out = append(out, reference{"", f.Text()})
		}
	}
	return out
}

// readKey reads the key that answers are to be encrypted to. Cofre makes none, because it would know the private half.
func readKey(in *compat.Input, q *Register) error {
	on, err := in.Bool("encryption_enabled")
	if err != nil || on == nil || !*on {
		return err
	}
	if in.Text("public_key") == "" {
		return model.Errorf(model.Invalid, "encryption_enabled needs public_key: RSA of 4096 bits in PEM, whose private half only the client has").WithField("public_key")
	}
	q.PublicKey, err = compat.ParsePublicKey(in.Text("public_key"))
	return err
}

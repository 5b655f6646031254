package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"cofre/fsm/model"
	"cofre/httpapi/application"
	"cofre/httpapi/compat"
	"cofre/httpapi/credential"
	"cofre/httpapi/device"
	"cofre/httpapi/dsm"
	"cofre/httpapi/policy"
	"cofre/httpapi/template"
)

// A manifest is a stream of YAML documents, one object each: kind, name, and the fields that the API takes for it. The
// document `kind: manifest` names the whole.

// kind is one kind of objects in a manifest, in the order in which they are applied.
type kind struct {
	name    string
	path    string // where the API has them
	field   string // the API's field that holds the name
	body    func() any
	special []string // keys that the API's body does not have
	bare    bool     // takes no label: --prune leaves it alone
}

var kinds = []kind{
	{"policy", "policies", "name", func() any { return &policy.Body{} }, nil, false},
	{"template", "templates", "name", func() any { return &template.Body{Kind: model.TemplateChange} }, []string{"enabled", "file", "execution_type"}, false},
	{"device", "devices", "hostname", func() any { return &device.Body{} }, []string{"enabled", "host_keys"}, false},
	{"profile", "profiles", "name", func() any { return &policy.ProfileBody{} }, nil, true}, // before the credentials that are to take it
	{"credential", "credentials", "identifier", func() any { return &credential.Body{} }, []string{"enabled", "secret"}, false},
	{"pool", "pools", "name", func() any { return &policy.PoolBody{} }, nil, true},
	{"chain", "chains", "name", func() any { return &policy.ChainBody{} }, nil, true},
	{"application", "applications", "name", func() any { return &application.Body{} }, nil, false},
	{"access-profile", "access-profiles", "name", func() any { return &application.AccessBody{} }, nil, true},
	{"authorization", "", "name", func() any { return &application.AuthorizationBody{} }, []string{"application"}, false},
	{"secret-automation", "secret-automations", "name", func() any { return &dsm.AutomationBody{} }, nil, false},
}

// kindOf finds a kind by its name; nil if there is none.
func kindOf(name string) *kind {
	if i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name }); i >= 0 {
		return &kinds[i]
	}
	return nil
}

// kindNames lists them for people.
func kindNames() string {
	var out []string
	for _, k := range kinds {
		out = append(out, k.name)
	}
	return strings.Join(out, ", ")
}

// object is one document.
type object struct {
	kind    *kind
	name    string
	within  string // application of an authorization, executor of a template
	line    int
	node    *yaml.Node
	want    map[string]any // the API's fields that the file names
	special map[string]any
}

func (o *object) String() string {
	switch o.kind.name {
	case "authorization":
		return "authorization " + o.within + "/" + o.name
	case "template":
		return "template " + strconv.Quote(o.name)
	}
	return o.kind.name + " " + o.name
}

// fault is a mistake in a manifest, with its line.
func (o *object) fault(path, format string, args ...any) error {
	return fmt.Errorf("line %d: %s: %s", o.lineOf(path), o, fmt.Sprintf(format, args...))
}

// manifestFile is a manifest as it was read.
type manifestFile struct {
	name    string
	objects []*object
}

const maxManifest = 4 << 20

var keyPath = regexp.MustCompile(`[^.\[\]]+`)

// parseManifest reads a manifest and refuses what the API would not take, as far as the file alone tells.
func parseManifest(b []byte) (*manifestFile, error) {
	if len(b) > maxManifest {
		return nil, fmt.Errorf("a manifest has at most %d bytes", maxManifest)
	}
	m := &manifestFile{}
	seen := map[string]int{}
	for d := yaml.NewDecoder(bytes.NewReader(b)); ; {
		var n yaml.Node
		err := d.Decode(&n)
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the manifest is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		}
		if len(n.Content) == 0 || n.Content[0].Tag == "!!null" {
			continue
		}
		o, err := parseObject(n.Content[0])
		switch {
		case err != nil:
			return nil, err
		case o.kind == nil && m.name != "":
			return nil, fmt.Errorf("line %d: the manifest has a name already", o.line)
		case o.kind == nil:
			m.name = o.name
			continue
		}
		id := keyOf(o.kind.name, o.String())
		if seen[id] > 0 {
			return nil, fmt.Errorf("line %d: %s stands already in line %d", o.line, o, seen[id])
		}
		seen[id] = o.line
		m.objects = append(m.objects, o)
	}
}

// parseObject reads one document; an object without kind is the manifest's name.
func parseObject(n *yaml.Node) (*object, error) {
	o := &object{line: n.Line, node: n}
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: a document is one object with kind and name", n.Line)
	}
	if err := n.Decode(&o.want); err != nil {
		return nil, fmt.Errorf("line %d: the document is not valid: %s", n.Line, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if o.want == nil {
		return nil, fmt.Errorf("line %d: a document is one object with kind and name", n.Line)
	}
	which, _ := o.want["kind"].(string)
	o.name, _ = o.want["name"].(string)
	delete(o.want, "kind")
	delete(o.want, "name")
	if which == "manifest" {
		if len(o.want) > 0 || !model.ValidName(o.name) {
			return nil, fmt.Errorf("line %d: kind: manifest has a name (letters, digits, '-', '_', '.') and nothing else", n.Line)
		}
		return o, nil
	}
	if o.kind = kindOf(which); o.kind == nil {
		return nil, fmt.Errorf("line %d: kind is manifest or one of %s", n.Line, kindNames())
	}
	if o.name == "" {
		return nil, fmt.Errorf("line %d: this %s has no name (a text)", n.Line, which)
	}
	o.special = map[string]any{}
	for _, k := range o.kind.special {
		if v, ok := o.want[k]; ok {
			o.special[k] = v
			delete(o.want, k)
		}
	}
	return o, o.check()
}

// check binds the document to the API's own body, strictly.
func (o *object) check() error {
	for _, k := range []string{"revision", "base", o.kind.field} {
		if _, ok := o.want[k]; ok {
			return o.fault(k, "%s does not stand in a manifest", k)
		}
	}
	if o.kind.name == "authorization" {
		if o.within, _ = o.special["application"].(string); o.within == "" {
			return o.fault("application", "application is missing")
		}
	}
	if err := shorthand(o.want); err != nil {
		return o.fault("connectivities", "%v", err)
	}
	if v, ok := o.special["execution_type"]; ok {
		o.want["kind"] = v // which in a manifest says what the document is
	}
	o.want[o.kind.field] = o.name
	b, err := json.Marshal(o.want)
	if err != nil {
		return o.fault("", "keys must be text, and numbers finite")
	}
	body := o.kind.body()
	if err := compat.Bind(b, body); err != nil {
		var e *model.Error
		if errors.As(err, &e) {
			return o.fault(e.Field, "%s", strings.Replace(e.Msg, "unknown field", "unknown key", 1))
		}
		return o.fault("", "%v", err)
	}
	// What the body says again, without what the file leaves out, is in the API's one form: "168h0m" is "168h".
	if b, err = json.Marshal(body); err != nil {
		return err
	}
	o.want = nil
	if err := json.Unmarshal(b, &o.want); err != nil {
		return err
	}
	compact(o.want)
	delete(o.want, "revision")
	delete(o.want, "base")
	if f, ok := o.want["filter"].(map[string]any); ok {
		for _, k := range []string{"tags", "credentials"} {
			if f[k] == nil {
				f[k] = []any{}
			}
		}
	}
	if o.kind.name == "template" {
		o.within, _ = o.want["executor"].(string)
	}
	return o.checkSpecial()
}

// shorthand lets connectivities stand as SSH:22.
func shorthand(want map[string]any) error {
	all, _ := want["connectivities"].([]any)
	for i, v := range all {
		switch v := v.(type) {
		case string:
			c, err := connectivity(v)
			if err != nil {
				return err
			}
			all[i] = c
		case map[string]any:
			if p, ok := v["protocol"].(string); ok {
				v["protocol"] = strings.ToUpper(p)
			}
		}
	}
	return nil
}

// compact drops what was not said: nulls and objects that are empty then.
func compact(m map[string]any) {
	for k, v := range m {
		if in, ok := v.(map[string]any); ok {
			compact(in)
			if len(in) == 0 {
				v = nil
			}
		}
		if v == nil {
			delete(m, k)
		}
	}
}

func (o *object) checkSpecial() error {
	if v, ok := o.special["enabled"]; ok {
		if _, ok := v.(bool); !ok {
			return o.fault("enabled", "enabled is true or false")
		}
	}
	if v, ok := o.special["execution_type"].(string); ok && !slices.Contains(model.TemplateKinds, model.TemplateKind(v)) {
		return o.fault("execution_type", "execution_type is one of %q", model.TemplateKinds)
	}
	if v, ok := o.special["file"]; ok {
		if _, ok := v.(string); !ok || o.want["content"] != "" {
			return o.fault("file", "file is a path, and stands instead of content")
		}
	}
	if _, err := o.hostKeys(); err != nil {
		return err
	}
	_, err := o.secret()
	return err
}

// hostKeys are the pins that a device must have.
func (o *object) hostKeys() ([]device.TrustedKey, error) {
	v, ok := o.special["host_keys"]
	if !ok {
		return nil, nil
	}
	all, ok := v.([]any)
	if !ok {
		return nil, o.fault("host_keys", "host_keys is a list of SHA256:... or ssh-ed25519 AAAA...")
	}
	var keys []device.TrustedKey
	for _, v := range all {
		s, _ := v.(string)
		words := strings.Fields(s)
		switch {
		case len(words) == 1:
			keys = append(keys, device.TrustedKey{Fingerprint: words[0]})
		case len(words) > 1:
			keys = append(keys, device.TrustedKey{Key: words[0] + " " + words[1]})
		}
		if len(words) == 0 || !keys[len(keys)-1].Valid() {
			return nil, o.fault("host_keys", "a host key is SHA256: with the 43 characters of ssh-keygen -lf, or ssh-ed25519 AAAA...")
		}
	}
	return keys, nil
}

// lineOf finds the line of a path such as strength.length; the nearest that exists.
func (o *object) lineOf(path string) int {
	n, line := o.node, o.line
	for _, key := range keyPath.FindAllString(path, -1) {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if i, err := strconv.Atoi(key); err == nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
			n, line = n.Content[i], n.Content[i].Line
			continue
		}
		found := false
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				line, n, found = n.Content[i].Line, n.Content[i+1], true
				break
			}
		}
		if !found {
			break
		}
	}
	return line
}

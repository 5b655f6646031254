package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/client"
	"cofre/fsm/model"
	"cofre/httpapi/manifest"
)

// change is one field that becomes different.
type change struct {
	Field string `json:"field"`
	From  any    `json:"from,omitempty"`
	To    any    `json:"to"`
}

// step is what happens to one object.
type step struct {
	Action  string   `json:"action"` // create, change, unchanged or disable
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Within  string   `json:"within,omitempty"`
	Changes []change `json:"changes,omitempty"`

	object *object
	have   map[string]any
	label  bool // the manifest's label is missing
}

// planner compares a manifest with the cluster and changes nothing.
type planner struct {
	*session
	c        *cobra.Command
	manifest *manifestFile
	dir      string                    // of the manifest: template files are found beside it
	labelled []manifest.Object         // what the manifest manages already
	known    map[string]map[string]any // what the cluster answered, by path; nil: there is none
	files    map[string]*object        // objects of the file by kind/name
}

func (p *planner) get(path string) (map[string]any, error) {
	if have, ok := p.known[path]; ok {
		return have, nil
	}
	have, err := call[map[string]any](p.session, p.c, http.MethodGet, path, nil)
	if absent(err) {
		have, err = nil, nil
	}
	if err == nil {
		p.known[path] = have
	}
	return have, err
}

// absent tells that there is no such object: the vendor's numbers for what is not found come with 400.
func absent(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status == http.StatusBadRequest && e.Code != 0)
}

// path is where the API has an object.
func (o *object) path() string {
	switch o.kind.name {
	case "authorization":
		return at("applications/%s/authorizations/%s", o.within, o.name)
	case "template":
		return at("templates/%s", o.name) + query(url.Values{"executor": {o.within}})
	}
	return at(o.kind.path+"/%s", o.name)
}

func (p *planner) plan(prune bool) ([]*step, error) {
	for _, o := range p.manifest.objects {
		p.files[keyOf(o.kind.name, o.name)] = o
	}
	if p.manifest.name != "" {
		api, err := p.client()
		if err != nil {
			return nil, err
		}
		if p.labelled, _, err = fetch[manifest.Object](p.c.Context(), api, at("manifests/%s", p.manifest.name), nil, 1_000_000); err != nil {
			return nil, err
		}
	}
	var faults []error
	var steps []*step
	for _, o := range p.manifest.objects {
		s, err := p.step(o)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		steps = append(steps, s)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	steps, err := inOrder(steps)
	if err != nil || !prune {
		return steps, err
	}
	return append(steps, p.stale()...), nil
}

func (p *planner) step(o *object) (*step, error) {
	if err := p.prepare(o); err != nil {
		return nil, err
	}
	have, err := p.get(o.path())
	if err != nil {
		return nil, o.fault("", "%v", err)
	}
	s := &step{Action: "create", Kind: o.kind.name, Name: o.name, Within: o.within, object: o, have: have}
	id, _ := have["id"].(string)
	s.label = p.manifest.name != "" && o.kind.name != "template" && !o.kind.bare && !slices.ContainsFunc(p.labelled, func(l manifest.Object) bool { return l.Kind == o.kind.name && l.ID == id && id != "" })
	if have != nil {
		if err := p.asNamed(o, have); err != nil {
			return nil, err
		}
		s.Action = "unchanged"
	}
	s.Changes = append(compare("", o.want, have), p.specials(o, have)...)
	if have != nil && s.label {
		s.Changes = append(s.Changes, change{"manifest", nil, p.manifest.name})
	}
	switch {
	case have != nil && len(s.Changes) > 0:
		s.Action = "change"
	case have == nil && o.kind.name == "credential":
		if src, _ := o.secret(); src != nil {
			return s, p.secretReady(o, src)
		}
	}
	if builtIn, _ := have["built_in"].(bool); builtIn && s.Action == "change" {
		return nil, o.fault("", "templates of the catalogue are read-only: choose another name")
	}
	return s, nil
}

// prepare resolves what the object refers to, and compiles templates.
func (p *planner) prepare(o *object) error {
	refer := func(path, kind, name string) error {
		if name == "" || p.files[keyOf(kind, name)] != nil {
			return nil
		}
		to := at(kindOf(kind).path+"/%s", name)
		x, _ := o.want["execution"].(map[string]any)
		if o.kind.name == "profile" || o.kind.name == "secret-automation" {
			x = o.want
		}
		if strings.HasSuffix(path, "template") && !strings.Contains(path, "reconcile") && x["executor"] != nil {
			to += query(url.Values{"executor": {fmt.Sprint(x["executor"])}})
		}
		have, err := p.get(to)
		if err == nil && have == nil {
			err = fmt.Errorf("there is no %s %q, neither in this file nor in the cluster", kind, name)
		}
		if err != nil {
			return o.fault(path, "%v", err)
		}
		return nil
	}
	text := func(m map[string]any, key string) string { s, _ := m[key].(string); return s }
	switch o.kind.name {
	case "template":
		return p.compile(o)
	case "authorization":
		filter, _ := o.want["filter"].(map[string]any)
		err := errors.Join(refer("application", "application", o.within), p.identify(o, "filter.credentials", filter, "credentials"))
		profiles, _ := o.want["profiles"].([]any)
		for i := range profiles {
			err = errors.Join(err, refer(fmt.Sprintf("profiles[%d]", i), "access-profile", fmt.Sprint(profiles[i])))
		}
		return err
	case "device":
		return errors.Join(refer("via", "device", text(o.want, "via")), p.identify(o, "via_login", o.want, "via_login"))
	case "access-profile":
		err := p.identify(o, "credentials", o.want, "credentials")
		devices, _ := o.want["devices"].([]any)
		for i := range devices {
			err = errors.Join(err, refer(fmt.Sprintf("devices[%d]", i), "device", fmt.Sprint(devices[i])))
		}
		return err
	case "profile":
		return errors.Join(refer("device", "device", text(o.want, "device")), refer("template", "template", text(o.want, "template")),
			refer("activate", "template", text(o.want, "activate")), refer("deactivate", "template", text(o.want, "deactivate")), p.identify(o, "authentication", o.want, "authentication"))
	case "secret-automation":
		err := errors.Join(refer("template", "template", text(o.want, "template")), p.automation(o))
		applications, _ := o.want["applications"].([]any)
		for i := range applications {
			err = errors.Join(err, refer(fmt.Sprintf("applications[%d]", i), "application", fmt.Sprint(applications[i])))
		}
		return err
	case "pool":
		return p.identify(o, "credentials", o.want, "credentials")
	case "chain":
		return refer("policy", "policy", text(o.want, "policy"))
	case "credential":
		x, _ := o.want["execution"].(map[string]any)
		r, _ := x["reconcile"].(map[string]any)
		err := errors.Join(refer("execution.reconcile.template", "template", text(r, "template")), p.identify(o, "execution.reconcile.authentication", r, "authentication"),
			refer("hostname", "device", text(o.want, "hostname")), refer("policy", "policy", text(o.want, "policy")),
			refer("execution.template", "template", text(x, "template")), p.identify(o, "parent", o.want, "parent"), p.identify(o, "execution.authentication", x, "authentication"))
		if src, _ := o.secret(); src != nil && src.generate != "" {
			err = errors.Join(err, refer("secret", "policy", o.generator(src)))
		}
		return err
	}
	return nil
}

// identify replaces names of credentials by their identifiers, which the API shows.
func (p *planner) identify(o *object, path string, in map[string]any, key string) error {
	one := func(v any) (any, error) {
		name, _ := v.(string)
		if name == "" || p.files["credential/"+name] != nil {
			return v, nil
		}
		have, err := p.get(at("credentials/%s", name))
		if err == nil && have == nil {
			err = fmt.Errorf("there is no credential %q, neither in this file nor in the cluster", name)
		}
		if err != nil {
			return nil, o.fault(path, "%v", err)
		}
		return have["identifier"], nil
	}
	var err error
	switch v := in[key].(type) {
	case string:
		in[key], err = one(v)
	case []any:
		for i := range v {
			if v[i], err = one(v[i]); err != nil {
				return err
			}
		}
	}
	return err
}

// asNamed shows what the API shows by id as manifests do, by name.
func (p *planner) asNamed(o *object, have map[string]any) error {
	defer func() { asSpelt(o, have) }()
	switch o.kind.name {
	case "authorization":
		filter, _ := have["filter"].(map[string]any)
		return errors.Join(p.names(filter["credentials"], "credentials", "identifier"), p.names(have["profiles"], "access-profiles", "name"))
	case "access-profile":
		return errors.Join(p.names(have["credentials"], "credentials", "identifier"), p.names(have["devices"], "devices", "hostname"))
	case "chain":
		if o.want["policy"] == "" && have["policy"] == "default" {
			have["policy"] = "" // two ways to say it
		}
	}
	return nil
}

// names puts names in the place of a list's ids.
func (p *planner) names(list any, path, field string) error {
	ids, _ := list.([]any)
	for i, id := range ids {
		s, _ := id.(string)
		to, err := p.get(at(path+"/%s", s))
		if err != nil {
			return err
		}
		if to != nil {
			ids[i] = to[field]
		}
	}
	return nil
}

func (p *planner) compile(o *object) error {
	if file, ok := o.special["file"].(string); ok {
		if !filepath.IsAbs(file) {
			file = filepath.Join(p.dir, file)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return o.fault("file", "%v", err)
		}
		o.want["content"] = string(b)
	}
	content, _ := o.want["content"].(string)
	kind, _ := o.want["kind"].(string)
	if _, _, err := compile(o.within, or(kind, string(model.TemplateChange)), content); err != nil {
		return o.fault("content", "%v (counted within the template)", err)
	}
	return nil
}

// specials compares what the API keeps beside the body.
func (p *planner) specials(o *object, have map[string]any) []change {
	var out []change
	if enabled, ok := o.special["enabled"].(bool); ok {
		field := "enabled"
		if o.kind.name == "template" {
			field = "active"
		}
		if now, _ := have[field].(bool); now != enabled && (have != nil || !enabled) {
			out = append(out, change{"enabled", have[field], enabled})
		}
	}
	for _, k := range missingKeys(o, have) {
		out = append(out, change{"host_keys", nil, or(k.Fingerprint, k.Key)})
	}
	return out
}

// stale are the objects that the manifest managed before and does not name any more; nothing is deleted, they are disabled.
func (p *planner) stale() []*step {
	var out []*step
	for _, k := range slices.Backward(kinds) {
		for _, l := range p.labelled {
			named := slices.ContainsFunc(p.manifest.objects, func(o *object) bool {
				return keyOf(o.kind.name, o.name) == keyOf(l.Kind, l.Name) && (o.within == l.Within || l.Kind != "authorization")
			})
			if l.Kind == k.name && l.Enabled && !named {
				o := &object{kind: &k, name: l.Name, within: l.Within}
				out = append(out, &step{Action: "disable", Kind: l.Kind, Name: l.Name, Within: l.Within, object: o})
			}
		}
	}
	return out
}

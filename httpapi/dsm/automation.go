package dsm

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Automation is an automation with the names of what it points at, by id.
type Automation struct {
	Row     model.DSMAutomation
	Names   map[string]string
	Devices []AutomationDevice
}

// AutomationDevice is where an automation runs, and the credential that logs in there.
type AutomationDevice struct{ Hostname, Credential string }

// AutomationPut is an automation to create (no Key) or change; nil leaves a field as it is. Names stand for objects.
type AutomationPut struct {
	Key          string
	Name         *string
	Description  *string
	Tags         *[]string
	Enabled      *bool
	Events       *[]model.DSMEvent
	Applications *[]string
	Secrets      *[]string
	Plugin       *string
	Template     *string
	Devices      *[]AutomationDevice
	Revision     uint64
}

// AutomationService is what the resource of automations needs.
type AutomationService interface {
	// Automations lists the automations after a number that the caller may manage.
	Automations(actor model.Actor, at model.Time, after uint64, limit int) ([]Automation, error)
	Automation(ctx context.Context, actor model.Actor, at model.Time, name string) (*Automation, error)
	PutAutomation(ctx context.Context, actor model.Actor, at model.Time, p AutomationPut) (*Automation, error)
	RemoveAutomation(ctx context.Context, actor model.Actor, name string) (*Automation, error)
	// Errors lists what failed for a secret, newest first.
	Errors(ctx context.Context, actor model.Actor, at model.Time, secret string) ([]model.DSMError, error)
}

// AutomationRoutes offers automations, and what failed for secrets.
func AutomationRoutes(s AutomationService) []route.Route {
	return append(vendorAutomations(s), managedAutomations(s)...)
}

// triggerText is an event as the vendor's API spells it.
func triggerText(e model.DSMEvent) string {
	noun, verb, _ := strings.Cut(string(e), ".")
	article := "a"
	if e.OfAuthorization() {
		article = "an"
	}
	return fmt.Sprintf("When %s %s is %s", article, noun, verb)
}

// triggers are the spellings of all events.
func triggers() []string {
	var all []string
	for _, e := range model.DSMEvents {
		all = append(all, triggerText(e))
	}
	return all
}

// readTriggers reads a list of events; absent stays absent.
func readTriggers(list *[]string) (*[]model.DSMEvent, error) {
	if list == nil {
		return nil, nil
	}
	events := []model.DSMEvent{}
	for _, text := range *list {
		e, err := ReadTrigger(text)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return &events, nil
}

// ReadTrigger reads one event by the vendor's spelling or by our own.
func ReadTrigger(text string) (model.DSMEvent, error) {
	i := slices.IndexFunc(model.DSMEvents, func(e model.DSMEvent) bool { return strings.EqualFold(text, triggerText(e)) || text == string(e) })
	if i < 0 {
		own := make([]string, len(model.DSMEvents))
		for i, e := range model.DSMEvents {
			own[i] = string(e)
		}
		return "", model.Errorf(model.Invalid, "there is no such trigger: it is one of %s, or in the vendor's words %s", strings.Join(own, ", "), strings.Join(triggers(), "; ")).WithField("triggers")
	}
	return model.DSMEvents[i], nil
}

func vendorAutomations(s AutomationService) []route.Route {
	v := &automations{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = tag
		return route.Route{Method: method, Path: "/iso/sctm/automation" + path, Auth: route.Authenticated, Dialect: compat.Vendor, Event: event, Doc: d, Handle: h}
	}
	one := []route.Field{{Name: "automation", Type: "object", Text: "id, name, tags, plugin, template, applications, secrets, devices, and enabled, description, triggers"}}
	fields := []route.Field{
		{Name: "name", In: "body", Required: true, Text: "unique; not a number"}, {Name: "tags", In: "body", Text: "with commas"}, {Name: "enabled", In: "body", Type: "boolean", Text: "true by default"}, {Name: "description", In: "body"},
		{Name: "triggers", In: "body", Type: "array", Required: true, Text: strings.Join(triggers(), "; ")},
		{Name: "applications", In: "body", Type: "array", Text: "names; the secrets that their authorizations own and the authorizations themselves count"},
		{Name: "secrets", In: "body", Type: "array", Text: "identities or numbers, of secrets that count besides"},
		{Name: "plugin", In: "body", Required: true, Text: "executor, by our name or the vendor's"}, {Name: "template", In: "body", Required: true, Text: "of the execution type Secret Management Automation"},
		{Name: "devices", In: "body", Type: "array", Required: true, Text: "hostname and credential, which logs in there: number, identifier, or the user name on that host"},
	}
	const text = "Whoever saves it may read the secrets, and read and use every credential; each run is decided again on that."
	return []route.Route{
		add(http.MethodPost, "", "dsm.automation_put", v.create, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Create an automation", Text: "It runs a template on devices whenever something happens to a secret or an authorization. " + text, Status: http.StatusCreated, Fields: fields, Returns: one}),
		add(http.MethodGet, "s", route.NoEvent, v.list, route.Doc{Needs: route.Reads(model.ModuleSecrets, ""), Summary: "List automations that you may manage", Returns: []route.Field{{Name: "automations", Type: "array"}}}),
		add(http.MethodGet, "/{id}", route.NoEvent, v.get, route.Doc{Needs: route.Reads(model.ModuleSecrets, ""), Summary: "Show an automation", Text: "By number or name.", Returns: one}),
		add(http.MethodPut, "/{id}", "dsm.automation_put", v.update, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Change an automation", Text: "What is absent stays. " + text, Fields: fields, Returns: one}),
		add(http.MethodDelete, "/{id}", "dsm.automation_put", v.remove, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Delete an automation", Text: "Runs that have not begun end without doing anything. Any body is ignored.", Returns: one}),
	}
}

type automations struct{ s AutomationService }

func automationObject(a *Automation) compat.Object {
	r := &a.Row
	var events, hosts []string
	for _, e := range r.Events {
		events = append(events, triggerText(e))
	}
	for _, d := range a.Devices {
		hosts = append(hosts, d.Hostname)
	}
	var tags any // null, or one text, unlike everywhere else
	if len(r.Tags) > 0 {
		tags = strings.Join(r.Tags, ", ")
	}
	return compat.Object{
		{Name: "id", Value: strconv.FormatUint(r.Number, 10)}, {Name: "name", Value: r.Name}, {Name: "tags", Value: tags}, {Name: "enabled", Value: r.Enabled}, {Name: "description", Value: r.Description},
		{Name: "triggers", Value: events}, {Name: "plugin", Value: string(r.Executor)}, {Name: "template", Value: a.Names[string(r.Template)]},
		{Name: "applications", Value: named(a.Names, r.Applications)}, {Name: "secrets", Value: named(a.Names, r.Secrets)}, {Name: "devices", Value: append([]string{}, hosts...)},
	}
}

// named gives the names of objects that are still there.
func named[T ~string](names map[string]string, ids []T) []string {
	out := []string{}
	for _, id := range ids {
		if n := names[string(id)]; n != "" {
			out = append(out, n)
		}
	}
	return out
}

func automationReply(a *Automation, text string) compat.Reply {
	return compat.OK(text, compat.Member{Name: "automation", Value: automationObject(a)})
}

func (v *automations) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	all, err := v.s.Automations(r.Actor, r.At, 0, 0)
	if err != nil {
		return compat.Reply{}, err
	}
	rows := make([]compat.Object, len(all))
	for i := range all {
		rows[i] = automationObject(&all[i])
	}
	return compat.OK("Automations list", compat.Member{Name: "automations", Value: rows}), nil
}

func (v *automations) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := v.s.Automation(ctx, r.Actor, r.At, r.Param("id"))
	if err != nil {
		return compat.Reply{}, err
	}
	return automationReply(a, "Automation retrieved successfully."), nil
}

func readAutomation(in *compat.Input) (p AutomationPut, err error) {
	p = AutomationPut{Name: in.Pointer("name"), Description: in.Pointer("description"), Plugin: in.Pointer("plugin"), Template: in.Pointer("template")}
	if p.Enabled, err = in.Bool("enabled"); err != nil {
		return p, err
	}
	var events *[]string
	for _, f := range []struct {
		name string
		to   **[]string
	}{{"tags", &p.Tags}, {"triggers", &events}, {"applications", &p.Applications}, {"secrets", &p.Secrets}} {
		if *f.to, err = in.List(f.name); err != nil {
			return p, err
		}
	}
	if p.Events, err = readTriggers(events); err != nil {
		return p, err
	}
	devices, err := in.Document("devices")
	if err != nil || devices.Absent() {
		return p, err
	}
	p.Devices = &[]AutomationDevice{}
	for _, d := range devices.Items() {
		if !d.IsObject() {
			return p, model.Errorf(model.Invalid, "devices are objects of hostname and credential").WithField("devices")
		}
		*p.Devices = append(*p.Devices, AutomationDevice{Hostname: d.Member("hostname").Text(), Credential: d.Member("credential").Text()})
	}
	return p, nil
}

func (v *automations) put(ctx context.Context, r *route.Request, key, text string) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	p, err := readAutomation(in)
	if err != nil {
		return compat.Reply{}, err
	}
	p.Key = key
	a, err := v.s.PutAutomation(ctx, r.Actor, r.At, p)
	if err != nil {
		return compat.Reply{}, err
	}
	return automationReply(a, text), nil
}

func (v *automations) create(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := v.put(ctx, r, "", "Automation created successfully.")
	a.Status = http.StatusCreated
	return a, err
}

func (v *automations) update(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return v.put(ctx, r, r.Param("id"), "Automation updated successfully.")
}

func (v *automations) remove(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := v.s.RemoveAutomation(ctx, r.Actor, r.Param("id"))
	if err != nil {
		return compat.Reply{}, err
	}
	return automationReply(a, "Automation deleted successfully."), nil
}

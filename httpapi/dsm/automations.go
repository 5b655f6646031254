package dsm

import (
	"context"
	"net/http"
	"strconv"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// AutomationView is an automation as management calls show it.
type AutomationView struct {
	ID           model.DSMAutomationID  `json:"id"`
	Number       uint64                 `json:"number"`
	Name         string                 `json:"name"`
	Description  string                 `json:"description"`
	Tags         []string               `json:"tags"`
	Enabled      bool                   `json:"enabled"`
	Triggers     []model.DSMEvent       `json:"triggers"`
	Applications []string               `json:"applications"`
	Secrets      []string               `json:"secrets" doc:"identities"`
	Executor     string                 `json:"executor"`
	Template     string                 `json:"template"`
	Devices      []AutomationDeviceBody `json:"devices"`
	By           string                 `json:"by" doc:"application/authorization that saved it last: it hands over what that one may read"`
	CreatedAt    compat.Time            `json:"created_at"`
	LastAt       compat.Time            `json:"last_at,omitempty" doc:"when runs of it were ordered last: they are operations of the kind secret_management_automation"`
	Revision     uint64                 `json:"revision"`
}

// AutomationDeviceBody is where an automation runs.
type AutomationDeviceBody struct {
	Hostname   string `json:"hostname" doc:"must be that of the credential; may be absent"`
	Credential string `json:"credential" doc:"number, identifier or user@host, or the user name on the host that is named; logs in"`
}

// AutomationBody is an automation to create or change; what is absent stays as it is.
type AutomationBody struct {
	Name         *string                 `json:"name" doc:"unique"`
	Description  *string                 `json:"description"`
	Tags         *[]string               `json:"tags"`
	Enabled      *bool                   `json:"enabled" doc:"true by default"`
	Triggers     *[]string               `json:"triggers" doc:"secret.created, secret.updated, secret.inactivated, secret.activated, and the same of authorization"`
	Applications *[]string               `json:"applications" doc:"names; the secrets that their authorizations own, and the authorizations, count"`
	Secrets      *[]string               `json:"secrets" doc:"identities, numbers or ids that count besides"`
	Executor     *string                 `json:"executor"`
	Template     *string                 `json:"template" doc:"of the kind Secret Management Automation"`
	Devices      *[]AutomationDeviceBody `json:"devices"`
	Revision     uint64                  `json:"revision" doc:"refuse if it is not the current one"`
}

// ErrorView is something that failed for a secret.
type ErrorView struct {
	At        compat.Time `json:"at"`
	Task      string      `json:"task" doc:"automation, provision, deprovision or renewal"`
	Operation uint64      `json:"operation,omitempty" doc:"number, if there was one"`
	Message   string      `json:"message"`
}

func managedAutomations(s AutomationService) []route.Route {
	m := &managedAutomation{s}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = tag
		return route.Route{Method: method, Path: "/api/v1/" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	const text = "It runs a template on devices whenever something happens to a secret or an authorization. Whoever saves it may read the secrets, and read and use every credential; each run is decided again on that."
	return []route.Route{
		add(http.MethodGet, "secret-automations", route.NoEvent, m.list, route.Doc{Needs: route.Reads(model.ModuleSecrets, ""), Summary: "List automations of secrets that you may manage", Returns: route.Listed[AutomationView]{}, Fields: route.PageFields}),
		add(http.MethodPost, "secret-automations", "dsm.automation_put", m.create, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Create an automation of secrets", Text: text, Status: http.StatusCreated, Body: AutomationBody{}, Returns: AutomationView{}}),
		add(http.MethodGet, "secret-automations/{name}", route.NoEvent, m.get, route.Doc{Needs: route.Reads(model.ModuleSecrets, ""), Summary: "Show an automation of secrets", Returns: AutomationView{}}),
		add(http.MethodPut, "secret-automations/{name}", "dsm.automation_put", m.change, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Change an automation of secrets", Text: text, Body: AutomationBody{}, Returns: AutomationView{}}),
		add(http.MethodDelete, "secret-automations/{name}", "dsm.automation_put", m.remove, route.Doc{Needs: route.Writes(model.ModuleSecrets, model.CredentialWrite), Summary: "Remove an automation of secrets", Text: "Runs that have not begun end without doing anything.", Returns: AutomationView{}}),
		add(http.MethodGet, "secrets/{name}/errors", route.NoEvent, m.errors, route.Doc{Needs: route.Reads(model.ModuleSecrets, ""), Summary: "List what failed for an application secret", Text: "Newest first: the last 50 automations, renewals and dynamic users that failed for good. Never a value.", Returns: route.Listed[ErrorView]{}, Fields: route.PageFields}),
	}
}

type managedAutomation struct{ s AutomationService }

func automationView(a *Automation) AutomationView {
	r := &a.Row
	v := AutomationView{ID: r.ID, Number: r.Number, Name: r.Name, Description: r.Description, Tags: append([]string{}, r.Tags...), Enabled: r.Enabled, Triggers: r.Events, Applications: named(a.Names, r.Applications), Secrets: named(a.Names, r.Secrets),
		Executor: string(r.Executor), Template: a.Names[string(r.Template)], Devices: []AutomationDeviceBody{}, By: a.Names[string(r.By)], CreatedAt: compat.Time(r.CreatedAt), LastAt: compat.Time(r.LastAt), Revision: r.Revision}
	for _, d := range a.Devices {
		v.Devices = append(v.Devices, AutomationDeviceBody(d))
	}
	return v
}

func (m *managedAutomation) list(_ context.Context, r *route.Request) (compat.Reply, error) {
	limit, after, err := r.Cursor()
	if err != nil {
		return compat.Reply{}, err
	}
	all, err := m.s.Automations(r.Actor, r.At, after, limit+1)
	if err != nil {
		return compat.Reply{}, err
	}
	page := route.Listed[AutomationView]{Items: []AutomationView{}}
	for i := range all {
		if i == limit {
			page.Next = strconv.FormatUint(page.Items[limit-1].Number, 10)
			break
		}
		page.Items = append(page.Items, automationView(&all[i]))
	}
	return compat.JSON(page), nil
}

func oneAutomation(a *Automation, err error) (compat.Reply, error) {
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(automationView(a)), nil
}

func (m *managedAutomation) get(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return oneAutomation(m.s.Automation(ctx, r.Actor, r.At, r.Param("name")))
}

func (m *managedAutomation) create(ctx context.Context, r *route.Request) (compat.Reply, error) {
	a, err := m.put(ctx, r, "")
	a.Status = http.StatusCreated
	return a, err
}

func (m *managedAutomation) change(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return m.put(ctx, r, r.Param("name"))
}

func (m *managedAutomation) put(ctx context.Context, r *route.Request, key string) (compat.Reply, error) {
	var b AutomationBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	p := AutomationPut{Key: key, Name: b.Name, Description: b.Description, Tags: b.Tags, Enabled: b.Enabled, Applications: b.Applications, Secrets: b.Secrets, Plugin: b.Executor, Template: b.Template, Revision: b.Revision}
	var err error
	if p.Events, err = readTriggers(b.Triggers); err != nil {
		return compat.Reply{}, err
	}
	if b.Devices != nil {
		p.Devices = &[]AutomationDevice{}
		for _, d := range *b.Devices {
			*p.Devices = append(*p.Devices, AutomationDevice(d))
		}
	}
	return oneAutomation(m.s.PutAutomation(ctx, r.Actor, r.At, p))
}

func (m *managedAutomation) remove(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return oneAutomation(m.s.RemoveAutomation(ctx, r.Actor, r.Param("name")))
}

func (m *managedAutomation) errors(ctx context.Context, r *route.Request) (compat.Reply, error) {
	limit, before, err := r.Cursor()
	if err != nil {
		return compat.Reply{}, err
	}
	all, err := m.s.Errors(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	page, last := route.Listed[ErrorView]{Items: []ErrorView{}}, uint64(0)
	for _, e := range all {
		if before != 0 && e.N >= before {
			continue
		}
		if len(page.Items) == limit {
			page.Next = strconv.FormatUint(last, 10)
			break
		}
		last = e.N
		page.Items = append(page.Items, ErrorView{At: compat.Time(e.At), Task: e.Task, Operation: e.Operation, Message: e.Message})
	}
	return compat.JSON(page), nil
}

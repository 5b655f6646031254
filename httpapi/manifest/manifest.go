// Package manifest is the management resource of labels: which objects a file of `cofre apply` manages. A label gives no
// right; it tells `cofre apply --prune` which objects it may disable. Labelling an object is a change of it, decided and
// audited like every other.
package manifest

import (
	"context"
	"net/http"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Object is one labelled object.
type Object struct {
	Kind    string `json:"kind" doc:"application, authorization, device, credential, policy, template or secret-automation"`
	ID      string `json:"id"`
	Name    string `json:"name" doc:"as a manifest names it"`
	Within  string `json:"within,omitempty" doc:"application of an authorization, executor of a template"`
	Enabled bool   `json:"enabled"`
}

// Service is what the resource needs.
type Service interface {
	Labelled(ctx context.Context, actor model.Actor, at model.Time, label string) ([]Object, error)
	// Label puts a label on an object, named by kind and id.
	Label(ctx context.Context, actor model.Actor, at model.Time, label, kind, id string) error
}

// kinds are the objects that can be labelled, with the audit event of a change of theirs. A template takes its label with
// a new version only.
var kinds = []struct {
	name, event string
	needs       route.Needs
}{
	{"application", "application.put", route.Writes(model.ModuleA2A, model.AuthorizationWrite)}, {"authorization", "authorization.put", route.Writes(model.ModuleA2A, model.AuthorizationWrite)},
	{"device", "device.put", route.Writes(model.ModulePAM, model.CredentialWrite)}, {"credential", "credential.put", route.Writes(model.ModulePAM, model.CredentialWrite)},
	{"policy", "policy.put", route.Writes(model.ModulePAM, model.PolicyWrite)}, {"secret-automation", "dsm.automation_put", route.Writes(model.ModuleSecrets, model.CredentialWrite)},
}

// Routes offers the resource.
func Routes(s Service) []route.Route {
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag = "manifest"
		return route.Route{Method: method, Path: "/api/v1/manifests/{manifest}" + path, Auth: route.Authenticated, Dialect: compat.Management, Event: event, Doc: d, Handle: h}
	}
	all := []route.Route{add(http.MethodGet, "", route.NoEvent, func(ctx context.Context, r *route.Request) (compat.Reply, error) {
		list, err := s.Labelled(ctx, r.Actor, r.At, r.Param("manifest"))
		if err != nil {
			return compat.Reply{}, err
		}
		page, err := route.Page(r, list, func(o Object) string { return o.Kind + "/" + o.ID })
		if err != nil {
			return compat.Reply{}, err
		}
		return compat.JSON(page), nil
	}, route.Doc{Needs: route.Reads(model.ModulePAM, ""), Summary: "List the objects that a manifest manages", Returns: route.Listed[Object]{}, Fields: route.PageFields})}
	for _, k := range kinds {
		all = append(all, add(http.MethodPut, "/"+k.name+"/{id}", k.event, func(ctx context.Context, r *route.Request) (compat.Reply, error) {
			if !model.ValidName(r.Param("manifest")) {
				return compat.Reply{}, model.Errorf(model.Invalid, "a manifest's name has 1 to 63 letters, digits, '-', '_' or '.'").WithField("manifest")
			}
			if err := s.Label(ctx, r.Actor, r.At, r.Param("manifest"), k.name, r.Param("id")); err != nil {
				return compat.Reply{}, err
			}
			return compat.JSON(nil), nil
		}, route.Doc{Needs: k.needs, Summary: "Label: this manifest manages the " + k.name}))
	}
	return all
}

package dsm

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// MaxWait is how long a read may wait for dynamic users: such requests do not take the place of ordinary ones.
const MaxWait = 10 * time.Second

func provisionRoutes(v *vendor) []route.Route {
	fields := []route.Field{{Name: "pod_name", In: "body"}, {Name: "deploy", In: "body"}, {Name: "namespace", In: "body"},
		{Name: "secret_id", In: "body", Text: "or identity; absent: every secret of the authorization that holds ephemeral credentials"}, {Name: "identity", In: "body"}}
	add := func(method, path, event string, h route.Handler, d route.Doc) route.Route {
		d.Tag, d.Fields = tag, fields
		return route.Route{Method: method, Path: path, Auth: route.Authenticated, Dialect: compat.Vendor, Event: event, Doc: d, Handle: h, Waits: MaxWait}
	}
	all := []route.Field{{Name: "application", Type: "object", Text: "name, description, tags, system, environment, secrets"}, {Name: "secret", Type: "object", Text: "when one was named"}}
	const how = "Idempotent: the same pod, deploy and namespace get the same users while those live. 503 with Retry-After when they are not there within 10 seconds."
	list := []route.Route{
		add(http.MethodPost, "/iso/coe/dapp/provision", "dsm.read", v.provision, route.Doc{Needs: route.Reads(model.ModuleApplication, model.SecretRead), Summary: "Create ephemeral credentials of secrets for a pod", Text: how, Returns: all}),
		add(http.MethodGet, "/iso/coe/dapp/provision", "dsm.read", v.provision, route.Doc{Needs: route.Reads(model.ModuleApplication, model.SecretRead), Summary: "Create ephemeral credentials of secrets for a pod", Text: how, Returns: all}),
	}
	for _, path := range []string{"/iso/coe/dapp/deprovision", "/iso/dapp/deprovision"} {
		list = append(list, add(http.MethodPost, path, "dsm.deprovisioned", v.deprovision, route.Doc{Needs: route.Reads(model.ModuleApplication, ""), Summary: "Remove the ephemeral credentials of a pod", Text: "Idempotent. Their removal is retried until they are proven gone."}))
	}
	return list
}

// podOf reads which pod asks; without any of its names, the authorization itself.
func podOf(in *compat.Input) (string, error) {
	if err := in.Texts("namespace", "deploy", "deployment", "pod_name", "pod", "secret_id", "identity", "identifier"); err != nil {
		return "", err // what is no text would be taken for nothing, which stands for every secret
	}
	names := []string{in.Text("namespace"), in.Text("deploy", "deployment"), in.Text("pod_name", "pod")}
	empty := 0
	for i, field := range []string{"namespace", "deploy", "pod_name"} {
		switch {
		case names[i] == "":
			empty++
		case strings.Contains(names[i], "/") || len(names[i]) > 253:
			return "", model.Errorf(model.Invalid, "a name of Kubernetes has at most 253 characters and no slash").WithField(field)
		}
	}
	switch empty {
	case 0:
		return strings.Join(names, "/"), nil
	case len(names):
		return "", nil
	}
	return "", model.Errorf(model.Invalid, "pod_name, deploy and namespace are sent together").WithCode(1004).WithField("pod_name")
}

func (v *vendor) provision(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	pod, err := podOf(in)
	if err != nil {
		return compat.Reply{}, err
	}
	name := in.Text("secret_id", "identity", "identifier")
	a, err := v.s.Provision(ctx, r.Actor, name, pod)
	if err != nil {
		return compat.Reply{}, err
	}
	payload := []compat.Member{applicationMember(a)}
	if name != "" && len(a.Secrets) == 1 {
		payload = []compat.Member{{Name: "secret", Value: append(listed(a.Secrets)[0], renewals(&a.Secrets[0].Secret)...)}}
	}
	return compat.OK("Secret provisions done.", payload...), nil
}

// renewals are the intervals of renewal in minutes, as the vendor shows them where one secret is provisioned; false is off. One
// holds for keys of clouds and for other dynamic users.
func renewals(s *model.DSMSecret) compat.Object {
	minutes := func(every int64) any {
		if every == 0 {
			return false
		}
		return strconv.FormatInt(int64(model.Span(every).Minutes()), 10)
	}
	return compat.Object{{Name: "renew_cloud_time", Value: minutes(s.RenewEphemeral)}, {Name: "renew_credential_time", Value: minutes(s.RenewCredential)},
		{Name: "renew_ephemeral_credential_time", Value: minutes(s.RenewEphemeral)}}
}

func (v *vendor) deprovision(ctx context.Context, r *route.Request) (compat.Reply, error) {
	in, err := r.Input()
	if err != nil {
		return compat.Reply{}, err
	}
	pod, err := podOf(in)
	if err != nil {
		return compat.Reply{}, err
	}
	n, err := v.s.Deprovision(ctx, r.Actor, in.Text("secret_id", "identity", "identifier"), pod)
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.OK(fmt.Sprintf("Secret deprovisions done: %d credentials are being removed", n)), nil
}

package dsm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"cofre/cmd/cofre/client"
)

// Name names an application's authorization.
type Name struct{ Application, System, Environment string }

// Variable is one value of a secret, under the name that it has in the application.
type Variable struct{ Name, Value string }

// Fetch reads every secret of an application as variables, in the order of their names. Of a name that several secrets
// hold, the last one counts. sealed tells that values are encrypted to the authorization's key, and are handed on as they came.
func Fetch(ctx context.Context, api *client.Client, n Name) (all []Variable, sealed bool, err error) {
	return fetch(ctx, api, n, mapping{})
}

// The vendor's numbers for something that the caller may not have, or may only read.
const noAccess, readOnly = 1009, 1039

type answer struct {
	ID          string `json:"id"`
	Signature   string `json:"signature"`
	Application struct {
		Name        string   `json:"name"`
		System      string   `json:"system"`
		Environment string   `json:"environment"`
		Secrets     []secret `json:"secrets"`
	} `json:"application"`
}

type secret struct {
	Data []map[string]string `json:"data"`
}

// fetch goes the way of the dsm client: register, go on with the keys of the application, send what is mapped, read.
func fetch(ctx context.Context, api *client.Client, n Name, m mapping) (out []Variable, sealed bool, err error) {
	api, refused, err := register(ctx, api, n)
	if err != nil {
		return nil, false, err
	}
	var a answer
	if len(m.text) > 0 {
		if refused != nil { // the variables would become secrets of whoever owns the keys
			if err := read(ctx, api, n, refused, &a); err != nil {
				return nil, false, err
			}
		}
		env, err := m.document()
		if err != nil {
			return nil, false, err
		}
		body := map[string]string{"env": encoded(env), "map": encoded(m.text)}
		if err := api.Do(ctx, http.MethodPost, "/iso/cicd/variables", body, nil); err != nil {
			return nil, false, fmt.Errorf("register the variables of the mapping file: %w", err)
		}
	}
	if err := read(ctx, api, n, refused, &a); err != nil {
		return nil, false, err
	}
	all := map[string]string{}
	for _, s := range a.Application.Secrets {
		for _, d := range s.Data {
			maps.Copy(all, d)
		}
	}
	out = make([]Variable, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, Variable{name, all[name]})
	}
	return out, api.Sealed(), nil
}

// read gets the secrets of the keys' application, if it is the one that was asked for. refused is why its keys were not given, if they
// were asked for.
func read(ctx context.Context, api *client.Client, n Name, refused *client.Error, a *answer) error {
	*a = answer{}
	if err := api.Do(ctx, http.MethodGet, "/iso/dapp/application", nil, a); err != nil {
		return fmt.Errorf("read the secrets of %s: %w", n.Application, err)
	}
	got := Name{a.Application.Name, a.Application.System, a.Application.Environment}
	switch {
	case got == n:
		return nil
	case refused != nil:
		return fmt.Errorf("the client keys belong to the application %q, system %q, environment %q, and get no others for %q, %q, %q (%w): an administrator lets them with cofre authorization update --write --creates --delegate '%s/%s/%s'",
			got.Application, got.System, got.Environment, n.Application, n.System, n.Environment, refused, n.Application, n.System, n.Environment)
	}
	return fmt.Errorf("the client keys belong to the application %q, system %q, environment %q; another is reached by keys that may register applications, and by all three names", got.Application, got.System, got.Environment)
}

// register finds or makes the application and continues with its keys. Keys that may not register applications may still
// be those of the application itself; read compares the names, and says why no others were given. An authorization with less than all three names is never made:
// a name that somebody forgot would make one more.
func register(ctx context.Context, api *client.Client, n Name) (_ *client.Client, refused *client.Error, err error) {
	if n.System == "" || n.Environment == "" {
		return api, nil, nil
	}
	var a answer
	err = api.Do(ctx, http.MethodPost, "/iso/dapp/application", map[string]string{"application": n.Application, "system": n.System, "environment": n.Environment}, &a)
	switch {
	case errors.As(err, &refused) && (refused.Code == noAccess || refused.Code == readOnly):
		return api, refused, nil
	case err != nil:
		return nil, nil, fmt.Errorf("register the application %s: %w", n.Application, err)
	case a.ID == "" || a.Signature == "":
		return api, nil, nil
	}
	return api.As(a.ID, a.Signature), nil, nil
}

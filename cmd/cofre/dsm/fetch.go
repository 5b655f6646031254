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
func Fetch(ctx context.Context, api *client.Client, conn client.Config, n Name) (all []Variable, sealed bool, err error) {
	return fetch(ctx, api, conn, n, mapping{})
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
func fetch(ctx context.Context, api *client.Client, conn client.Config, n Name, m mapping) (out []Variable, sealed bool, err error) {
	if api, err = register(ctx, api, conn, n); err != nil {
		return nil, false, err
	}
	if len(m.text) > 0 {
		env, err := m.document()
		if err != nil {
			return nil, false, err
		}
		body := map[string]string{"env": encoded(env), "map": encoded(m.text)}
		if err := api.Do(ctx, http.MethodPost, "/iso/cicd/variables", body, nil); err != nil {
			return nil, false, fmt.Errorf("register the variables of the mapping file: %w", err)
		}
	}
	var a answer
	if err := api.Do(ctx, http.MethodGet, "/iso/dapp/application", nil, &a); err != nil {
		return nil, false, fmt.Errorf("read the secrets of %s: %w", n.Application, err)
	}
	if got := (Name{a.Application.Name, a.Application.System, a.Application.Environment}); got != n {
		return nil, false, fmt.Errorf("the client keys belong to the application %q, system %q, environment %q; another is reached by keys that may register applications, and by all three names", got.Application, got.System, got.Environment)
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

// register finds or makes the application and continues with its keys. Keys that may not register applications may still
// be those of the application itself; fetch compares the names. An authorization with less than all three names is never made:
// a name that somebody forgot would make one more.
func register(ctx context.Context, api *client.Client, conn client.Config, n Name) (*client.Client, error) {
	if n.System == "" || n.Environment == "" {
		return api, nil
	}
	var a answer
	err := api.Do(ctx, http.MethodPost, "/iso/dapp/application", map[string]string{"application": n.Application, "system": n.System, "environment": n.Environment}, &a)
	var refused *client.Error
	switch {
	case errors.As(err, &refused) && (refused.Code == noAccess || refused.Code == readOnly):
		return api, nil
	case err != nil:
		return nil, fmt.Errorf("register the application %s: %w", n.Application, err)
	case a.ID == "" || a.Signature == "":
		return api, nil
	}
	conn.ClientID, conn.ClientSecret = a.ID, a.Signature
	return client.New(conn)
}

package dashboard

import (
	"context"
	"net/http"
	"strconv"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// vendorRoutes are the vendor's dashboards of credentials. Those of risk belong to a module that Cofre does not have.
func vendorRoutes(s Service) []route.Route {
	var list []route.Route
	for _, d := range []struct {
		path, alias, text string
		expired, using    bool
	}{
		{"all", "all", "Credentials whose change is overdue, and those in custody", true, true},
		{"expired", "expiradas", "Credentials whose change is overdue", true, false},
		{"using", "utilizacao", "Credentials in custody", false, true},
	} {
		list = append(list, route.Route{
			Method: http.MethodGet, Path: "/iso/dash/credentials/" + d.path, Aliases: []string{"/iso/coge/credenciais/" + d.alias}, Auth: route.Authenticated, Dialect: compat.Vendor, Event: route.NoEvent,
			Doc: route.Doc{Tag: "dashboard", Needs: route.Reads(model.ModuleDashboards, ""), Summary: d.text, Text: "Counts of what the caller reaches, as texts.", Returns: []route.Field{{Name: "credentials", Type: "object", Text: "expired, using"}}},
			Handle: func(_ context.Context, r *route.Request) (compat.Reply, error) {
				expired, using, err := s.CredentialUse(r.Actor, r.At)
				if err != nil {
					return compat.Reply{}, err
				}
				o := compat.Object{}
				if d.expired {
					o = append(o, compat.Member{Name: "expired", Value: strconv.Itoa(expired)})
				}
				if d.using {
					o = append(o, compat.Member{Name: "using", Value: strconv.Itoa(using)})
				}
				return compat.OK("Credentials", compat.Member{Name: "credentials", Value: o}), nil
			},
		})
	}
	return list
}

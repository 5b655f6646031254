package api

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"cofre/httpapi/application"
)

func whoamiCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Show with which keys and rights you call", Args: cobra.NoArgs, Example: "  cofre whoami\n  cofre whoami --json | jq -r .authorization.rights[]",
		RunE: func(c *cobra.Command, _ []string) error {
			me, err := call[application.WhoAmI](s, c, http.MethodGet, "/api/v1/whoami", nil)
			if err != nil {
				return err
			}
			return s.show(c, me, func(w io.Writer) error {
				if err := details(w, "application", me.Application.Name); err != nil {
					return err
				}
				if err := showAuthorization(w, &me.Authorization); err != nil {
					return err
				}
				for _, p := range me.Profiles {
					fmt.Fprintf(w, "access profile  %s: %s\n", clean(p.Name), or(join(p.Rights), "see"))
				}
				return nil
			})
		},
	}
}

func showAuthorization(w io.Writer, a *application.Authorization) error {
	reach := "only what it creates itself"
	switch {
	case a.Filter.All:
		reach = "every credential"
	case len(a.Filter.Tags)+len(a.Filter.Credentials) > 0:
		reach = "tags [" + join(a.Filter.Tags) + "] credentials [" + join(a.Filter.Credentials) + "]"
	}
	return details(w, "authorization", a.Name, "client id", a.ClientID, "enabled", word(a.Enabled, "yes", "no"), "modules", join(a.Modules), "write", word(a.Write, "yes", "no"),
		"rights", or(join(a.Rights), "none"), "reaches", reach, "addresses", or(join(a.IPs), "any"), "answers", word(a.PublicKey != "", "encrypted to a key", "as they are"), "environment", a.Environment, "system", a.System,
		"tokens live", word(a.TokenTTL != 0, span(a.TokenTTL), ""), "expires", or(moment(a.ExpiresAt), "never"), "created", moment(a.CreatedAt))
}

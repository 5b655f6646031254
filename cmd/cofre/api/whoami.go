package api

import (
	"fmt"
	"io"
	"net/http"
	"strings"

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
				if err := s.showAuthorization(c, w, &me.Authorization); err != nil {
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

func (s *session) showAuthorization(c *cobra.Command, w io.Writer, a *application.Authorization) error {
	return details(w, "authorization", a.Name, "client id", a.ClientID, "enabled", word(a.Enabled, "yes", "no"), "modules", join(a.Modules), "write", word(a.Write, "yes", "no"),
		"rights", or(join(a.Rights), "none"), "reaches", s.reach(c, a), "addresses", or(join(a.IPs), "any"), "referrers", join(a.Referrers), "certificate", a.Certificate, "answers", word(a.PublicKey != "", "encrypted to a key", "as they are"), "environment", a.Environment, "system", a.System,
		"access profiles", join(s.accessProfiles(c, a.Profiles)), "registers", registers(a), "tokens live", word(a.TokenTTL != 0, span(a.TokenTTL), ""), "expires", or(moment(a.ExpiresAt), "never"), "created", moment(a.CreatedAt))
}

// reach tells which credentials an authorization reaches, as people name them.
func (s *session) reach(c *cobra.Command, a *application.Authorization) string {
	if a.Filter.All {
		return "every credential"
	}
	reach := []string{"what it creates itself"}
	if len(a.Filter.Tags) > 0 {
		reach = append(reach, "credentials with a tag of "+join(a.Filter.Tags))
	}
	if len(a.Filter.Credentials) > 0 {
		reach = append(reach, "the credentials "+join(s.identifiers(c, a.Filter.Credentials)))
	}
	if len(reach) == 1 {
		return "only " + reach[0]
	}
	return strings.Join(reach, "; ")
}

// registers tells for which applications a pipeline gets keys with it.
func registers(a *application.Authorization) string {
	if !a.Creates {
		return ""
	}
	names := []string{"applications that it makes"}
	for _, d := range a.Delegations {
		names = append(names, strings.Join([]string{join(d.Applications), join(d.Systems), join(d.Environments)}, "/"))
	}
	return strings.Join(names, "; ")
}

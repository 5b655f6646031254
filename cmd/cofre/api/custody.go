package api

import (
	"github.com/spf13/cobra"

	"cofre/httpapi/credential"
)

func custodiesCommand(s *session) *cobra.Command {
	c := &cobra.Command{Use: "custodies", Short: "List who holds credentials, and until when", Args: cobra.NoArgs, Long: "List the custodies of the credentials that you reach. One ends by cofre credential release, or by itself.",
		Example: "  cofre credential custodies --mine\n  cofre credential custodies --credential web1-root --json"}
	limit := s.lists(c, 1000)
	queryFlags(c, "credential", "only of this credential")
	c.Flags().Bool("mine", false, "only what you hold")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/custodies", queryOf(c, "credential", "mine"), *limit, nil, "CREDENTIAL USERNAME HOSTNAME HOLDER MINE SINCE UNTIL CHANGE", func(h credential.Custody) []string {
			return []string{h.Identifier, h.Username, h.Hostname, h.Holder, word(h.Mine, "yes", "no"), moment(h.Since), moment(h.Until), moment(h.RotateAt)}
		})
	}
	return c
}

package api

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/httpapi/policy"
)

func poolCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List pools", Args: cobra.NoArgs, Example: "  cofre pool list"}
	limit := s.lists(list, 1000)
	list.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/pools", nil, *limit, func(a, b policy.PoolView) int { return strings.Compare(a.Name, b.Name) },
			"NUMBER NAME CREDENTIALS", func(p policy.PoolView) []string {
				return []string{strconv.FormatUint(p.Number, 10), p.Name, join(p.Credentials)}
			})
	}
	show := &cobra.Command{Use: "show NAME", Short: "Show a pool", Args: cobra.ExactArgs(1), Example: "  cofre pool show rest", RunE: func(c *cobra.Command, args []string) error {
		return s.pool(c, http.MethodGet, at("pools/%s", args[0]), nil)
	}}
	create := &cobra.Command{Use: "create NAME CREDENTIAL...", Short: "Create a pool of credentials", Args: cobra.MinimumNArgs(2), Example: "  cofre pool create rest web2-app web3-app", RunE: func(c *cobra.Command, args []string) error {
		rest := args[1:]
		return s.pool(c, http.MethodPost, "/api/v1/pools", policy.PoolBody{Name: &args[0], Credentials: &rest})
	}}
	update := &cobra.Command{Use: "update NAME", Short: "Change a pool", Args: cobra.ExactArgs(1), Example: "  cofre pool update rest --credentials web2-app,web4-app"}
	update.Flags().String("name", "", "new name")
	update.Flags().StringSlice("credentials", nil, "replace its credentials by these")
	update.Flags().Uint64("revision", 0, "refuse if it is not the current one")
	update.RunE = func(c *cobra.Command, args []string) error {
		b := policy.PoolBody{Name: text(c, "name"), Credentials: texts(c, "credentials")}
		b.Revision, _ = c.Flags().GetUint64("revision")
		return s.pool(c, http.MethodPut, at("pools/%s", args[0]), b)
	}
	remove := &cobra.Command{Use: "delete NAME", Short: "Delete a pool that no chain names", Args: cobra.ExactArgs(1), Example: "  cofre pool delete rest", RunE: func(c *cobra.Command, args []string) error {
		_, err := call[struct{}](s, c, http.MethodDelete, at("pools/%s", args[0]), nil)
		return err
	}}
	return group("pool", "Pools of credentials, for chained exchanges", list, show, create, update, remove)
}

// pool sends one call about a pool and prints it.
func (s *session) pool(c *cobra.Command, method, path string, body any) error {
	p, err := call[policy.PoolView](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, p, func(w io.Writer) error {
		return details(w, "pool", p.Name, "number", strconv.FormatUint(p.Number, 10), "credentials", strings.Join(p.Credentials, ", "), "revision", strconv.FormatUint(p.Revision, 10))
	})
}

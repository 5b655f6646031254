package api

import (
	"io"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"cofre/httpapi/relateduser"
)

func relatedUserCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List related users", Args: cobra.NoArgs, Example: "  cofre related-user list"}
	limit := s.lists(list, 1000)
	list.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/related-users", nil, *limit, nil, relateduser.Columns, relateduser.View.Row)
	}
	create := &cobra.Command{Use: "create USERNAME", Short: "Tie a user name elsewhere to the name of a person", Args: cobra.ExactArgs(1), Example: "  cofre related-user create asilva --name 'Ana Silva'"}
	create.Flags().String("name", "", "of the person (required)")
	_ = create.MarkFlagRequired("name")
	create.RunE = func(c *cobra.Command, args []string) error {
		return s.relatedUser(c, http.MethodPost, "/api/v1/related-users", relateduser.Body{Name: text(c, "name"), Username: &args[0]})
	}
	update := &cobra.Command{Use: "update NUMBER", Short: "Change a related user; what is not named stays", Args: cobra.ExactArgs(1), Example: "  cofre related-user update 3 --username ana.silva"}
	queryFlags(update, "name", "of the person", "username", "elsewhere")
	update.RunE = func(c *cobra.Command, args []string) error {
		return s.relatedUser(c, http.MethodPut, at("related-users/%s", args[0]), relateduser.Body{Name: text(c, "name"), Username: text(c, "username")})
	}
	remove := &cobra.Command{Use: "delete NUMBER", Short: "Remove a related user", Args: cobra.ExactArgs(1), Example: "  cofre related-user delete 3", RunE: func(c *cobra.Command, args []string) error {
		return s.relatedUser(c, http.MethodDelete, at("related-users/%s", args[0]), nil)
	}}
	return group("related-user", "Names of persons and their user names elsewhere", list, create, update, remove)
}

// relatedUser sends one call about a related user and prints it.
func (s *session) relatedUser(c *cobra.Command, method, path string, body any) error {
	v, err := call[relateduser.View](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, v, func(w io.Writer) error {
		return details(w, "related user", strconv.FormatUint(v.Number, 10), "name", v.Name, "user name", v.Username)
	})
}

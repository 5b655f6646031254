package api

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/httpapi/application"
)

func applicationCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List applications", Args: cobra.NoArgs, Example: "  cofre application list\n  cofre application list --json | jq -r '.[].name'"}
	limit := s.lists(list, 1000)
	list.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/applications", nil, *limit, func(a, b application.View) int { return strings.Compare(a.Name, b.Name) }, application.Columns, application.View.Row)
	}
	show := &cobra.Command{Use: "show NAME", Short: "Show an application", Args: cobra.ExactArgs(1), Example: "  cofre application show shop", RunE: func(c *cobra.Command, args []string) error {
		a, err := call[application.View](s, c, http.MethodGet, at("applications/%s", args[0]), nil)
		if err != nil {
			return err
		}
		return s.application(c, &a)
	}}
	create := &cobra.Command{
		Use: "create NAME", Short: "Create an application; cofre authorization create gives it keys", Args: cobra.ExactArgs(1),
		Example: "  cofre application create shop --description 'web shop' --tag prod",
	}
	create.Flags().String("description", "", "what it is")
	create.Flags().StringSlice("tag", nil, "tag; may be repeated")
	create.RunE = func(c *cobra.Command, args []string) error {
		a, err := call[application.View](s, c, http.MethodPost, "/api/v1/applications", application.Body{Name: &args[0], Description: text(c, "description"), Tags: texts(c, "tag")})
		if err != nil {
			return err
		}
		return s.application(c, &a)
	}
	verbs := onOff("application", "NAME", "shop", "Let an application call again", "End the tokens of an application and refuse its calls until it is enabled again; its dynamic users are removed", func(c *cobra.Command, args []string, enabled bool) error {
		a, err := call[application.View](s, c, http.MethodPut, at("applications/%s", args[0]), application.Body{Enabled: &enabled})
		if err != nil {
			return err
		}
		return s.application(c, &a)
	})
	remove := &cobra.Command{
		Use: "delete NAME", Short: "Delete an application with its authorizations, keys and secrets", Args: cobra.ExactArgs(1), Example: "  cofre application disable shop\n  cofre application delete shop",
		Long: `Delete an application with its authorizations and all that is theirs: keys, tokens, and secrets with every version. That cannot be undone;
disable it first to see who still needs it. All access ends at once. Dynamic users that were made for it are removed from their targets, and it
stays listed as deleting until they are proven gone; then its name is free.

Refused while an authorization of another application reads a secret of it, or an automation of secrets is about it.`,
		RunE: func(c *cobra.Command, args []string) error {
			return s.deleted(c, "application", args[0], at("applications/%s", args[0]))
		},
	}
	return group("application", "Client applications", append(verbs, list, show, create, remove, arnsCommand(s))...)
}

// deleted sends a deletion and tells how far it has come.
func (s *session) deleted(c *cobra.Command, noun, name, path string) error {
	d, err := call[application.Deleted](s, c, http.MethodDelete, path, nil)
	if err != nil {
		return err
	}
	return s.show(c, d, func(w io.Writer) error {
		return details(w, noun, name, "state", word(d.Gone, "gone", "deleting"), "users to be removed", strconv.Itoa(d.Users))
	})
}

func (s *session) application(c *cobra.Command, a *application.View) error {
	return s.show(c, a, func(w io.Writer) error {
		return details(w, "application", a.Name, "id", string(a.ID), "state", a.State(), "tags", join(a.Tags), "description", a.Description)
	})
}

package api

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/fsm/model"
	"cofre/httpapi/application"
)

func accessProfileCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List access profiles", Args: cobra.NoArgs, Example: "  cofre access-profile list"}
	limit := s.lists(list, 1000)
	list.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/access-profiles", nil, *limit, func(a, b application.AccessView) int { return strings.Compare(a.Name, b.Name) },
			"NAME STATE RIGHTS TAGS TYPES DEVICES CREDENTIALS", func(p application.AccessView) []string {
				return []string{p.Name, word(p.Enabled, "enabled", "disabled"), or(join(p.Rights), "see"), join(p.Tags), join(p.Types), strconv.Itoa(len(p.Devices)), strconv.Itoa(len(p.Credentials))}
			})
	}
	show := &cobra.Command{Use: "show NAME", Short: "Show an access profile", Args: cobra.ExactArgs(1), Example: "  cofre access-profile show linux-operators", RunE: func(c *cobra.Command, args []string) error {
		return s.accessProfile(c, http.MethodGet, at("access-profiles/%s", args[0]), nil)
	}}
	create := &cobra.Command{Use: "create NAME", Short: "Create an access profile", Args: cobra.ExactArgs(1),
		Long: `Create an access profile: rights on some credentials, under a name that authorizations refer to (cofre authorization update
--access-profile). It adds to what an authorization may do by itself. Nobody grants what he does not hold.`,
		Example: "  cofre access-profile create linux-operators --right operation.run --tag linux\n  cofre access-profile create auditors --device web1 --device web2"}
	accessFlags(create)
	create.RunE = func(c *cobra.Command, args []string) error {
		b := accessBody(c)
		b.Name = &args[0]
		return s.accessProfile(c, http.MethodPost, "/api/v1/access-profiles", b)
	}
	update := &cobra.Command{Use: "update NAME", Short: "Change an access profile; what is not named stays", Args: cobra.ExactArgs(1), Example: "  cofre access-profile update linux-operators --right operation.run,secret.read"}
	accessFlags(update)
	update.Flags().String("name", "", "new name")
	update.Flags().Uint64("revision", 0, "refuse if it is not the current one")
	update.RunE = func(c *cobra.Command, args []string) error {
		b := accessBody(c)
		b.Name = text(c, "name")
		b.Revision, _ = c.Flags().GetUint64("revision")
		return s.accessProfile(c, http.MethodPut, at("access-profiles/%s", args[0]), b)
	}
	remove := &cobra.Command{Use: "delete NAME", Short: "Delete an access profile; authorizations that refer to it lose what it gave", Args: cobra.ExactArgs(1), Example: "  cofre access-profile delete linux-operators", RunE: func(c *cobra.Command, args []string) error {
		_, err := call[struct{}](s, c, http.MethodDelete, at("access-profiles/%s", args[0]), nil)
		return err
	}}
	verbs := onOff("access-profile", "NAME", "linux-operators", "Let an access profile give its rights", "Keep an access profile; it gives no rights", func(c *cobra.Command, args []string, enabled bool) error {
		return s.accessProfile(c, http.MethodPut, at("access-profiles/%s", args[0]), application.AccessBody{Enabled: &enabled})
	})
	return group("access-profile", "Access profiles: rights on some credentials, for several authorizations", append(verbs, list, show, create, update, remove)...)
}

func accessFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringSlice("right", nil, "secret.read, credential.write or operation.run; may be repeated; none: to see the credentials")
	f.StringSlice("tag", nil, "about credentials with one of these tags; may be repeated")
	f.StringSlice("type", nil, "and of one of these types; may be repeated")
	f.StringSlice("device", nil, "and on one of these devices; may be repeated")
	f.StringSlice("credential", nil, "about this credential too (number, identifier or user@host); may be repeated")
	f.Bool("enabled", true, "it gives rights")
}

func accessBody(c *cobra.Command) application.AccessBody {
	return application.AccessBody{Enabled: truth(c, "enabled"), Rights: named[model.Right](texts(c, "right")), Tags: texts(c, "tag"), Types: texts(c, "type"), Devices: texts(c, "device"), Credentials: texts(c, "credential")}
}

// accessProfile sends one call about an access profile and prints it.
func (s *session) accessProfile(c *cobra.Command, method, path string, body any) error {
	p, err := call[application.AccessView](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, p, func(w io.Writer) error {
		return details(w, "access profile", p.Name, "id", string(p.ID), "state", word(p.Enabled, "enabled", "disabled"), "rights", or(join(p.Rights), "see"), "tags", join(p.Tags), "types", join(p.Types), "devices", join(s.hostnames(c, p.Devices)), "credentials", join(s.identifiers(c, p.Credentials)), "revision", strconv.FormatUint(p.Revision, 10))
	})
}

package api

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/executors/all"
	"cofre/httpapi/compat"
	"cofre/httpapi/dynamic"
)

func dynamicCommand(s *session) *cobra.Command {
	return group("dynamic", "Users that are made on targets for a while, and removed", profileCommands(s), leaseCommands(s), orphanCommands(s), provisioningCommand(s))
}

func profileCommands(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List profiles of dynamic users", Args: cobra.NoArgs, Example: "  cofre dynamic profile list --executor postgres"}
	limit := s.lists(list, 1000)
	queryFlags(list, "executor", "only of this executor", "type", "only for devices of this type", "device", "only those that list this host name", "search", "part of the identifier")
	list.Flags().Bool("disabled", false, "disabled ones too")
	list.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/dynamic-profiles", queryOf(c, "executor", "type", "device", "search", "disabled"), *limit, func(a, b dynamic.ProfileView) int { return strings.Compare(a.Identifier, b.Identifier) },
			"IDENTIFIER STATE EXECUTOR LOGS-IN DEVICES TTL LIFE CREATE REMOVE", func(p dynamic.ProfileView) []string {
				return []string{p.Identifier, profileState(&p), string(p.Executor), logsIn(&p), join(p.Devices), span(p.TTL), span(p.Life), p.Create, p.Remove}
			})
	}
	show := &cobra.Command{Use: "show IDENTIFIER", Short: "Show a profile", Args: cobra.ExactArgs(1), Example: "  cofre dynamic profile show app", RunE: func(c *cobra.Command, args []string) error {
		return s.dynamicProfile(c, http.MethodGet, at("dynamic-profiles/%s", args[0]), nil)
	}}
	create := &cobra.Command{Use: "create IDENTIFIER", Short: "Create a profile", Args: cobra.ExactArgs(1),
		Long: "Create a profile. User names are its identifier, the time and a random part. Who logs in to create and remove them is one credential for all devices (--authentication), or that of each device with a user name (--auth-user).",
		Example: "  cofre dynamic profile create app --executor postgres --create 'PostgreSQL create role' --remove 'PostgreSQL drop role' --authentication postgres@db1 --ttl 1h\n" +
			"  cofre dynamic profile create app --executor ssh --create 'Linux create user (sudo)' --remove 'Linux remove user (sudo)' --auth-user manager"}
	profileFlags(create)
	create.Flags().String("executor", "", "executor of the templates: "+strings.Join(all.Names(), ", ")+" (required)")
	_ = create.MarkFlagRequired("executor")
	create.RunE = func(c *cobra.Command, args []string) error {
		b, err := profileBody(c)
		if err != nil {
			return err
		}
		b.Identifier, b.Executor = &args[0], text(c, "executor")
		if err := s.dynamicProfile(c, http.MethodPost, "/api/v1/dynamic-profiles", b); err != nil {
			return err
		}
		return s.testSaved(c, args[0])
	}
	update := &cobra.Command{Use: "update IDENTIFIER", Short: "Change a profile; what is not named stays", Args: cobra.ExactArgs(1), Example: "  cofre dynamic profile update app --ttl 30m --holder shop/prod"}
	profileFlags(update)
	update.Flags().String("identifier", "", "new identifier")
	update.Flags().Uint64("revision", 0, "refuse if it is not the current one")
	update.RunE = func(c *cobra.Command, args []string) error {
		b, err := profileBody(c)
		if err != nil {
			return err
		}
		b.Identifier = text(c, "identifier")
		b.Revision, _ = c.Flags().GetUint64("revision")
		if err := s.dynamicProfile(c, http.MethodPut, at("dynamic-profiles/%s", args[0]), b); err != nil {
			return err
		}
		return s.testSaved(c, or(deref(b.Identifier), args[0]))
	}
	verbs := onOff("dynamic profile", "IDENTIFIER", "app", "Enable a profile", "Disable a profile: nobody gets new users; those that are there live on", func(c *cobra.Command, args []string, enabled bool) error {
		return s.dynamicProfile(c, http.MethodPut, at("dynamic-profiles/%s/status", args[0]), dynamic.StatusBody{Enabled: &enabled})
	})
	remove := &cobra.Command{Use: "delete IDENTIFIER", Short: "Delete a profile; its users are removed first", Args: cobra.ExactArgs(1), Example: "  cofre dynamic profile delete app", RunE: func(c *cobra.Command, args []string) error {
		return s.dynamicProfile(c, http.MethodDelete, at("dynamic-profiles/%s", args[0]), nil)
	}}
	return group("profile", "How dynamic users are made", append(verbs, list, show, create, update, profileTest(s), remove)...)
}

// queryFlags adds flags that narrow a list, as pairs of name and description.
func queryFlags(c *cobra.Command, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		c.Flags().String(pairs[i], "", pairs[i+1])
	}
}

func queryOf(c *cobra.Command, names ...string) url.Values {
	q := url.Values{}
	for _, n := range names {
		if f := c.Flags().Lookup(n); f != nil && f.Changed {
			q.Set(n, f.Value.String())
		}
	}
	return q
}

func profileFlags(c *cobra.Command) {
	f := c.Flags()
	for _, n := range []struct{ name, doc string }{
		{"create", "template that creates users"}, {"remove", "template that removes users"}, {"authentication", "credential that logs in, for all devices"},
		{"auth-user", "user name of the credential that logs in, on each device"}, {"type", "only for devices of this type"}, {"additional", "given to templates as ADD_INFO, such as the host part of an account or the DN of a branch"},
		{"policy", "password policy; '' for the default one"}, {"ttl", "how long users live, such as 1h"}, {"life", "longest life with renewals; 0s: the TTL"},
	} {
		f.String(n.name, "", n.doc)
	}
	f.StringSlice("device", nil, "device on which it works; may be repeated; '' for none")
	f.Bool("test", false, "then try it: make a user on the target, remove it, and prove that it is gone")
	f.StringSlice("holder", nil, "application/authorization that may ask for users; may be repeated; '' for none")
}

func profileBody(c *cobra.Command) (dynamic.ProfileBody, error) {
	b := dynamic.ProfileBody{Type: text(c, "type"), Create: text(c, "create"), Remove: text(c, "remove"), Authentication: text(c, "authentication"), AuthUser: text(c, "auth-user"),
		Devices: texts(c, "device"), Additional: text(c, "additional"), Policy: text(c, "policy"), Holders: texts(c, "holder")}
	for name, to := range map[string]**compat.Duration{"ttl": &b.TTL, "life": &b.Life} {
		d, err := duration(c, name)
		if err != nil {
			return b, err
		}
		*to = d
	}
	return b, nil
}

// duration is a flag's span if it was given.
func duration(c *cobra.Command, name string) (*compat.Duration, error) {
	v := text(c, name)
	if v == nil {
		return nil, nil
	}
	var d compat.Duration
	if err := d.UnmarshalText([]byte(*v)); err != nil {
		return nil, fmt.Errorf("--%s: %w", name, err)
	}
	return &d, nil
}

func profileState(p *dynamic.ProfileView) string {
	if p.Draining {
		return "draining"
	}
	return word(p.Enabled, "enabled", "disabled")
}

func logsIn(p *dynamic.ProfileView) string {
	if p.AuthUser != "" {
		return p.AuthUser + "@each"
	}
	return p.Authentication
}

// dynamicProfile sends one call about a profile and prints it.
func (s *session) dynamicProfile(c *cobra.Command, method, path string, body any) error {
	p, err := call[dynamic.ProfileView](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, p, func(w io.Writer) error {
		return details(w, "profile", p.Identifier, "state", profileState(&p), "type", p.Type, "executor", string(p.Executor), "create", p.Create, "remove", p.Remove, "logs in as", logsIn(&p),
			"devices", join(p.Devices), "additional", p.Additional, "policy", p.Policy, "ttl", span(p.TTL), "longest life", span(p.Life), "holders", join(p.Holders), "revision", strconv.FormatUint(p.Revision, 10))
	})
}

func provisioningCommand(s *session) *cobra.Command {
	c := &cobra.Command{Use: "application NAME", Short: "Show or say how an application gets dynamic users", Args: cobra.ExactArgs(1),
		Long:    "Show how an application gets dynamic users, or, with flags, change it. All of its authorizations may ask for users by its pairs of device and profile.",
		Example: "  cofre dynamic application shop\n  cofre dynamic application shop --pair db1:app --automatic --quota 200"}
	c.Flags().Bool("automatic", false, "each of its authorizations gets a secret of every pair")
	c.Flags().StringSlice("pair", nil, "DEVICE:PROFILE; may be repeated; '' for none")
	c.Flags().Int("quota", 0, "dynamic users that it may hold at once; 0: 1000")
	c.Flags().Uint64("revision", 0, "refuse if it is not the current one")
	c.RunE = func(c *cobra.Command, args []string) error {
		b := dynamic.ProvisioningBody{Automatic: truth(c, "automatic"), Quota: whole(c, "quota")}
		b.Revision, _ = c.Flags().GetUint64("revision")
		if pairs := texts(c, "pair"); pairs != nil {
			b.Pairs = &[]dynamic.Pair{}
			for _, p := range *pairs {
				device, profile, ok := strings.Cut(p, ":")
				if !ok {
					return fmt.Errorf("--pair is DEVICE:PROFILE, not %q", p)
				}
				*b.Pairs = append(*b.Pairs, dynamic.Pair{Device: device, Profile: profile})
			}
		}
		method, body := http.MethodPut, any(b)
		if b.Automatic == nil && b.Quota == nil && b.Pairs == nil {
			method, body = http.MethodGet, nil
		}
		p, err := call[dynamic.ProvisioningView](s, c, method, at("applications/%s/provisioning", args[0]), body)
		if err != nil {
			return err
		}
		return s.show(c, p, func(w io.Writer) error {
			var pairs []string
			for _, pair := range p.Pairs {
				pairs = append(pairs, pair.Device+":"+pair.Profile)
			}
			return details(w, "application", args[0], "automatic", word(p.Automatic, "yes", "no"), "pairs", join(pairs), "users", fmt.Sprintf("%d of %d", p.Live, p.Quota), "revision", strconv.FormatUint(p.Revision, 10))
		})
	}
	return c
}

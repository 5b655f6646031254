package api

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/httpapi/compat"
	"cofre/httpapi/policy"
)

func executionProfileCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List execution profiles, in the order in which they are tried", Args: cobra.NoArgs, Example: "  cofre execution-profile list"}
	limit := s.lists(list, 1000)
	list.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/profiles", nil, *limit, func(a, b policy.ProfileView) int {
			return cmp.Or(strings.Compare(b.Device, a.Device), b.Priority-a.Priority, strings.Compare(a.Name, b.Name))
		}, "NAME STATE PRIORITY FOR EXECUTOR TEMPLATE LOGS-IN AUTOMATIC FIRST-CHANGE", func(p policy.ProfileView) []string {
			return []string{p.Name, word(p.Enabled, "enabled", "disabled"), strconv.Itoa(p.Priority), profileFor(&p), p.Executor, p.Template, profileLogin(&p), word(p.Automatic, "yes", "no"), firstChange(&p)}
		})
	}
	show := &cobra.Command{Use: "show NAME", Short: "Show an execution profile", Args: cobra.ExactArgs(1), Example: "  cofre execution-profile show linux", RunE: func(c *cobra.Command, args []string) error {
		return s.executionProfile(c, http.MethodGet, at("profiles/%s", args[0]), nil)
	}}
	create := &cobra.Command{Use: "create NAME", Short: "Create an execution profile", Args: cobra.ExactArgs(1),
		Long: `Create an execution profile: how new credentials are managed, as far as their registration says nothing else. Those of a device
(--device) go before those that are taken by criteria (--for), of which the highest priority wins. Credentials that are there
stay as they are. A credential that logs in is taken over only for people who may read it.`,
		Example: "  cofre execution-profile create linux --priority 10 --for device_types=Linux --template 'Linux passwd' --automatic\n" +
			"  cofre execution-profile create web1 --device web1 --template 'Linux chpasswd (sudo)' --authentication web1-manager --immediate --first-after 10m\n" +
			"  cofre execution-profile create locked --for tags=locked --template 'Linux chpasswd (sudo)' --auth-user manager --activate 'Linux unlock account (sudo)' --deactivate 'Linux lock account (sudo)'"}
	executionFlags(create)
	_ = create.MarkFlagRequired("template")
	create.RunE = func(c *cobra.Command, args []string) error {
		b, err := executionBody(c)
		if err != nil {
			return err
		}
		b.Name = &args[0]
		return s.executionProfile(c, http.MethodPost, "/api/v1/profiles", b)
	}
	update := &cobra.Command{Use: "update NAME", Short: "Change an execution profile; what is not named stays", Args: cobra.ExactArgs(1), Example: "  cofre execution-profile update linux --automatic=false"}
	executionFlags(update)
	update.Flags().String("name", "", "new name")
	update.Flags().Uint64("revision", 0, "refuse if it is not the current one")
	update.RunE = func(c *cobra.Command, args []string) error {
		b, err := executionBody(c)
		if err != nil {
			return err
		}
		b.Name = text(c, "name")
		b.Revision, _ = c.Flags().GetUint64("revision")
		return s.executionProfile(c, http.MethodPut, at("profiles/%s", args[0]), b)
	}
	remove := &cobra.Command{Use: "delete NAME", Short: "Delete an execution profile; credentials that took it stay as they are", Args: cobra.ExactArgs(1), Example: "  cofre execution-profile delete linux", RunE: func(c *cobra.Command, args []string) error {
		_, err := call[struct{}](s, c, http.MethodDelete, at("profiles/%s", args[0]), nil)
		return err
	}}
	verbs := onOff("execution-profile", "NAME", "linux", "Let new credentials take an execution profile", "Keep an execution profile; new credentials do not take it", func(c *cobra.Command, args []string, enabled bool) error {
		return s.executionProfile(c, http.MethodPut, at("profiles/%s", args[0]), policy.ProfileBody{Enabled: &enabled})
	})
	return group("execution-profile", "Execution profiles: how new credentials are managed", append(verbs, list, show, create, update, remove)...)
}

func executionFlags(c *cobra.Command) {
	f := c.Flags()
	f.String("device", "", "for the new credentials of this device; '' for criteria")
	f.Int("priority", 0, "among profiles whose criteria fit, the highest wins; 1 to 255")
	f.StringArray("for", nil, "take the profile by this: "+strings.Join(criteria, ", ")+", as in tags=prod; once for each")
	f.String("template", "", "template that changes the secret")
	f.String("executor", "", "executor of the template, where several have one of its name")
	f.String("authentication", "", "credential that logs in to change it; '' for itself")
	f.String("auth-user", "", "instead: the user name of the device's own credential that logs in")
	f.String("activate", "", "template that opens the account when a session begins; '' if it is always open")
	f.String("deactivate", "", "template that closes it when the last session ends")
	f.Bool("automatic", false, "the policy may change it, once the first change has succeeded")
	f.Bool("immediate", false, "the first change falls due by itself; otherwise somebody asks for it")
	f.String("first-after", "", "so long after the registration, such as 10m")
	f.Bool("enabled", true, "new credentials take it")
}

func executionBody(c *cobra.Command) (policy.ProfileBody, error) {
	b := policy.ProfileBody{Enabled: truth(c, "enabled"), Device: text(c, "device"), Priority: whole(c, "priority"), Automatic: truth(c, "automatic"), Executor: text(c, "executor"), Template: text(c, "template"),
		Authentication: text(c, "authentication"), AuthUser: text(c, "auth-user"), Activate: text(c, "activate"), Deactivate: text(c, "deactivate"), Immediate: truth(c, "immediate")}
	if v := text(c, "first-after"); v != nil {
		b.FirstAfter = new(compat.Duration)
		if err := b.FirstAfter.UnmarshalText([]byte(*v)); err != nil {
			return b, fmt.Errorf("--first-after: %w", err)
		}
	}
	var err error
	b.Criteria, err = criteriaBody(c)
	return b, err
}

func profileFor(p *policy.ProfileView) string {
	if p.Device != "" {
		return "device " + p.Device
	}
	return criteriaText(&p.Criteria)
}

func profileLogin(p *policy.ProfileView) string {
	if p.AuthUser != "" {
		return p.AuthUser + " of the device"
	}
	return or(p.Authentication, "itself")
}

func profileSessions(p *policy.ProfileView) string {
	if p.Activate == "" {
		return ""
	}
	return "opened by " + p.Activate + ", closed by " + p.Deactivate
}

func firstChange(p *policy.ProfileView) string {
	if !p.Immediate {
		return "when asked for"
	}
	if p.FirstAfter == 0 {
		return "at once"
	}
	return "after " + span(p.FirstAfter)
}

// executionProfile sends one call about an execution profile and prints it.
func (s *session) executionProfile(c *cobra.Command, method, path string, body any) error {
	p, err := call[policy.ProfileView](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, p, func(w io.Writer) error {
		return details(w, "profile", p.Name, "state", word(p.Enabled, "enabled", "disabled"), "priority", strconv.Itoa(p.Priority), "for", profileFor(&p), "executor", p.Executor, "template", p.Template,
			"logs in as", profileLogin(&p), "for sessions", profileSessions(&p), "automatic", word(p.Automatic, "yes", "no"), "first change", firstChange(&p), "revision", strconv.FormatUint(p.Revision, 10))
	})
}

package api

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/httpapi/compat"
	"cofre/httpapi/policy"
)

func policyCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List password policies", Args: cobra.NoArgs, Example: "  cofre policy list"}
	limit := s.lists(list, 1000)
	list.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/policies", nil, *limit, func(a, b policy.View) int { return strings.Compare(a.Name, b.Name) }, policy.Columns, policy.View.Row)
	}
	show := &cobra.Command{Use: "show NAME", Short: "Show a policy", Args: cobra.ExactArgs(1), Example: "  cofre policy show default", RunE: func(c *cobra.Command, args []string) error {
		return s.policy(c, http.MethodGet, at("policies/%s", args[0]), nil)
	}}
	create := &cobra.Command{Use: "create NAME", Short: "Create a policy; what is not named is as in the default one", Args: cobra.ExactArgs(1), Example: "  cofre policy create weekly --max-age 168h --length 24\n  cofre policy create alone --exclusive --custody-ttl 30m\n  cofre policy create prod-linux --priority 10 --for tags=prod --for device_types=Linux --max-age 720h --days mon-fri --hours 22-6 --zone America/Sao_Paulo"}
	policyFlags(create)
	create.RunE = func(c *cobra.Command, args []string) error {
		b, err := policyBody(c)
		if err != nil {
			return err
		}
		b.Name = &args[0]
		return s.policy(c, http.MethodPost, "/api/v1/policies", b)
	}
	update := &cobra.Command{Use: "update NAME", Short: "Change a policy; what is not named stays", Args: cobra.ExactArgs(1), Example: "  cofre policy update weekly --max-age 0s     # 0s switches a rule off"}
	policyFlags(update)
	update.Flags().String("name", "", "new name")
	update.Flags().Uint64("revision", 0, "refuse if it is not the current one")
	update.RunE = func(c *cobra.Command, args []string) error {
		b, err := policyBody(c)
		if err != nil {
			return err
		}
		b.Name = text(c, "name")
		b.Revision, _ = c.Flags().GetUint64("revision")
		return s.policy(c, http.MethodPut, at("policies/%s", args[0]), b)
	}
	verbs := onOff("policy", "NAME", "weekly", "Switch a policy's automatic changes on", "Switch a policy's automatic changes off; the rest of it holds", func(c *cobra.Command, args []string, enabled bool) error {
		return s.policy(c, http.MethodPut, at("policies/%s", args[0]), policy.Body{Enabled: &enabled})
	})
	return group("policy", "Password policies: strength, expiry, custody, retries", append(verbs, list, show, create, update)...)
}

// spans are the flags of a policy that hold a span.
var spans = []struct{ name, doc, zero string }{
	{"max-age", "change at the latest this long after the last change, such as 720h", ""}, {"view-expiry", "change this long after a secret read", ""},
	{"custody-ttl", "how long a custody lasts without release", ""}, {"retry-interval", "first pause between tries; doubles up to an hour", "as the execution parameters (cofre automation) say"},
	{"bad-login-window", "span for --bad-logins", ""}, {"verify-every", "log in with the stored secret this often", ""}, {"session-expiry", "change this long after a session", ""},
}

func policyFlags(c *cobra.Command) {
	f := c.Flags()
	for _, n := range spans {
		f.String(n.name, "", n.doc+"; 0s: "+or(n.zero, "off"))
	}
	for _, n := range []struct{ name, doc string }{{"length", "characters of a password"}, {"lower", "at least this many lower-case letters"}, {"upper", "at least this many upper-case letters"},
		{"digits", "at least this many digits"}, {"symbols", "at least this many symbols"}, {"attempts", "tries per operation, 1 to 10; 0: as the execution parameters (cofre automation) say"}, {"bad-logins", "failing logins that settling may cause in the window"}} {
		f.Int(n.name, 0, n.doc)
	}
	f.String("set", "", "symbols that may be used")
	f.Bool("repeat", false, "the same character may occur twice in a row")
	f.Bool("change-on-release", false, "change when the last holder releases custody")
	f.Bool("change-on-timeout", false, "change when the last custody times out")
	f.Bool("change-on-session", false, "change when the last session ends")
	f.Bool("one-session", false, "one session at a time")
	f.Bool("exclusive", false, "one holder at a time")
	f.Bool("enabled", true, "the policy's automatic changes are on")
	f.Int("priority", 0, "among policies whose criteria fit, the highest wins; 0 to 255")
	f.StringArray("for", nil, "take the policy by this: "+strings.Join(criteria, ", ")+", as in tags=prod; once for each, '' for none")
	f.StringSlice("days", nil, "automatic changes begin on these days only, such as mon-fri; '' for every day")
	f.StringSlice("hours", nil, "automatic changes begin at these hours only, such as 22-6; '' for all")
	f.String("zone", "", "time zone of --days and --hours, such as America/Sao_Paulo; UTC by default")
}

func policyBody(c *cobra.Command) (policy.Body, error) {
	b := policy.Body{
		Enabled: truth(c, "enabled"), ChangeOnRelease: truth(c, "change-on-release"), ChangeOnTimeout: truth(c, "change-on-timeout"), Exclusive: truth(c, "exclusive"),
		ChangeOnSession: truth(c, "change-on-session"), OneSession: truth(c, "one-session"),
		Attempts: whole(c, "attempts"), BadLogins: whole(c, "bad-logins"),
		Strength: policy.StrengthBody{Length: whole(c, "length"), Lower: whole(c, "lower"), Upper: whole(c, "upper"), Digits: whole(c, "digits"), Symbols: whole(c, "symbols"),
			Set: text(c, "set"), Repeat: truth(c, "repeat")},
	}
	for i, to := range []**compat.Duration{&b.MaxAge, &b.ViewExpiry, &b.CustodyTTL, &b.RetryInterval, &b.BadLoginWindow, &b.VerifyEvery, &b.SessionExpiry} {
		v := text(c, spans[i].name)
		if v == nil {
			continue
		}
		var d compat.Duration
		if err := d.UnmarshalText([]byte(*v)); err != nil {
			return b, fmt.Errorf("--%s: %w", spans[i].name, err)
		}
		*to = &d
	}
	b.Priority = whole(c, "priority")
	var err error
	if b.Criteria, err = criteriaBody(c); err != nil {
		return b, err
	}
	b.Window = windowFlags(c)
	return b, nil
}

// criteria are the names that --for takes.
var criteria = []string{"devices", "sites", "device_types", "vendors", "models", "device_tags", "types", "tags", "additional"}

// criteriaBody reads --for; nil if it was not given.
func criteriaBody(c *cobra.Command) (*policy.Criteria, error) {
	if !c.Flags().Changed("for") {
		return nil, nil
	}
	all, err := c.Flags().GetStringArray("for")
	if err != nil {
		return nil, err
	}
	k := policy.Criteria{}
	lists := []*[]string{&k.Devices, &k.Sites, &k.DeviceTypes, &k.Vendors, &k.Models, &k.DeviceTags, &k.Types, &k.Tags, &k.Additional}
	for _, f := range all {
		if f == "" {
			continue
		}
		name, value, ok := strings.Cut(f, "=")
		i := slices.Index(criteria, name)
		if !ok || i < 0 {
			return nil, fmt.Errorf("--for %s: write it as tags=prod, with one of %s", f, strings.Join(criteria, ", "))
		}
		*lists[i] = append(*lists[i], value)
	}
	return &k, nil
}

// windowFlags is what --days, --hours and --zone say; nil: nothing.
func windowFlags(c *cobra.Command) *compat.Window {
	f := c.Flags()
	if !f.Changed("days") && !f.Changed("hours") && !f.Changed("zone") {
		return nil
	}
	w := compat.Window{}
	w.Days, _ = f.GetStringSlice("days")
	w.Hours, _ = f.GetStringSlice("hours")
	w.Zone, _ = f.GetString("zone")
	none := func(s string) bool { return s == "" }
	w.Days, w.Hours = slices.DeleteFunc(w.Days, none), slices.DeleteFunc(w.Hours, none)
	return &w
}

// policy sends one call about a policy and prints it.
func (s *session) policy(c *cobra.Command, method, path string, body any) error {
	p, err := call[policy.View](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, p, func(w io.Writer) error {
		st := p.Strength
		return details(w, "policy", p.Name, "state", word(p.Enabled, "enabled", "disabled"),
			"password", fmt.Sprintf("%d characters, at least %d lower, %d upper, %d digits, %d symbols of %s", st.Length, st.Lower, st.Upper, st.Digits, st.Symbols, or(st.Set, "!%@#^&*_")),
			"max age", span(p.MaxAge), "view expiry", span(p.ViewExpiry), "change on release", word(p.ChangeOnRelease, "yes", "no"), "change on timeout", word(p.ChangeOnTimeout, "yes", "no"),
			"change on session", word(p.ChangeOnSession, "yes", "no"), "session expiry", span(p.SessionExpiry), "one session", word(p.OneSession, "yes", "no"), "exclusive", word(p.Exclusive, "yes", "no"), "custody", span(p.CustodyTTL), "attempts", word(p.Attempts > 0, strconv.Itoa(p.Attempts), "execution parameter"), "interval between attempts", word(p.RetryInterval > 0, span(p.RetryInterval), "execution parameter"),
			"bad logins", fmt.Sprintf("%d in %s", p.BadLogins, span(p.BadLoginWindow)),
			"verify every", span(p.VerifyEvery), "priority", strconv.Itoa(p.Priority), "for", criteriaText(&p.Criteria), "window", p.Window.Short(), "revision", strconv.FormatUint(p.Revision, 10))
	})
}

func criteriaText(k *policy.Criteria) string {
	var parts []string
	for i, l := range [][]string{k.Devices, k.Sites, k.DeviceTypes, k.Vendors, k.Models, k.DeviceTags, k.Types, k.Tags, k.Additional} {
		if len(l) > 0 {
			parts = append(parts, criteria[i]+" "+strings.Join(l, " or "))
		}
	}
	return or(strings.Join(parts, " and "), "given by name only")
}

package api

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cofre/fsm/model"
	"cofre/httpapi/application"
	"cofre/httpapi/compat"
)

// keys are the answer to a new authorization; the secret is shown once.
type keys struct {
	Authorization application.Authorization `json:"authorization"`
	ClientID      string                    `json:"client_id"`
	ClientSecret  string                    `json:"client_secret"`
}

// oauth1Keys are the answer to new keys of OAuth 1.0.
type oauth1Keys struct {
	Consumer       string `json:"consumer_key"`
	ConsumerSecret string `json:"consumer_secret"`
	Token          string `json:"token_key"`
	TokenSecret    string `json:"token_secret"`
}

func authorizationCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list [APPLICATION]", Short: "List authorizations", Args: cobra.MaximumNArgs(1), Example: "  cofre authorization list\n  cofre authorization list shop"}
	limit := s.lists(list, 1000)
	list.RunE = func(c *cobra.Command, args []string) error {
		path, apps := "/api/v1/authorizations", map[model.ApplicationID]string{}
		if len(args) == 1 {
			path = at("applications/%s/authorizations", args[0])
		}
		api, err := s.client()
		if err != nil {
			return err
		}
		all, _, err := fetch[application.View](c.Context(), api, "/api/v1/applications", nil, 100_000)
		if err != nil {
			return err
		}
		for _, a := range all {
			apps[a.ID] = a.Name
		}
		byName := func(a, b application.Authorization) int {
			return cmp.Or(strings.Compare(apps[a.Application], apps[b.Application]), strings.Compare(a.Name, b.Name))
		}
		return listed(s, c, path, nil, *limit, byName, "APPLICATION NAME STATE WRITE RIGHTS ADDRESSES EXPIRES CLIENT", func(a application.Authorization) []string {
			return []string{or(apps[a.Application], string(a.Application)), a.Name, word(a.Enabled, "enabled", "disabled"), word(a.Write, "yes", "no"), join(a.Rights), or(join(a.IPs), "any"), or(moment(a.ExpiresAt), "never"), a.ClientID}
		})
	}
	create := &cobra.Command{
		Use: "create APPLICATION NAME", Short: "Create client keys; the secret is shown once", Args: cobra.ExactArgs(2),
		Long: `Create client keys for an application. Without --module they call PAM Core only; without --right they
may read secrets (with --write also change credentials); without --write they change nothing and start nothing, whatever --right says; without
--all, --tag and --credential they reach only what they create themselves. Nobody grants what he does not hold.`,
		Example: "  cofre authorization create shop prod --tag shop --ip 10.0.0.0/8\n  cofre authorization create ops admin --right operation.run --right audit.read --write --all --expires 2160h\n" +
			"  cofre authorization create ci runner --module Application --module CI/CD --right secret.read --right credential.write --write --creates --delegate 'shop-*'",
	}
	authorizationFlags(create)
	create.RunE = func(c *cobra.Command, args []string) error {
		b, err := authorizationBody(c, time.Now())
		if err != nil {
			return err
		}
		b.Name = &args[1]
		k, err := call[keys](s, c, http.MethodPost, at("applications/%s/authorizations", args[0]), b)
		if err != nil {
			return err
		}
		warnReadOnly(c, &k.Authorization)
		return s.keys(c, &k)
	}
	update := &cobra.Command{
		Use: "update APPLICATION NAME", Short: "Change what client keys may do; what is not named stays", Args: cobra.ExactArgs(2),
		Example: "  cofre authorization update shop prod --ip 10.0.0.0/8 --ip 192.0.2.7\n  cofre authorization update shop prod --write --tag shop",
	}
	authorizationFlags(update)
	update.Flags().Bool("enabled", true, "false ends its tokens and refuses new ones")
	update.Flags().Uint64("revision", 0, "refuse if it is not the current one")
	update.RunE = func(c *cobra.Command, args []string) error {
		b, err := authorizationBody(c, time.Now())
		if err != nil {
			return err
		}
		b.Enabled = truth(c, "enabled")
		b.Revision, _ = c.Flags().GetUint64("revision")
		return s.authorization(c, http.MethodPut, at("applications/%s/authorizations/%s", args...), b)
	}
	rekey := &cobra.Command{
		Use: "rekey APPLICATION NAME", Short: "Make a new client secret; the old one ends at once, with every token and other key", Args: cobra.ExactArgs(2), Example: "  cofre authorization rekey shop prod",
		RunE: func(c *cobra.Command, args []string) error {
			k, err := call[keys](s, c, http.MethodPost, at("applications/%s/authorizations/%s/rekey", args...), nil)
			if err != nil {
				return err
			}
			return s.keys(c, &k)
		},
	}
	remove := &cobra.Command{
		Use: "delete APPLICATION NAME", Short: "Delete an authorization with its keys and secrets", Args: cobra.ExactArgs(2), Example: "  cofre authorization delete shop prod",
		Long: "Delete an authorization with its keys, tokens and secrets. That cannot be undone; cofre authorization disable ends all access too, and keeps them. See cofre application delete.",
		RunE: func(c *cobra.Command, args []string) error {
			return s.deleted(c, "authorization", args[1], at("applications/%s/authorizations/%s", args...))
		},
	}
	oauth1 := &cobra.Command{
		Use: "oauth1 APPLICATION NAME", Short: "Make keys of OAuth 1.0 for clients that sign each request; the secrets are shown once", Args: cobra.ExactArgs(2),
		Example: "  cofre authorization oauth1 shop legacy\n  cofre authorization oauth1 shop legacy --remove",
	}
	drop := oauth1.Flags().Bool("remove", false, "take the keys away instead")
	oauth1.RunE = func(c *cobra.Command, args []string) error {
		path := at("applications/%s/authorizations/%s/oauth1", args...)
		if *drop {
			_, err := call[struct{}](s, c, http.MethodDelete, path, nil)
			return err
		}
		k, err := call[oauth1Keys](s, c, http.MethodPost, path, nil)
		if err != nil {
			return err
		}
		fmt.Fprintln(note(c), "The secrets are shown this once. The keys that the authorization had before are not valid any more.")
		return s.show(c, k, func(w io.Writer) error {
			return details(w, "consumer key", k.Consumer, "consumer secret", k.ConsumerSecret, "token key", k.Token, "token secret", k.TokenSecret)
		})
	}
	revoke := &cobra.Command{
		Use: "revoke APPLICATION NAME", Short: "End every access token of an authorization", Args: cobra.ExactArgs(2), Example: "  cofre authorization revoke shop prod",
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := call[struct{}](s, c, http.MethodPost, at("applications/%s/authorizations/%s/revoke", args...), nil); err != nil {
				return err
			}
			fmt.Fprintln(note(c), "Its tokens are refused from now on. Its keys still get new ones: cofre authorization disable, or rekey.")
			return nil
		},
	}
	take := &cobra.Command{
		Use: "take-secret-read", Short: "Give your own authorization the right to read secrets; everybody is alerted", Args: cobra.NoArgs, Example: "  cofre authorization take-secret-read",
		RunE: func(c *cobra.Command, _ []string) error {
			me, err := call[application.WhoAmI](s, c, http.MethodPost, "/api/v1/whoami/secret-read", nil)
			if err != nil {
				return err
			}
			return s.show(c, me, func(w io.Writer) error { return s.showAuthorization(c, w, &me.Authorization) })
		},
	}
	show := &cobra.Command{Use: "show APPLICATION NAME", Short: "Show client keys with what they may do, without secrets", Args: cobra.ExactArgs(2), Example: "  cofre authorization show shop prod", RunE: func(c *cobra.Command, args []string) error {
		return s.authorization(c, http.MethodGet, at("applications/%s/authorizations/%s", args...), nil)
	}}
	verbs := onOff("authorization", "APPLICATION NAME", "shop prod", "Let client keys get tokens again", "End the tokens of client keys and refuse new ones; dynamic users that they hold are removed", func(c *cobra.Command, args []string, enabled bool) error {
		return s.authorization(c, http.MethodPut, at("applications/%s/authorizations/%s", args...), application.AuthorizationBody{Enabled: &enabled})
	})
	return group("authorization", "Client keys of applications, with their rights and limits", append(verbs, list, show, create, update, remove, rekey, oauth1, awsKeyCommand(s), encryptCommand(s), decryptCommand(), revoke, take)...)
}

// authorization sends one call about an authorization and prints it.
func (s *session) authorization(c *cobra.Command, method, path string, body any) error {
	a, err := call[application.Authorization](s, c, method, path, body)
	if err != nil {
		return err
	}
	warnReadOnly(c, &a)
	return s.show(c, a, func(w io.Writer) error { return s.showAuthorization(c, w, &a) })
}

// warnReadOnly tells of rights that come to nothing, because the authorization may only read.
func warnReadOnly(c *cobra.Command, a *application.Authorization) {
	var idle []string
	for _, r := range a.Rights {
		if r != model.SecretRead && r != model.AuditRead {
			idle = append(idle, string(r))
		}
	}
	if !a.Write && len(idle) > 0 {
		fmt.Fprintf(note(c), "It may only read, so that %s lets it change and start nothing: --write.\n", strings.Join(idle, ", "))
	}
	if !a.Write && len(a.Profiles) > 0 {
		fmt.Fprintln(note(c), "It may only read: what its access profiles let it change and start needs --write.")
	}
}

func authorizationFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringSlice("right", nil, "right; may be repeated: "+join(model.Rights))
	f.StringSlice("module", nil, "module; may be repeated: "+join(model.Modules))
	f.Bool("write", false, "may write (the vendor's read and write)")
	f.StringSlice("ip", nil, "address or prefix that it may call from; may be repeated; '' for any")
	f.StringSlice("referrer", nil, "host, or beginning of a URL, of the Referer header that it must send; may be repeated; '' for any")
	f.String("certificate", "", "SHA-256 of the client certificate that it must show, in hexadecimal; '' for none")
	f.StringSlice("tag", nil, "reaches credentials with this tag; may be repeated")
	f.StringSlice("credential", nil, "reaches this credential (number, identifier or user@host); may be repeated")
	f.StringSlice("access-profile", nil, "has the rights of this access profile too; may be repeated; '' for none")
	f.Bool("all", false, "reaches every credential")
	f.String("token-ttl", "", "how long its tokens live, 1m to 24h; a request may ask for less; 0s for an hour, or what a request says")
	f.String("expires", "", "a span such as 2160h, a time such as 2027-01-31T12:00:00Z, or never")
	f.String("environment", "", "environment")
	f.String("system", "", "system")
	f.Bool("creates", false, "may register applications for pipelines, as cofre dsm does")
	f.StringSlice("delegate", nil, "APPLICATION[/SYSTEM[/ENVIRONMENT]], patterns such as shop-*: whose keys it may ask for besides those that it made; may be repeated; '' for none")
}

// delegations reads --delegate; a part that is not said is any.
func delegations(patterns *[]string) (*[]application.Delegation, error) {
	if patterns == nil {
		return nil, nil
	}
	all := []application.Delegation{}
	for _, p := range *patterns {
		if p == "" {
			continue
		}
		part := strings.Split(p, "/")
		if len(part) > 3 {
			return nil, fmt.Errorf("--delegate %q is not APPLICATION/SYSTEM/ENVIRONMENT", p)
		}
		part = append(part, "*", "*")
		all = append(all, application.Delegation{Applications: part[:1:1], Systems: part[1:2:2], Environments: part[2:3:3]})
	}
	return &all, nil
}

func authorizationBody(c *cobra.Command, now time.Time) (application.AuthorizationBody, error) {
	b := application.AuthorizationBody{
		Environment: text(c, "environment"), System: text(c, "system"), Write: truth(c, "write"), IPs: texts(c, "ip"),
		Referrers: texts(c, "referrer"), Certificate: text(c, "certificate"),
		Rights: named[model.Right](texts(c, "right")), Modules: named[model.Module](texts(c, "module")), Creates: truth(c, "creates"),
	}
	b.Profiles = texts(c, "access-profile")
	var err error
	if b.TokenTTL, err = duration(c, "token-ttl"); err != nil {
		return b, err
	}
	if b.Delegations, err = delegations(texts(c, "delegate")); err != nil {
		return b, err
	}
	all, tags, credentials := truth(c, "all"), texts(c, "tag"), texts(c, "credential")
	if all != nil || tags != nil || credentials != nil {
		b.Filter = &application.FilterBody{Tags: []string{}, Credentials: []string{}}
		if all != nil {
			b.Filter.All = *all
		}
		if tags != nil {
			b.Filter.Tags = *tags
		}
		if credentials != nil {
			b.Filter.Credentials = *credentials
		}
	}
	if e := text(c, "expires"); e != nil {
		at, err := expiry(*e, now)
		if err != nil {
			return b, err
		}
		b.ExpiresAt = &at
	}
	return b, nil
}

func expiry(s string, now time.Time) (compat.Time, error) {
	var t compat.Time
	if s == "never" {
		return 0, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return compat.Time(model.TimeOf(now.Add(d))), nil
	}
	if err := t.UnmarshalText([]byte(strings.TrimSpace(s))); err != nil || t == 0 {
		return 0, fmt.Errorf("--expires %q is no span such as 2160h, no time such as 2027-01-31T12:00:00Z, and not never", s)
	}
	return t, nil
}

func (s *session) keys(c *cobra.Command, k *keys) error {
	fmt.Fprintln(note(c), "The client secret is shown this once. Keep it in a file of mode 0600 and name it with COFRE_CLIENT_SECRET_FILE.")
	return s.show(c, k, func(w io.Writer) error {
		return details(w, "client id", k.ClientID, "client secret", k.ClientSecret)
	})
}

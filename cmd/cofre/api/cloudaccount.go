package api

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"cofre/executors/cloud/gcp"
	"cofre/fsm/model"
	"cofre/httpapi/credential"
	"cofre/httpapi/device"
	"cofre/httpapi/operation"
)

func accountFlags(c *cobra.Command) {
	for _, n := range []struct{ name, doc string }{{"id", "id of the access key of AWS, or client id of Azure; of Google it stands in the key file"}, {"region", "of AWS, where STS is asked, such as eu-west-1; none: its one for everywhere"}, {"tenant", "of Azure"}, {"description", "what it is for"}} {
		c.Flags().String(n.name, "", n.doc)
	}
	c.Flags().StringSlice("tag", nil, "tag; may be repeated; '' for none")
	c.MarkFlagsMutuallyExclusive("region", "tenant")
	c.Flags().Bool("secret-stdin", false, "read the secret of the key or client, or the key file of Google, from standard input")
}

func (s *session) accountBody(c *cobra.Command, name string, must bool) (withSecret, error) {
	b := withSecret{Body: credential.Body{Username: text(c, "id"), Domain: cmp.Or(text(c, "region"), text(c, "tenant")), Tags: texts(c, "tag"), Settings: credential.SettingsBody{Notes: text(c, "description")}}}
	var err error
	switch fromStdin, _ := c.Flags().GetBool("secret-stdin"); {
	case fromStdin:
		b.Secret, err = secretFrom(c.InOrStdin())
	case must && s.terminal(c.InOrStdin()):
		b.Secret, err = s.ask(c, name)
	case must:
		err = errors.New("no secret: say --secret-stdin")
	}
	return b, err
}

func createAccount(s *session) *cobra.Command {
	c := &cobra.Command{Use: "create NAME", Short: "Register an account with its key", Args: cobra.ExactArgs(1),
		Long: `Register an account: a credential on the device that stands for the provider, which is registered too if it is not there yet. The
secret is asked for without echo, or read from standard input; of Google it is the key file of a service account. Give the account the policy that cofre cloud account policy prints, and no more.`,
		Example: "  pass aws/cofre | cofre cloud account create prod --provider aws --id AKIA... --region eu-west-1 --secret-stdin\n  cofre cloud account create lab --provider aws --id AKIA... --endpoint iam.lab.example\n" +
			"  pass azure/cofre | cofre cloud account create entra --provider azure --id CLIENT-ID --tenant contoso.onmicrosoft.com --secret-stdin\n" +
			"  pass gcp/cofre.json | cofre cloud account create gcp --provider gcp --secret-stdin"}
	accountFlags(c)
	c.Flags().String("provider", "", "aws, azure or gcp (required)")
	c.Flags().String("endpoint", "", "host name of a registered device that answers in the provider's place")
	_ = c.MarkFlagRequired("provider")
	c.RunE = func(c *cobra.Command, args []string) error {
		p, err := providerOf(deref(text(c, "provider")))
		if err != nil {
			return err
		}
		if (p.name == "azure") == (text(c, "tenant") == nil) || p.name != "aws" && text(c, "region") != nil {
			return errors.New("--tenant is for azure, which needs it; --region is for aws")
		}
		if id := text(c, "id"); (p.name != "gcp" || id != nil) && !p.id.MatchString(deref(id)) {
			return fmt.Errorf("--id is %s", p.ids)
		}
		if fromStdin, _ := c.Flags().GetBool("secret-stdin"); p.name == "gcp" && !fromStdin {
			return errors.New("no key file: say --secret-stdin")
		}
		b, err := s.accountBody(c, args[0], true)
		if err == nil && p.name == "gcp" {
			err = fromKeyFile(&b)
		}
		if err != nil {
			return err
		}
		host := cmp.Or(deref(text(c, "endpoint")), p.host)
		if err := s.standIn(c, p, host); err != nil {
			return err
		}
		kind := accountType
		b.Identifier, b.Hostname, b.Type, b.Execution.Executor = &args[0], &host, &kind, &p.name
		return s.account(c, http.MethodPost, "/api/v1/credentials", b)
	}
	return c
}

// fromKeyFile takes the name of a service account out of its key.
func fromKeyFile(b *withSecret) error {
	email := gcp.EmailOf(*b.Secret)
	switch {
	case email == "":
		return errors.New("expected the key file of a service account, as gcloud iam service-accounts keys create writes it")
	case b.Username != nil && *b.Username != email:
		return fmt.Errorf("the key file is of %s", email)
	}
	b.Username = &email
	return nil
}

// standIn registers the device of a provider unless it is there. Another endpoint has an address, a port or a CA, which people know.
func (s *session) standIn(c *cobra.Command, p provider, host string) error {
	_, err := call[device.View](s, c, http.MethodGet, at("devices/%s", host), nil)
	if err == nil || !absent(err) {
		return err
	}
	if host != p.host {
		return fmt.Errorf("register the endpoint first, such as cofre device create %s --connectivity HTTPS:443 --ca-file ca.pem", host)
	}
	kind := p.label
	_, err = call[device.View](s, c, http.MethodPost, "/api/v1/devices", device.Body{Hostname: &host, Type: &kind})
	return err
}

func updateAccount(s *session) *cobra.Command {
	c := &cobra.Command{Use: "update NAME", Short: "Change an account; what is not named stays", Args: cobra.ExactArgs(1),
		Long:    "Change an account. A new access key is both an id and a secret.",
		Example: "  pass aws/cofre-new | cofre cloud account update prod --id AKIA... --secret-stdin\n  cofre cloud account update prod --tag finance"}
	accountFlags(c)
	c.Flags().Uint64("revision", 0, "refuse if it is not the current one")
	c.RunE = func(c *cobra.Command, args []string) error {
		b, err := s.accountBody(c, args[0], false)
		if err == nil && b.Secret != nil && b.Username == nil && gcp.EmailOf(*b.Secret) != "" {
			err = fromKeyFile(&b)
		}
		if err != nil {
			return err
		}
		if (b.Username == nil) != (b.Secret == nil) {
			return errors.New("a new access key is both: --id and --secret-stdin; a key file of Google is --secret-stdin alone")
		}
		b.Revision, _ = c.Flags().GetUint64("revision")
		return s.account(c, http.MethodPut, at("credentials/%s", args[0]), b)
	}
	return c
}

// account sends one call about an account and prints it.
func (s *session) account(c *cobra.Command, method, path string, body any) error {
	v, err := call[credential.View](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, v, func(w io.Writer) error {
		return details(w, "account", v.Identifier, "provider", v.Execution.Executor, "id", v.Username, "place", v.Domain, "endpoint", v.Hostname, "description", v.Settings.Notes,
			"state", word(v.Enabled, "enabled", "disabled"), "sync", v.Sync, "verified", moment(v.VerifiedAt), "tags", join(v.Tags))
	})
}

func testAccount(s *session) *cobra.Command {
	return &cobra.Command{Use: "test NAME", Short: "Ask the provider whose key it is, and what it may do of what Cofre needs", Args: cobra.ExactArgs(1),
		Long:    "Log in as the account and ask what it may do. Nothing is changed. Ends with an error unless it may do everything.",
		Example: "  cofre cloud account test prod\n  cofre cloud account test prod --json | jq '.attempts[-1].steps'",
		RunE: func(c *cobra.Command, args []string) error {
			begun, err := call[operation.View](s, c, http.MethodPost, "/api/v1/operations", operation.Body{Credential: args[0], Kind: model.Verify})
			if err != nil {
				return err
			}
			o, err := s.watch(c, &begun) // a provider that cannot be reached is tried again and again: somebody must see why
			if err != nil {
				return err
			}
			var steps []operation.Step
			if n := len(o.Attempts); n > 0 {
				steps = o.Attempts[n-1].Steps
			}
			missing := 0
			if err := s.show(c, o, func(w io.Writer) error {
				tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
				for _, step := range steps {
					fmt.Fprintln(tw, clean(step.Text)+"\t"+clean(step.Error))
				}
				return tw.Flush()
			}); err != nil {
				return err
			}
			for _, step := range steps {
				if step.Error != "" {
					missing++
				}
			}
			switch {
			case o.State != "succeeded":
				return fmt.Errorf("the account does not log in: %s", clean(cmp.Or(o.Message, o.State)))
			case missing > 0:
				return fmt.Errorf("%d of what Cofre needs is missing: cofre cloud account policy prints the policy", missing)
			}
			return nil
		}}
}

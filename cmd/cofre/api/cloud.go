package api

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cofre/executors/cloud/aws"
	"cofre/executors/cloud/azure"
	"cofre/httpapi/credential"
	"cofre/httpapi/dynamic"
)

// An account of a cloud is a credential on the device that stands for the provider (ADR 0032): this is a view on both.

// accountType marks the credentials that are accounts.
const accountType = "Cloud account"

// provider is a cloud as accounts and profiles need it.
type provider struct {
	name, label    string
	host           string // of the device that stands for it
	create, remove string // templates
	id             *regexp.Regexp
	ids            string // what id demands
}

var providers = []provider{
	{"aws", "Amazon Web Services", "iam.amazonaws.com", aws.CreateTemplate, aws.RemoveTemplate, regexp.MustCompile(`^A[A-Z0-9]{15,127}$`), "the id of an access key, such as AKIA..."},
	{"azure", "Microsoft Entra ID", "graph.microsoft.com", azure.CreateTemplate, azure.RemoveTemplate, guid, "a client id, which is a GUID"},
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func providerOf(name string) (provider, error) {
	i := slices.IndexFunc(providers, func(p provider) bool { return p.name == name })
	if i < 0 {
		return provider{}, fmt.Errorf("there is no provider %q: aws, azure", name)
	}
	return providers[i], nil
}

func cloudCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List accounts of clouds", Args: cobra.NoArgs, Example: "  cofre cloud account list\n  cofre cloud account list --disabled --json"}
	limit := limitFlag(list, 1000)
	list.Flags().Bool("disabled", false, "disabled ones too")
	queryFlags(list, "tag", "tag", "search", "part of the name or of the key's id")
	list.RunE = func(c *cobra.Command, _ []string) error {
		q := queryOf(c, "tag", "search", "disabled")
		q.Set("type", accountType)
		return listed(s, c, "/api/v1/credentials", q, *limit, nil, "NAME PROVIDER ID PLACE SYNC VERIFIED STATE TAGS", func(v credential.View) []string {
			return []string{v.Identifier, v.Execution.Executor, v.Username, v.Domain, v.Sync, moment(v.VerifiedAt), word(v.Enabled, "enabled", "disabled"), join(v.Tags)}
		})
	}
	show := &cobra.Command{Use: "show NAME", Short: "Show an account, without its secret", Args: cobra.ExactArgs(1), Example: "  cofre cloud account show prod", RunE: func(c *cobra.Command, args []string) error {
		return s.account(c, http.MethodGet, at("credentials/%s", args[0]), nil)
	}}
	status := func(use, short string, enabled bool) *cobra.Command {
		return &cobra.Command{Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1), Example: "  cofre cloud account " + use + " prod", RunE: func(c *cobra.Command, args []string) error {
			return s.account(c, http.MethodPut, at("credentials/%s/status", args[0]), credential.StatusBody{Enabled: &enabled})
		}}
	}
	accounts := group("account", "Accounts by which Cofre makes keys", list, show, createAccount(s), updateAccount(s), status("enable", "Enable an account", true),
		status("disable", "Disable an account: nobody gets new keys, and those that are there wait for their removal", false), testAccount(s), policyCommandOf(s))
	return group("cloud", "Accounts of clouds, and keys that are made there for a while", accounts, group("profile", "How keys are made", cloudProfile(s)))
}

func policyCommandOf(s *session) *cobra.Command {
	c := &cobra.Command{Use: "policy", Short: "Print the smallest policy document of an account", Args: cobra.NoArgs,
		Long: `Print what an account needs, and no more. AWS: a policy document for users below the path /cofre/, their keys, and the policies that are named. Name
those that your profiles attach: without them the account may attach any policy, and is as mighty as the mightiest of them. Azure: the permission of Graph
by which the account changes the applications that it owns, and no others.`,
		Example: "  cofre cloud account policy --provider aws --attach arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess >cofre.json\n  aws iam put-user-policy --user-name cofre --policy-name cofre --policy-document file://cofre.json\n" +
			"  cofre cloud account policy --provider azure >cofre.json; az ad app update --id CLIENT-ID --required-resource-accesses @cofre.json"}
	c.Flags().String("provider", "", "aws or azure (required)")
	c.Flags().String("partition", "aws", "aws, aws-cn or aws-us-gov")
	c.Flags().StringSlice("attach", nil, "ARN of a policy that profiles attach; may be repeated")
	_ = c.MarkFlagRequired("provider")
	c.RunE = func(c *cobra.Command, _ []string) error {
		p, err := providerOf(deref(text(c, "provider")))
		switch {
		case err != nil:
			return err
		case p.name == "azure" && (text(c, "attach") != nil || text(c, "partition") != nil):
			return errors.New("--attach and --partition are for aws")
		case p.name == "azure":
			_, err = fmt.Fprintln(c.OutOrStdout(), azure.Policy())
			return err
		}
		partition, _ := c.Flags().GetString("partition")
		if !slices.Contains([]string{"aws", "aws-cn", "aws-us-gov"}, partition) {
			return errors.New("--partition is aws, aws-cn or aws-us-gov")
		}
		attach, _ := c.Flags().GetStringSlice("attach")
		doc, err := aws.Policy(partition, attach)
		if err != nil {
			return fmt.Errorf("--attach: %w", err)
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), doc)
		return err
	}
	return c
}

func cloudProfile(s *session) *cobra.Command {
	c := &cobra.Command{Use: "create IDENTIFIER", Short: "Create a profile of dynamic users for an account", Args: cobra.ExactArgs(1),
		Long:    "Create a profile of dynamic users for an account. It is one like every other: cofre dynamic profile lists, changes, tries and deletes it, and applications get it as a pair with the account's endpoint.",
		Example: "  cofre cloud profile create shop --account prod --policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess --ttl 1h --test\n  cofre cloud profile create web --account entra --application OBJECT-ID --ttl 8h\n  cofre dynamic application shop --pair iam.amazonaws.com:shop"}
	queryFlags(c, "account", "the account that makes the keys (required)", "ttl", "how long keys live, such as 1h", "life", "longest life with renewals; 0s: the TTL")
	c.Flags().StringSlice("policy", nil, "ARN of a managed policy of AWS that each user gets; may be repeated, 10 at most")
	c.Flags().String("application", "", "object id of the application of Azure that gets client secrets")
	c.Flags().StringSlice("holder", nil, "application/authorization that may ask for keys; may be repeated")
	c.Flags().Bool("test", false, "then try it: make a key, log in, remove it, and prove that it is gone")
	_ = c.MarkFlagRequired("account")
	c.MarkFlagsMutuallyExclusive("policy", "application")
	c.RunE = func(c *cobra.Command, args []string) error {
		v, err := call[credential.View](s, c, http.MethodGet, at("credentials/%s", deref(text(c, "account"))), nil)
		if err != nil {
			return err
		}
		p, err := providerOf(v.Execution.Executor)
		if err != nil {
			return fmt.Errorf("%s is no account of a cloud: %w", clean(v.Identifier), err)
		}
		list, _ := c.Flags().GetStringSlice("policy")
		additional := strings.Join(list, ",")
		if p.name == "azure" {
			additional = deref(text(c, "application"))
		}
		if additional == "" {
			return fmt.Errorf("say what users get: --%s", word(p.name == "azure", "application", "policy"))
		}
		b := dynamic.ProfileBody{Identifier: &args[0], Executor: &p.name, Create: &p.create, Remove: &p.remove, Authentication: &v.Identifier, Additional: &additional, Holders: texts(c, "holder")}
		if b.TTL, err = duration(c, "ttl"); err != nil {
			return err
		}
		if b.Life, err = duration(c, "life"); err != nil {
			return err
		}
		if err := s.dynamicProfile(c, http.MethodPost, "/api/v1/dynamic-profiles", b); err != nil {
			return err
		}
		return s.testSaved(c, args[0])
	}
	return c
}

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
	"cofre/executors/cloud/gcp"
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
	{"gcp", "Google Cloud", "iam.googleapis.com", gcp.CreateTemplate, gcp.RemoveTemplate, regexp.MustCompile(`^[^@ ]+@[^@ ]+\.gserviceaccount\.com$`), "the e-mail address of a service account"},
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func providerOf(name string) (provider, error) {
	i := slices.IndexFunc(providers, func(p provider) bool { return p.name == name })
	if i < 0 {
		return provider{}, fmt.Errorf("there is no provider %q: aws, azure, gcp", name)
	}
	return providers[i], nil
}

func cloudCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List accounts of clouds", Args: cobra.NoArgs, Example: "  cofre cloud account list\n  cofre cloud account list --disabled --json"}
	limit := s.lists(list, 1000)
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
	verbs := onOff("cloud account", "NAME", "prod", "Enable an account", "Disable an account: nobody gets new keys, and those that are there wait for their removal", func(c *cobra.Command, args []string, enabled bool) error {
		return s.account(c, http.MethodPut, at("credentials/%s/status", args[0]), credential.StatusBody{Enabled: &enabled})
	})
	accounts := group("account", "Accounts by which Cofre makes keys", append(verbs, list, show, createAccount(s), updateAccount(s), testAccount(s), policyCommandOf(s))...)
	return group("cloud", "Accounts of clouds, and keys that are made there for a while", accounts, group("profile", "How keys are made", cloudProfile(s)))
}

func policyCommandOf(s *session) *cobra.Command {
	c := &cobra.Command{Use: "policy", Short: "Print the smallest policy document of an account", Args: cobra.NoArgs,
		Long: `Print what an account needs, and no more. AWS: a policy document for users below the path /cofre/, their keys, and the policies that are named. Azure: the
permission of Graph by which the account changes the applications that it owns, and no others. Google: a role for service accounts, their keys and the project's
policy; with --attach, the condition that the account gets the role on. Name the policies or roles that your profiles give: without them the account may give any,
and is as mighty as the mightiest of them.`,
		Example: "  cofre cloud account policy --provider aws --attach arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess >cofre.json\n  aws iam put-user-policy --user-name cofre --policy-name cofre --policy-document file://cofre.json\n" +
			"  cofre cloud account policy --provider azure >cofre.json; az ad app update --id CLIENT-ID --required-resource-accesses @cofre.json\n" +
			"  cofre cloud account policy --provider gcp >role.json; cofre cloud account policy --provider gcp --attach roles/pubsub.publisher >condition.json"}
	c.Flags().String("provider", "", "aws, azure or gcp (required)")
	c.Flags().String("partition", "aws", "of AWS: aws, aws-cn or aws-us-gov")
	c.Flags().StringSlice("attach", nil, "ARN of a policy of AWS, or role of Google, that profiles give; may be repeated")
	_ = c.MarkFlagRequired("provider")
	c.RunE = func(c *cobra.Command, _ []string) error {
		p, err := providerOf(deref(text(c, "provider")))
		if err != nil {
			return err
		}
		doc, err := policyOf(c, p)
		if err == nil {
			_, err = fmt.Fprintln(c.OutOrStdout(), doc)
		}
		return err
	}
	return c
}

func policyOf(c *cobra.Command, p provider) (doc string, err error) {
	partition, _ := c.Flags().GetString("partition")
	attach, _ := c.Flags().GetStringSlice("attach")
	switch {
	case p.name != "aws" && text(c, "partition") != nil:
		return "", errors.New("--partition is for aws")
	case p.name == "azure" && len(attach) > 0:
		return "", errors.New("--attach is for aws and gcp")
	case p.name == "azure":
		return azure.Policy(), nil
	case p.name == "gcp" && len(attach) == 0:
		return gcp.Role()
	case p.name == "gcp":
		doc, err = gcp.Condition(attach)
	case !slices.Contains([]string{"aws", "aws-cn", "aws-us-gov"}, partition):
		return "", errors.New("--partition is aws, aws-cn or aws-us-gov")
	default:
		doc, err = aws.Policy(partition, attach)
	}
	if err != nil {
		return "", fmt.Errorf("--attach: %w", err)
	}
	return doc, nil
}

func cloudProfile(s *session) *cobra.Command {
	c := &cobra.Command{Use: "create IDENTIFIER", Short: "Create a profile of dynamic users for an account", Args: cobra.ExactArgs(1),
		Long:    "Create a profile of dynamic users for an account. It is one like every other: cofre dynamic profile lists, changes, tries and deletes it, and applications get it as a pair with the account's endpoint.",
		Example: "  cofre cloud profile create shop --account prod --policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess --ttl 1h --test\n  cofre cloud profile create web --account entra --application OBJECT-ID --ttl 8h\n  cofre cloud profile create queue --account gcp --project shop-prod --role roles/pubsub.publisher --ttl 1h\n  cofre dynamic application shop --pair iam.amazonaws.com:shop"}
	queryFlags(c, "account", "the account that makes the keys (required)", "ttl", "how long keys live, such as 1h", "life", "longest life with renewals; 0s: the TTL")
	c.Flags().StringSlice("policy", nil, "ARN of a managed policy of AWS that each user gets; may be repeated, 10 at most")
	c.Flags().String("application", "", "object id of the application of Azure that gets client secrets")
	queryFlags(c, "project", "project of Google in which service accounts are made", "organization", "number of an organization of Google, for --organization-role")
	c.Flags().StringSlice("role", nil, "role of Google that each service account gets on the project; may be repeated")
	c.Flags().StringSlice("organization-role", nil, "the same, on the organization")
	c.Flags().StringSlice("holder", nil, "application/authorization that may ask for keys; may be repeated")
	c.Flags().Bool("test", false, "then try it: make a key, log in, remove it, and prove that it is gone")
	_ = c.MarkFlagRequired("account")
	c.MarkFlagsMutuallyExclusive("policy", "application", "project")
	c.RunE = func(c *cobra.Command, args []string) error {
		v, err := call[credential.View](s, c, http.MethodGet, at("credentials/%s", deref(text(c, "account"))), nil)
		if err != nil {
			return fmt.Errorf("--account: %w", err)
		}
		p, err := providerOf(v.Execution.Executor)
		if err != nil {
			return fmt.Errorf("%s is no account of a cloud: %w", clean(v.Identifier), err)
		}
		additional, err := givenBy(c, p)
		if err != nil {
			return err
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

// givenBy is what the users of a profile get, as its additional information says it.
func givenBy(c *cobra.Command, p provider) (out string, err error) {
	list := func(flag string) []string {
		all, _ := c.Flags().GetStringSlice(flag)
		return all
	}
	flag := "policy"
	switch p.name {
	case "azure":
		flag, out = "application", deref(text(c, "application"))
	case "gcp":
		flag = "project and --role"
		if project := deref(text(c, "project")); project != "" {
			parts := []string{"project=" + project}
			for _, r := range list("role") {
				parts = append(parts, "role="+r)
			}
			if org := deref(text(c, "organization")); org != "" {
				parts = append(parts, "organization="+org)
			}
			for _, r := range list("organization-role") {
				parts = append(parts, "organization-role="+r)
			}
			out = strings.Join(parts, ",")
			err = gcp.CheckGets(out)
		}
	default:
		out = strings.Join(list(flag), ",")
	}
	if out == "" {
		return "", fmt.Errorf("say what users get: --%s", flag)
	}
	return out, err
}

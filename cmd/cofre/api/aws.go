package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"cofre/httpapi/application"
)

// awsPair are the answer to a new pair for AWS Signature Version 4.
type awsPair struct {
	AccessKey string `json:"access_key_id"`
	Secret    string `json:"secret_access_key"`
}

func awsKeyCommand(s *session) *cobra.Command {
	c := &cobra.Command{
		Use: "aws APPLICATION NAME", Short: "Make a pair for clients that sign each request as AWS does; the secret is shown once", Args: cobra.ExactArgs(2),
		Long:    "Make a pair for AWS Signature Version 4, for the service cofre and any region. It is Cofre's own: no key of AWS is ever given to Cofre.",
		Example: "  cofre authorization aws shop jobs\n  cofre authorization aws shop jobs --remove",
	}
	remove := c.Flags().Bool("remove", false, "take the pair away instead")
	c.RunE = func(c *cobra.Command, args []string) error {
		path := at("applications/%s/authorizations/%s/aws", args...)
		if *remove {
			_, err := call[struct{}](s, c, http.MethodDelete, path, nil)
			return err
		}
		k, err := call[awsPair](s, c, http.MethodPost, path, nil)
		if err != nil {
			return err
		}
		fmt.Fprintln(note(c), "The secret is shown this once. The pair that the authorization had before is not valid any more.")
		return s.show(c, k, func(w io.Writer) error {
			return details(w, "access key id", k.AccessKey, "secret access key", k.Secret)
		})
	}
	return c
}

func arnsCommand(s *session) *cobra.Command {
	c := &cobra.Command{
		Use: "arns NAME [ARN...]", Short: "Show or replace the roles and users of AWS that get tokens for an application", Args: cobra.MinimumNArgs(1),
		Long: `Without an ARN, show them. A client with one of these identities signs GetCallerIdentity of AWS STS, and gets a token for the
authorization whose unique key (its id) it names; docs/aws.md shows how. A role is listed without its path, since AWS does not tell it.
Who is taken off the list loses the tokens that he has, at once and for good; those of others live on.`,
		Example: "  cofre application arns shop arn:aws:iam::123456789012:role/web arn:aws:iam::123456789012:user/ci\n  cofre application arns shop\n  cofre application arns shop --none",
	}
	none := c.Flags().Bool("none", false, "list nobody any more")
	c.RunE = func(c *cobra.Command, args []string) error {
		path, arns := at("applications/%s/arns", args[0]), append([]string{}, args[1:]...)
		method, body := http.MethodGet, any(nil)
		switch {
		case *none && len(arns) > 0:
			return errors.New("--none is said without ARNs")
		case *none || len(arns) > 0:
			method, body = http.MethodPut, application.ARNsBody{ARNs: &arns}
		}
		a, err := call[application.ARNs](s, c, method, path, body)
		if err != nil {
			return err
		}
		return s.show(c, a, func(w io.Writer) error {
			return details(w, "identities", or(join(a.ARNs), "none"), "sign for server", string(a.Server))
		})
	}
	return c
}

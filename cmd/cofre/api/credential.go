package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"cofre/httpapi/credential"
)

func credentialCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List credentials, without secrets", Args: cobra.NoArgs, Example: "  cofre credential list --tag prod\n  cofre credential list --device web1 --json"}
	limit := s.lists(list, 1000)
	list.Flags().String("device", "", "number, host name or id")
	list.Flags().String("tag", "", "tag")
	list.Flags().String("type", "", "type, such as 'Local User'")
	list.Flags().String("search", "", "part of the identifier, user name or host name")
	list.Flags().Bool("disabled", false, "disabled ones too")
	list.RunE = func(c *cobra.Command, _ []string) error {
		q := url.Values{}
		for _, n := range []string{"device", "tag", "type", "search"} {
			if v := text(c, n); v != nil {
				q.Set(n, *v)
			}
		}
		if d := truth(c, "disabled"); d != nil {
			q.Set("disabled", strconv.FormatBool(*d))
		}
		return listed(s, c, "/api/v1/credentials", q, *limit, nil, credential.Columns, credential.View.Row)
	}
	show := &cobra.Command{Use: "show NAME", Short: "Show a credential, without its secret", Args: cobra.ExactArgs(1), Example: "  cofre credential show web1-root\n  cofre credential show root@web1", RunE: func(c *cobra.Command, args []string) error {
		return s.credential(c, http.MethodGet, at("credentials/%s", args[0]), nil)
	}}
	verbs := onOff("credential", "NAME...", "web1-root", "Enable credentials", "Disable credentials: no reads, no changes; nothing is deleted", func(c *cobra.Command, args []string, enabled bool) error {
		return s.credential(c, http.MethodPut, at("credentials/%s/status", args[0]), credential.StatusBody{Enabled: &enabled})
	})
	return group("credential", "Accounts on devices, with their secrets", append(verbs, list, show, createCredential(s), updateCredential(s), readCommand(s), releaseCommand(s), custodiesCommand(s), explainCommand(s))...)
}

func publicKey(k *credential.KeyView) string {
	if k == nil {
		return ""
	}
	return k.PublicKey
}

func forSessions(j *credential.JITView) string {
	if j == nil {
		return ""
	}
	return fmt.Sprintf("%s: %s and %s by %s", j.State, j.Activate, j.Deactivate, j.Authentication)
}

func reconciled(r *credential.ReconcileView) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("by %s with %s%s", or(r.Authentication, "nobody"), or(r.Template, "no template"), word(r.Autorun, ", by itself", ""))
}

// credential sends one call about a credential and prints it.
func (s *session) credential(c *cobra.Command, method, path string, body any) error {
	v, err := call[credential.View](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, v, func(w io.Writer) error {
		x := v.Execution
		return details(w, "credential", v.Identifier, "number", strconv.FormatUint(v.Number, 10), "user name", v.Username, "domain", v.Domain, "device", v.Hostname, "address", v.IP,
			"type", v.Type, "tags", join(v.Tags), "additional", v.Additional, "server path", v.Settings.ServerPath, "owner", v.Settings.Owner, "criticality", v.Settings.Criticality, "notes", v.Settings.Notes, "one-time codes", word(v.TOTP, "yes", ""), "state", word(v.Enabled, "enabled", "disabled"), "sync", v.Sync, "busy with", string(v.Busy),
			"policy", or(v.Policy, or(v.Governed, "default")), "parent", v.Parent, "executor", x.Executor, "template", x.Template, "logs in as", x.Authentication, "automatic", v.Automatic(), "reconciled", reconciled(x.Reconcile), "for sessions", forSessions(v.JIT), "public key", publicKey(v.Key),
			"changed", moment(v.ChangedAt), "verified", moment(v.VerifiedAt), "drifted", moment(v.DriftedAt), "read", moment(v.ReadAt), "changes at", moment(v.RotateAt), "created", moment(v.CreatedAt),
			"revision", strconv.FormatUint(v.Revision, 10))
	})
}

// readSecret is the answer to a read.
type readSecret struct {
	ID           string  `json:"id"`
	Number       uint64  `json:"number"`
	Username     string  `json:"username"`
	Secret       string  `json:"secret"`
	Version      uint64  `json:"version"`
	CustodyUntil *string `json:"custody_until"`
	ChangeAt     *string `json:"change_at"`
}

func readCommand(s *session) *cobra.Command {
	c := &cobra.Command{
		Use: "read NAME", Short: "Read a secret; takes custody and is audited", Args: cobra.ExactArgs(1),
		Long:    "Read a secret. It is printed to a terminal only; --raw prints it anywhere, alone and without a line break. Give it back with cofre credential release.",
		Example: "  cofre credential read web1-root\n  cofre credential read web1-root --raw | some-program --password-stdin\n  cofre run --secret PGPASSWORD=db1-app -- psql     # better for programs",
	}
	raw := c.Flags().Bool("raw", false, "print the secret wherever standard output goes")
	c.RunE = func(c *cobra.Command, args []string) error {
		if !*raw && !s.terminal(c.OutOrStdout()) {
			return errors.New("standard output is no terminal: the secret would stay in a file or a log. Say --raw if you mean it, or use cofre run")
		}
		r, err := call[readSecret](s, c, http.MethodGet, at("credentials/%s/secret", args[0]), nil)
		if err != nil {
			return err
		}
		return s.show(c, r, func(w io.Writer) error {
			if *raw {
				_, err := io.WriteString(w, r.Secret)
				return err
			}
			until := ""
			if r.CustodyUntil != nil {
				until = ", in your custody until " + *r.CustodyUntil
			}
			fmt.Fprintln(w, r.Secret)
			fmt.Fprintf(note(c), "Secret of %s, version %d%s.\n", clean(r.Username), r.Version, until)
			return nil
		})
	}
	return c
}

// released is the answer to a release; the operation is the number of the change that it started.
type released struct {
	Operation *string `json:"operation"`
}

func releaseCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "release NAME", Short: "Give custody back; the last holder's release may start a change", Args: cobra.ExactArgs(1), Example: "  cofre credential release web1-root",
		RunE: func(c *cobra.Command, args []string) error {
			r, err := call[released](s, c, http.MethodDelete, at("credentials/%s/custody", args[0]), nil)
			if err != nil {
				return err
			}
			return s.show(c, r, func(w io.Writer) error {
				if r.Operation == nil {
					fmt.Fprintln(w, "Released.")
					return nil
				}
				fmt.Fprintf(w, "Released. Operation %s changes the secret: cofre operation show %s\n", *r.Operation, *r.Operation)
				return nil
			})
		},
	}
}

package api

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/httpapi/template"
)

// executorFlag adds --executor, which tells two templates of one name apart.
func executorFlag(c *cobra.Command) *cobra.Command {
	c.Flags().String("executor", "", "when two executors have a template of this name")
	return c
}

// versioned adds a number of a version to the query if it was given.
func versioned(c *cobra.Command, q url.Values, flags ...string) string {
	if q == nil {
		q = url.Values{}
	}
	for _, f := range flags {
		if n := whole(c, f); n != nil {
			q.Set(f, strconv.Itoa(*n))
		}
	}
	return query(q)
}

func diffTemplate(s *session) *cobra.Command {
	c := executorFlag(&cobra.Command{
		Use: "diff NAME", Short: "Compare two versions of a template", Args: cobra.ExactArgs(1),
		Example: "  cofre template diff Ours\n  cofre template diff Ours --from 2 --to 5",
	})
	c.Flags().Int("from", 0, "the version before --to by default; 0: nothing")
	c.Flags().Int("to", 0, "the newest by default")
	c.RunE = func(c *cobra.Command, args []string) error {
		d, err := call[template.Difference](s, c, http.MethodGet, at("templates/%s/diff", args[0])+versioned(c, executorOf(c), "from", "to"), nil)
		if err != nil {
			return err
		}
		return s.show(c, d, func(w io.Writer) error { return difference(w, d) })
	}
	return c
}

// difference prints what changed, with three lines around it.
func difference(w io.Writer, d template.Difference) error {
	const around = 3
	near := make([]bool, len(d.Lines))
	for i, l := range d.Lines {
		for j := max(0, i-around); l.Change != " " && j <= min(len(d.Lines)-1, i+around); j++ {
			near[j] = true
		}
	}
	fmt.Fprintf(w, "version %d -> %d\n", d.From, d.To)
	skipped := false
	for i, l := range d.Lines {
		if !near[i] {
			skipped = true
			continue
		}
		if skipped {
			fmt.Fprintln(w, "  ...")
		}
		skipped = false
		if _, err := fmt.Fprintf(w, "%s %s\n", l.Change, clean(strings.ReplaceAll(l.Text, "\t", "    "))); err != nil {
			return err
		}
	}
	return nil
}

func reviewTemplate(s *session) *cobra.Command {
	c := executorFlag(&cobra.Command{
		Use: "review NAME", Short: "Show what approving a version would mean", Args: cobra.ExactArgs(1),
		Long:    "Show the difference to the version in force, the tags with those that are secret, the hosts that the text names, and what uses the template.",
		Example: "  cofre template list --review pending\n  cofre template review Ours --version 3\n  cofre template approve Ours --version 3",
	})
	c.Flags().Int("version", 0, "the newest by default")
	c.RunE = func(c *cobra.Command, args []string) error {
		r, err := call[template.Review](s, c, http.MethodGet, at("templates/%s/review", args[0])+versioned(c, executorOf(c), "version"), nil)
		if err != nil {
			return err
		}
		return s.show(c, r, func(w io.Writer) error {
			var secret, other []string
			for _, t := range r.Tags {
				if t.Secret {
					secret = append(secret, t.Name)
				} else {
					other = append(other, t.Name)
				}
			}
			if err := details(w, "version", strconv.Itoa(r.To), "author", cmp.Or(r.AuthorName, string(r.Author), "catalogue"), "review", r.Review, "closed by", cmp.Or(r.ClosedName, string(r.ClosedBy)), "note", r.Note,
				"approvals", fmt.Sprintf("%d of %d", len(r.Approvals), r.Levels), "secret tags", join(secret), "other tags", join(other), "hosts", join(r.Hosts), "used by", users(r.Use)); err != nil {
				return err
			}
			for _, n := range r.Notices {
				fmt.Fprintln(w, "notice:", clean(n))
			}
			return difference(w, r.Difference)
		})
	}
	return c
}

// users tells what an approval reaches.
func users(u template.Use) string {
	out := fmt.Sprintf("%d credentials, %d profiles of dynamic users", u.Credentials, u.Profiles)
	for _, more := range []struct {
		n    int
		what string
	}{{u.Executions, "execution profiles"}, {u.Chains, "chains"}, {u.Automations, "automations of secrets"}} {
		if more.n > 0 {
			out += fmt.Sprintf(", %d %s", more.n, more.what)
		}
	}
	return out
}

func cloneTemplate(s *session) *cobra.Command {
	b := template.CloneBody{}
	c := executorFlag(&cobra.Command{
		Use: "clone NAME [NEW-NAME]", Short: "Make a new template of a version of another one", Args: cobra.RangeArgs(1, 2),
		Long:    "Make a new template, by default named as the old one with '(copy)'. Templates of the catalogue are read-only: clone them to change them.",
		Example: "  cofre template clone 'Linux passwd' 'Linux passwd of ours'\n  cofre template clone Ours --version 2",
	})
	c.Flags().IntVar(&b.Version, "version", 0, "the newest by default")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 2 {
			b.Name = args[1]
		}
		return s.template(c, http.MethodPost, at("templates/%s/clone", args[0])+query(executorOf(c)), b)
	}
	return c
}

func disapproveTemplate(s *session) *cobra.Command {
	b := template.DisapproveBody{}
	c := executorFlag(&cobra.Command{
		Use: "disapprove NAME", Short: "Refuse a version, or cancel one's own: it never comes into force", Args: cobra.ExactArgs(1),
		Example: "  cofre template disapprove Ours --version 3 --note 'it sends the password to another host'",
	})
	c.Flags().IntVar(&b.Version, "version", 0, "version that you read (required)")
	c.Flags().StringVar(&b.Note, "note", "", "why")
	_ = c.MarkFlagRequired("version")
	c.RunE = func(c *cobra.Command, args []string) error {
		return s.template(c, http.MethodPost, at("templates/%s/disapprove", args[0])+query(executorOf(c)), b)
	}
	return c
}

func approvalLevels(s *session) *cobra.Command {
	c := &cobra.Command{
		Use: "levels [N]", Short: "Show, or set, how many approvals a version needs", Args: cobra.MaximumNArgs(1),
		Long:    "Show, or set, how many approvals a version needs: 1 to 3, of different people, none of them its author. They count as soon as two authorizations may approve.",
		Example: "  cofre template levels\n  cofre template levels 2",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		method, body := http.MethodGet, any(nil)
		if len(args) == 1 {
			n, err := strconv.Atoi(args[0])
			if err != nil {
				return fmt.Errorf("expected a number of approvals from 1 to 3, not %q", args[0])
			}
			method, body = http.MethodPut, template.Workflow{Levels: n}
		}
		l, err := call[template.Workflow](s, c, method, "/api/v1/template-workflow", body)
		if err != nil {
			return err
		}
		return s.show(c, l, func(w io.Writer) error {
			return details(w, "approvals needed", strconv.Itoa(l.Levels))
		})
	}
	return c
}

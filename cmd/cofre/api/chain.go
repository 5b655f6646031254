package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/httpapi/compat"
	"cofre/httpapi/policy"
)

func chainCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List chained exchanges", Args: cobra.NoArgs, Example: "  cofre chain list"}
	limit := s.lists(list, 1000)
	list.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/chains", nil, *limit, func(a, b policy.ChainView) int { return strings.Compare(a.Name, b.Name) },
			"NAME STATE POLICY MEMBERS CHECK ROLLBACK AUTOMATIC LAST-RUN NEXT-RUN", func(v policy.ChainView) []string {
				return []string{v.Name, chainState(&v), v.Policy, chainMembers(&v), word(v.CheckConn, "yes", "no"), word(v.Rollback, "yes", "no"), word(v.Automatic, "yes", "no"), moment(v.LastRunAt), moment(v.NextAt)}
			})
	}
	show := &cobra.Command{Use: "show NAME", Short: "Show a chained exchange with its script", Args: cobra.ExactArgs(1), Example: "  cofre chain show web", RunE: func(c *cobra.Command, args []string) error {
		return s.chain(c, http.MethodGet, at("chains/%s", args[0]), nil)
	}}
	create := &cobra.Command{Use: "create NAME", Short: "Create a chained exchange", Args: cobra.ExactArgs(1),
		Long: `Create a chained exchange: a run gives several credentials the same new password. The script has one command in a line:

  check_conn                  reach every target first, and change nothing if one cannot be reached
  rollback                    restore all at the end if one change failed
  linked_tpl TEMPLATE         changes the members that are linked, instead of their own template: id, or "name"
  change cred ID [linked]     number or identifier of a credential
  change pool ID [linked]     number or name of a pool: each of its credentials
  # ...                       a comment

It is for who may run operations on every one of them, and read its secret. Automatic runs follow once one by hand has succeeded.`,
		Example: "  cofre chain create web --script web.chain --policy weak\n  cofre chain create web --script web.chain --automatic --every 720h --days sat,sun --hours 2-6 --zone America/Sao_Paulo"}
	chainFlags(create)
	_ = create.MarkFlagRequired("script")
	create.RunE = func(c *cobra.Command, args []string) error {
		b, err := chainBody(c)
		if err != nil {
			return err
		}
		b.Name = &args[0]
		return s.chain(c, http.MethodPost, "/api/v1/chains", b)
	}
	update := &cobra.Command{Use: "update NAME", Short: "Change a chained exchange; what is not named stays", Args: cobra.ExactArgs(1), Example: "  cofre chain update web --automatic=false"}
	chainFlags(update)
	update.Flags().String("name", "", "new name")
	update.Flags().Uint64("revision", 0, "refuse if it is not the current one")
	update.RunE = func(c *cobra.Command, args []string) error {
		b, err := chainBody(c)
		if err != nil {
			return err
		}
		b.Name = text(c, "name")
		b.Revision, _ = c.Flags().GetUint64("revision")
		return s.chain(c, http.MethodPut, at("chains/%s", args[0]), b)
	}
	remove := &cobra.Command{Use: "delete NAME", Short: "Delete a chained exchange; its credentials stay as they are", Args: cobra.ExactArgs(1), Example: "  cofre chain delete web", RunE: func(c *cobra.Command, args []string) error {
		_, err := call[struct{}](s, c, http.MethodDelete, at("chains/%s", args[0]), nil)
		return err
	}}
	verbs := onOff("chain", "NAME", "web", "Let runs of a chained exchange begin", "Let no run of a chained exchange begin; one that is at work goes on", func(c *cobra.Command, args []string, enabled bool) error {
		return s.chain(c, http.MethodPut, at("chains/%s", args[0]), policy.ChainBody{Enabled: &enabled})
	})
	return group("chain", "Chained exchanges: several credentials get the same new password", append(verbs, list, show, create, update, remove, runChain(s), chainRuns(s), chainRun(s))...)
}

func runChain(s *session) *cobra.Command {
	c := &cobra.Command{Use: "run NAME", Short: "Begin a run", Args: cobra.ExactArgs(1), Example: "  cofre chain run web --wait"}
	wait := c.Flags().Bool("wait", false, "wait for its end; fail if it does not succeed")
	c.RunE = func(c *cobra.Command, args []string) error {
		v, err := call[policy.RunView](s, c, http.MethodPost, at("chains/%s/runs", args[0]), nil)
		for err == nil && *wait && v.EndedAt == 0 {
			v, err = call[policy.RunView](s, c, http.MethodGet, at("chains/%s/runs/%s", args[0], strconv.FormatUint(v.Number, 10))+"?wait=20s", nil)
		}
		if err == nil {
			err = s.showRun(c, &v)
		}
		if err == nil && *wait && v.State != "succeeded" {
			err = fmt.Errorf("run %d ended as %s: cofre chain follow %s %d tells what became of each credential", v.Number, v.State, args[0], v.Number)
		}
		return err
	}
	return c
}

func chainRuns(s *session) *cobra.Command {
	c := &cobra.Command{Use: "runs NAME", Short: "List the runs of a chained exchange, newest first", Args: cobra.ExactArgs(1), Example: "  cofre chain runs web"}
	limit := s.lists(c, 100)
	c.RunE = func(c *cobra.Command, args []string) error {
		return listed(s, c, at("chains/%s/runs", args[0]), nil, *limit, nil, "NUMBER STATE MEMBERS FAILED TRIGGER STARTED ENDED", func(v policy.RunView) []string {
			bad := 0
			for _, m := range v.Members {
				if slices.Contains([]string{"unreachable", "unchanged", "out_of_sync", "not_restored"}, m.Result) {
					bad++
				}
			}
			return []string{strconv.FormatUint(v.Number, 10), v.State, strconv.Itoa(len(v.Members)), strconv.Itoa(bad), v.Trigger, moment(v.StartedAt), moment(v.EndedAt)}
		})
	}
	return c
}

func chainRun(s *session) *cobra.Command {
	return &cobra.Command{Use: "follow NAME NUMBER", Short: "Show a run with what became of each credential", Args: cobra.ExactArgs(2), Example: "  cofre chain follow web 3", RunE: func(c *cobra.Command, args []string) error {
		v, err := call[policy.RunView](s, c, http.MethodGet, at("chains/%s/runs/%s", args[0], args[1]), nil)
		if err != nil {
			return err
		}
		return s.showRun(c, &v)
	}}
}

func (s *session) showRun(c *cobra.Command, v *policy.RunView) error {
	return s.show(c, v, func(w io.Writer) error {
		pairs := []string{"run", strconv.FormatUint(v.Number, 10), "chain", v.Chain, "state", v.State, "trigger", v.Trigger, "started", moment(v.StartedAt), "ended", moment(v.EndedAt)}
		for _, m := range v.Members {
			line := or(m.Result, "waits")
			for _, o := range []struct {
				name string
				n    uint64
			}{{"check", m.Check}, {"change", m.Change}, {"restore", m.Restore}} {
				if o.n != 0 {
					line += fmt.Sprintf(", %s by operation %d", o.name, o.n)
				}
			}
			if m.Message != "" {
				line += ": " + m.Message
			}
			pairs = append(pairs, m.Credential, line)
		}
		return details(w, pairs...)
	})
}

func chainFlags(c *cobra.Command) {
	f := c.Flags()
	f.String("script", "", "file with the script; - reads it from standard input")
	f.String("policy", "", "policy whose strength the common password has; '' for the default one. Take the weakest that every member accepts")
	f.Bool("automatic", false, "runs begin by themselves, once one by hand has succeeded")
	f.String("every", "", "so long between the starts of two runs, at least: 1h to 8784h")
	f.StringSlice("days", nil, "automatic runs begin on these days only, such as mon-fri; '' for every day")
	f.StringSlice("hours", nil, "and in these hours, such as 22-6; '' for all")
	f.String("zone", "", "time zone of --days and --hours, such as America/Sao_Paulo; UTC by default")
	f.Bool("enabled", true, "runs may begin")
}

func chainBody(c *cobra.Command) (policy.ChainBody, error) {
	b := policy.ChainBody{Enabled: truth(c, "enabled"), Policy: text(c, "policy"), Automatic: truth(c, "automatic"), Window: windowFlags(c)}
	if v := text(c, "every"); v != nil {
		b.Every = new(compat.Duration)
		if err := b.Every.UnmarshalText([]byte(*v)); err != nil {
			return b, fmt.Errorf("--every: %w", err)
		}
	}
	if v := text(c, "script"); v != nil {
		read := func() ([]byte, error) { return os.ReadFile(*v) }
		if *v == "-" {
			read = func() ([]byte, error) { return io.ReadAll(io.LimitReader(c.InOrStdin(), 1<<20)) }
		}
		content, err := read()
		if err != nil {
			return b, fmt.Errorf("--script: %w", err)
		}
		if len(content) == 0 {
			return b, errors.New("--script: the script is empty")
		}
		script := string(content)
		b.Script = &script
	}
	return b, nil
}

func chainState(v *policy.ChainView) string {
	if v.Running != 0 {
		return "run " + strconv.FormatUint(v.Running, 10) + " at work"
	}
	return word(v.Enabled, "enabled", "disabled")
}

func chainMembers(v *policy.ChainView) string {
	var parts []string
	for _, m := range v.Members {
		parts = append(parts, or(m.Credential, "pool "+m.Pool)+word(m.Linked, " (linked)", ""))
	}
	return strings.Join(parts, ", ")
}

// chain sends one call about a chain and prints it.
func (s *session) chain(c *cobra.Command, method, path string, body any) error {
	v, err := call[policy.ChainView](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, v, func(w io.Writer) error {
		err := details(w, "chain", v.Name, "state", chainState(&v), "policy", v.Policy, "members", chainMembers(&v), "check first", word(v.CheckConn, "yes", "no"), "rollback", word(v.Rollback, "yes", "no"), "linked template", v.Linked,
			"automatic", word(v.Automatic, word(v.Started, "yes", "once a run by hand has succeeded"), "no"), "every", span(v.Every), "window", v.Window.Short(), "last run", moment(v.LastRunAt), "next run", moment(v.NextAt), "revision", strconv.FormatUint(v.Revision, 10))
		if err != nil {
			return err
		}
		for line := range strings.Lines(v.Script) {
			fmt.Fprintln(w, "  "+clean(strings.TrimRight(line, "\r\n")))
		}
		return nil
	})
}

package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"cofre/fsm/model"
	"cofre/httpapi/automation"
	"cofre/httpapi/compat"
	"cofre/httpapi/operation"
)

func automationCommand(s *session) *cobra.Command {
	simple := func(use, short, long, method, path string) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Long: long, Args: cobra.NoArgs, Example: "  cofre automation " + use, RunE: func(c *cobra.Command, _ []string) error {
			return s.automation(c, method, path, nil)
		}}
	}
	thaw := &cobra.Command{Use: "thaw NAME", Short: "Remove a freeze", Args: cobra.ExactArgs(1), Example: "  cofre automation thaw year-end",
		Long: "Remove a freeze. What it held back begins within seconds.", RunE: func(c *cobra.Command, args []string) error {
			return s.automation(c, http.MethodDelete, at("automation/freezes/%s", args[0]), nil)
		}}
	return group("automation", "What the system starts by itself: bounds, freezes, brakes",
		simple("show", "Show the bounds, and what holds changes back", "", http.MethodGet, "/api/v1/automation"), setAutomation(s), freezeCommand(s), thaw,
		simple("stop", "Start no change and no verification any more", "Start no change and no verification any more until somebody resumes. What people ask for still runs, and so does what settles a change that was begun.", http.MethodPost, "/api/v1/automation/stop"),
		simple("resume", "Go on after a stop or a brake", "Go on after a stop or a brake, with a new bound for this hour. cofre automation show says before how many changes are due. What was held back begins within seconds.", http.MethodPost, "/api/v1/automation/resume"))
}

// parameters are the execution parameters that hold a span.
var parameters = []struct{ name, doc string }{
	{"error-interval", "interval between attempts with error: after a change that failed for good triggers leave the credential alone so long, 24h to 168h"},
	{"retry-interval", "interval between attempts: first pause between tries, unless the policy says, 0s to 24h; it doubles up to an hour"},
	{"connect-timeout", "connection timeout, 1s to 300s, unless the template says; 0s: that of each executor"},
	{"read-timeout", "readout timeout: longest wait for an answer of the target, 1s to 300s, unless the template says; 0s: that of each executor"},
}

func setAutomation(s *session) *cobra.Command {
	c := &cobra.Command{Use: "set", Short: "Change the bounds; what is not named stays", Args: cobra.NoArgs, Example: "  cofre automation set --share 10 --failures 5\n  cofre automation set --lanes 2 --executor ssh=20,telnet=2\n  cofre automation set --executor ''     # no bounds for executors\n  cofre automation set --attempts 3 --retry-interval 5m --connect-timeout 10s --records 500\n  cofre automation set --hours 22-6 --zone America/Sao_Paulo"}
	f := c.Flags()
	f.Int("share", 0, "at most this percentage of all credentials is changed by triggers in an hour; 100: no bound")
	f.Int("least", 0, "but always so many")
	f.Int("failures", 0, "so many automatic changes that fail in a row stop the automation; 0: never")
	f.Int("lanes", 0, "operations on one device at once, each with at most two connections; a device may have a limit of its own (cofre device update)")
	f.StringSlice("executor", nil, "operations of an executor at once in the cluster, as in ssh=20")
	for _, n := range parameters {
		f.String(n.name, "", n.doc)
	}
	f.Int("attempts", 0, "number of change attempts: tries per operation, unless the policy says; 1 to 10")
	f.Int("records", 0, "total records per cycle: triggers start at most so many changes in a minute, and the rest in the next ones; 1 to 10000")
	f.StringSlice("days", nil, "execution days, such as mon-fri; '' for every day")
	f.StringSlice("hours", nil, "execution hours, such as 22-6, outside of which nothing starts that nobody asked for; '' for all")
	f.String("zone", "", "time zone of --days and --hours, such as America/Sao_Paulo; UTC by default")
	c.RunE = func(c *cobra.Command, _ []string) error {
		b := automation.Body{Share: whole(c, "share"), Least: whole(c, "least"), Failures: whole(c, "failures"), Lanes: whole(c, "lanes")}
		b.Attempts, b.Records, b.Window = whole(c, "attempts"), whole(c, "records"), windowFlags(c)
		for i, to := range []**compat.Duration{&b.ErrorInterval, &b.RetryInterval, &b.ConnectTimeout, &b.ReadTimeout} {
			v := text(c, parameters[i].name)
			if v == nil {
				continue
			}
			var d compat.Duration
			if err := d.UnmarshalText([]byte(*v)); err != nil {
				return fmt.Errorf("--%s: %w", parameters[i].name, err)
			}
			*to = &d
		}
		if all := texts(c, "executor"); all != nil {
			limits := []automation.Limit{}
			for _, e := range *all {
				name, n, _ := strings.Cut(e, "=")
				limit, err := strconv.Atoi(n)
				if err != nil {
					return fmt.Errorf("--executor %s: write it as ssh=20", e)
				}
				limits = append(limits, automation.Limit{Executor: model.ExecutorName(name), Limit: limit})
			}
			b.Executors = &limits
		}
		return s.automation(c, http.MethodPut, "/api/v1/automation", b)
	}
	return c
}

func freezeCommand(s *session) *cobra.Command {
	var from, until string
	var span time.Duration
	c := &cobra.Command{Use: "freeze NAME", Short: "Plan a span without automatic changes", Args: cobra.ExactArgs(1),
		Long:    "Plan a span without automatic changes, or change the one with this name. What people ask for still runs, and so does what settles a change that was begun.",
		Example: "  cofre automation freeze tonight --for 8h\n  cofre automation freeze year-end --from 2026-12-20T00:00:00Z --until 2027-01-04T00:00:00Z"}
	c.Flags().StringVar(&from, "from", "", "start; now by default")
	c.Flags().StringVar(&until, "until", "", "end, within a year")
	c.Flags().DurationVar(&span, "for", 0, "length, instead of --until")
	c.MarkFlagsMutuallyExclusive("until", "for")
	c.MarkFlagsOneRequired("until", "for")
	c.RunE = func(c *cobra.Command, args []string) error {
		b := automation.FreezeBody{Name: args[0]}
		err := errors.Join(b.From.UnmarshalText([]byte(from)), b.Until.UnmarshalText([]byte(until)))
		if err != nil {
			return err
		}
		if span != 0 {
			start := model.Time(b.From)
			if start == 0 {
				start = model.TimeOf(time.Now())
			}
			b.Until = compat.Time(start.Add(span))
		}
		return s.automation(c, http.MethodPost, "/api/v1/automation/freezes", b)
	}
	return c
}

// automation sends one call about the automation and prints it.
func (s *session) automation(c *cobra.Command, method, path string, body any) error {
	v, err := call[automation.View](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, v, func(w io.Writer) error {
		left := "no bound"
		if v.Left >= 0 {
			left = fmt.Sprintf("%d more may start", v.Left)
		}
		x := &v.Settings
		var limits []string
		for _, l := range x.Executors {
			limits = append(limits, fmt.Sprintf("%s %d", l.Executor, l.Limit))
		}
		if err := details(w, "automation", v.State, "because", v.Reason, "since", moment(v.Stopped), "goes on by", word(v.State == "stopped", "cofre automation resume", ""), "frozen until", moment(v.FrozenUntil), "execution hours begin", moment(v.ClosedUntil), "due now", strconv.Itoa(v.Due),
			"this hour", fmt.Sprintf("%d started, %s", v.Started, left), "this minute", fmt.Sprintf("%d started of %d", v.Cycle, x.Records), "failed in a row", strconv.Itoa(v.Failed),
			"share", fmt.Sprintf("%d %% an hour, at least %d", x.Share, x.Least), "stops after", word(x.Failures > 0, fmt.Sprintf("%d failures in a row", x.Failures), "never"),
			"lanes of a device", strconv.Itoa(x.Lanes), "executors", strings.Join(limits, ", "), "attempts", strconv.Itoa(x.Attempts), "interval between attempts", word(x.RetryInterval > 0, span(x.RetryInterval), "none"), "interval after errors", span(x.ErrorInterval),
			"connection timeout", word(x.ConnectTimeout > 0, span(x.ConnectTimeout), "of each executor"), "readout timeout", word(x.ReadTimeout > 0, span(x.ReadTimeout), "of each executor"), "execution hours", x.Window.Short(), "revision", strconv.FormatUint(v.Revision, 10)); err != nil || len(v.Freezes) == 0 {
			return err
		}
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "\nFREEZE\tFROM\tUNTIL")
		for _, f := range v.Freezes {
			fmt.Fprintf(t, "%s\t%s\t%s\n", f.Name, moment(f.From), moment(f.Until))
		}
		return t.Flush()
	})
}

func explainCommand(s *session) *cobra.Command {
	return &cobra.Command{Use: "explain NAME", Short: "Tell which policy holds, why, and when the credential changes next", Args: cobra.ExactArgs(1), Example: "  cofre credential explain web1-root", RunE: func(c *cobra.Command, args []string) error {
		e, err := call[operation.Explanation](s, c, http.MethodGet, at("credentials/%s/explain", args[0]), nil)
		if err != nil {
			return err
		}
		return s.show(c, e, func(w io.Writer) error {
			if err := details(w, "profile", e.Profile, "policy", e.Policy, "because", e.Because, "changes at", or(moment(e.ChangeAt), "never by itself"), "decided by", e.Why, "held back", strings.Join(e.Held, "; "), "verified at", or(moment(e.VerifyAt), "never by itself")); err != nil {
				return err
			}
			t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			for i, k := range e.Considered {
				if i == 0 {
					fmt.Fprintln(t, "\nPOLICY\tPRIORITY\tFITS")
				}
				fmt.Fprintf(t, "%s\t%d\t%s\n", k.Policy, k.Priority, word(k.Misfit == "", "yes", "no: "+k.Misfit))
			}
			for i, k := range e.Profiles {
				if i == 0 {
					fmt.Fprintln(t, "\nPROFILE\tPRIORITY\tFITS")
				}
				fmt.Fprintf(t, "%s\t%d\t%s\n", k.Profile, k.Priority, word(k.Misfit == "", "yes", "no: "+k.Misfit))
			}
			return t.Flush()
		})
	}}
}

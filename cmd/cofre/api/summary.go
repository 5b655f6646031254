package api

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"cofre/httpapi/dashboard"
)

func summaryCommand(s *session) *cobra.Command {
	c := &cobra.Command{Use: "summary", Short: "Count credentials and operations: by site, by executor, by day", Args: cobra.NoArgs, Example: "  cofre operation summary\n  cofre operation summary --days 7 --json"}
	days := s.tabular(c).Flags().Int("days", 14, "how many days of finished operations, today included; 90 at most")
	c.RunE = func(c *cobra.Command, _ []string) error {
		v, err := call[dashboard.View](s, c, http.MethodGet, "/api/v1/dashboards/changes?days="+strconv.Itoa(*days), nil)
		if err != nil {
			return err
		}
		if s.asCSV {
			return list(s, c, countsOf(&v), "SET NAME MEASURE COUNT", func(row [4]string) []string { return row[:] })
		}
		return s.show(c, v, func(w io.Writer) error { return showSummary(w, &v) })
	}
	return c
}

func showSummary(w io.Writer, v *dashboard.View) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "CREDENTIALS\tTOTAL\tMANAGED\tNOT MANAGED\tUPDATED\tEXPIRED\tWAITING\tERROR")
	row := func(name string, c dashboard.Counts) {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", clean(name), c.Total, c.Managed, c.NotManaged, c.Updated, c.Expired, c.Waiting, c.Failed)
	}
	row("all", v.Credentials)
	for _, c := range v.Sites {
		row("site "+or(c.Name, "-"), c)
	}
	for _, c := range v.Executors {
		row("executor "+or(c.Name, "-"), c)
	}
	fmt.Fprintln(t, "\nOPERATIONS\tKIND\tEXECUTOR\tCOUNT")
	for _, o := range v.Operations {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\n", o.State, o.Kind, or(string(o.Executor), "-"), o.Count)
	}
	fmt.Fprintln(t, "\nDAY\tSUCCEEDED\tFAILED\tCANCELLED")
	for _, d := range v.Days {
		if d.Succeeded+d.Failed+d.Cancelled > 0 {
			fmt.Fprintf(t, "%s\t%d\t%d\t%d\n", d.Date, d.Succeeded, d.Failed, d.Cancelled)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return details(w, "\nwaiting since", moment(v.WaitingSince), "out of sync", strconv.Itoa(v.OutOfSync), "debt", strconv.Itoa(v.Debt))
}

// countsOf are the numbers one by one, as programs that read CSV want them.
func countsOf(v *dashboard.View) (rows [][4]string) {
	add := func(set, name, measure string, n int) {
		rows = append(rows, [4]string{set, name, measure, strconv.Itoa(n)})
	}
	counts := func(set, name string, c dashboard.Counts) {
		for _, m := range []struct {
			name string
			n    int
		}{{"total", c.Total}, {"managed", c.Managed}, {"not_managed", c.NotManaged}, {"updated", c.Updated}, {"expired", c.Expired}, {"waiting", c.Waiting}, {"error", c.Failed}} {
			add(set, name, m.name, m.n)
		}
	}
	counts("credentials", "", v.Credentials)
	for _, c := range v.Sites {
		counts("site", c.Name, c)
	}
	for _, c := range v.Executors {
		counts("executor", c.Name, c)
	}
	for _, o := range v.Operations {
		add("open", string(o.Kind)+"/"+string(o.Executor), o.State, o.Count)
	}
	for _, d := range v.Days {
		add("day", d.Date, "succeeded", d.Succeeded)
		add("day", d.Date, "failed", d.Failed)
		add("day", d.Date, "cancelled", d.Cancelled)
	}
	add("credentials", "", "out_of_sync", v.OutOfSync)
	add("dynamic_users", "", "debt", v.Debt)
	return rows
}

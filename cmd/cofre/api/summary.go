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
	days := c.Flags().Int("days", 14, "how many days of finished operations, today included; 90 at most")
	c.RunE = func(c *cobra.Command, _ []string) error {
		v, err := call[dashboard.View](s, c, http.MethodGet, "/api/v1/dashboards/changes?days="+strconv.Itoa(*days), nil)
		if err != nil {
			return err
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

package api

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"cofre/httpapi/audit"
	"cofre/httpapi/route"
)

func auditCommand(s *session) *cobra.Command {
	return group("audit", "The audit trail", listAudit(s), exportAudit(s), verifyAudit(s))
}

func listAudit(s *session) *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List audit events: the newest ones, in order", Args: cobra.NoArgs,
		Example: "  cofre audit list\n  cofre audit list --kind credential.read --limit 20\n  cofre audit list --about web1-root --since 2026-11-01T00:00:00Z\n  cofre audit list --after 0 --limit 100000 --json      # from the beginning",
	}
	limit := s.lists(c, 50)
	after := c.Flags().Uint64("after", 0, "list the events after this number instead of the newest ones")
	for name, doc := range map[string]string{"kind": "only events of this kind, such as credential.read", "since": "at or after this time, such as 2026-01-31 or 2026-01-31T12:00:00Z", "until": "before this time",
		"about": "only events in which this stands, whole: an id, a name such as that of a credential, a number or an address; or that this authorization's id did"} {
		c.Flags().String(name, "", doc)
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *limit < 1 {
			return fmt.Errorf("--limit is at least 1")
		}
		api, err := s.client()
		if err != nil {
			return err
		}
		q := url.Values{}
		for _, name := range []string{"kind", "since", "until", "about"} {
			if v := text(c, name); v != nil && *v != "" {
				q.Set(name, *v)
			}
		}
		var events []audit.View
		if c.Flags().Changed("after") {
			var more bool
			q.Set("after", strconv.FormatUint(*after, 10))
			events, more, err = fetch[audit.View](c.Context(), api, "/api/v1/audit", q, *limit)
			if more {
				fmt.Fprintf(note(c), "There are more: --after %d.\n", events[len(events)-1].Seq)
			}
		} else {
			q.Set("sort", "-seq")
			events, _, err = fetch[audit.View](c.Context(), api, "/api/v1/audit", q, *limit)
			slices.Reverse(events)
		}
		if err != nil {
			return err
		}
		return list(s, c, events, audit.Columns, audit.View.Row)
	}
	return c
}

// ends asks for the header and the signed end of an export.
func (s *session) ends(c *cobra.Command, from, last uint64) (audit.Ends, error) {
	q := url.Values{"from": {strconv.FormatUint(from, 10)}, "last": {strconv.FormatUint(last, 10)}}
	return call[audit.Ends](s, c, http.MethodGet, "/api/v1/audit/export?"+q.Encode(), nil)
}

// exportLines writes a whole export: what the cluster signed, put together from pages.
func (s *session) exportLines(c *cobra.Command, e audit.Ends, w io.Writer) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, e.Header+"\n"); err != nil {
		return err
	}
	for after := e.From - 1; after < e.Last; {
		want := int(min(e.Last-after, route.MaxPage))
		lines, _, err := fetch[string](c.Context(), api, "/api/v1/audit/export/lines", url.Values{"after": {strconv.FormatUint(after, 10)}}, want)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			return fmt.Errorf("event %d is not there: another node answered that lags behind; try again", after+1)
		}
		for _, l := range lines {
			if _, err := io.WriteString(w, l+"\n"); err != nil {
				return err
			}
		}
		after += uint64(len(lines))
		if s.terminal(c.ErrOrStderr()) {
			fmt.Fprintf(note(c), "\r%d of %d events", after-e.From+1, e.Last-e.From+1)
		}
	}
	if s.terminal(c.ErrOrStderr()) {
		fmt.Fprintln(note(c))
	}
	_, err = io.WriteString(w, e.Trailer+"\n")
	return err
}

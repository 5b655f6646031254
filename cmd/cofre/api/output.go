package api

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"cofre/httpapi/compat"
)

// show prints one answer: JSON for scripts, otherwise what people does. Secrets that came encrypted are printed so, and that is said.
func (s *session) show(c *cobra.Command, v any, people func(w io.Writer) error) error {
	if s.connected != nil && s.connected.Sealed() && !s.opens {
		defer fmt.Fprintln(note(c), "Secrets are encrypted to the authorization's key: cofre authorization decrypt --private FILE opens them.")
	}
	if s.asJSON {
		e := json.NewEncoder(c.OutOrStdout())
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	return people(c.OutOrStdout())
}

// tabular adds --csv. A command that calls list has it; every other one refuses it.
func (s *session) tabular(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&s.asCSV, "csv", false, "print CSV")
	return c
}

// list prints rows: a JSON array, CSV, or a table.
func list[T any](s *session, c *cobra.Command, rows []T, header string, row func(T) []string) error {
	if rows == nil {
		rows = []T{}
	}
	if s.asCSV {
		t := compat.Table{Header: strings.Fields(header)}
		for _, r := range rows {
			t.Rows = append(t.Rows, row(r))
		}
		return t.WriteCSV(c.OutOrStdout())
	}
	return s.show(c, rows, func(w io.Writer) error {
		if len(rows) == 0 {
			fmt.Fprintln(note(c), "Nothing found.")
			return nil
		}
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		columns := strings.Fields(header)
		fmt.Fprintln(t, strings.Join(columns, "\t"))
		for _, r := range rows {
			fmt.Fprintln(t, strings.Join(cells(columns, row(r)), "\t"))
		}
		return t.Flush()
	})
}

// details prints one object as pairs of a name and a value; empty values are left out.
func details(w io.Writer, pairs ...string) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := clean(pairs[i+1]); v != "" {
			fmt.Fprintf(t, "%s\t%s\n", pairs[i], v)
		}
	}
	return t.Flush()
}

// maxSentence is how much of a message a table shows, in characters: the rest would push its columns apart. Details, JSON and CSV have it whole.
const maxSentence = 60

func cells(columns, row []string) []string {
	for i, v := range row {
		if row[i] = clean(v); row[i] == "" {
			row[i] = "-"
		}
		if text := []rune(row[i]); columns[i] == "MESSAGE" && len(text) > maxSentence {
			row[i] = string(text[:maxSentence-1]) + "…"
		}
	}
	return row
}

// clean keeps what others chose, such as a host name, from driving the terminal.
func clean(s string) string { return compat.Printable(s) }

func moment(t compat.Time) string { return t.Short() }

func word(b bool, yes, no string) string { return compat.Word(b, yes, no) }

func or(s, empty string) string {
	if s == "" {
		return empty
	}
	return s
}

func span(d compat.Duration) string { return d.Short() }

func join[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return strings.Join(out, ",")
}

// milliseconds shows when a step of an attempt happened.
func milliseconds(ms int64) string {
	return "+" + (time.Duration(ms) * time.Millisecond).String()
}

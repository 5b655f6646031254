package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/httpapi/compat"
)

// capture is the answer to a read of what a target said.
type capture struct {
	Operation uint64      `json:"operation"`
	Attempt   int         `json:"attempt"`
	At        compat.Time `json:"at"`
	Until     compat.Time `json:"until"`
	Bytes     int         `json:"bytes"`
	Output    string      `json:"output"`
}

func captureCommand(s *session) *cobra.Command {
	c := &cobra.Command{Use: "capture NUMBER", Short: "Show what a target said in an attempt; audited", Args: cobra.ExactArgs(1),
		Long: `Show what a target said in an attempt of an operation: what came instead of the pattern that was awaited. It is kept on demand, from the next
attempt on and for a week: ask for it with --ask, or with --capture where an operation is requested or started again. Both, and reading, are
for who may read every secret that the operation works with; the secrets that the attempt was handed stand as [redacted]. Of targets that
talk: SSH, Telnet, WinRM, HTTP, and web pages; databases and directories say no more than stands in the attempt's message.

Characters that do something to a terminal are printed as \x1b and the like; --raw prints what came.`,
		Example: "  cofre operation capture 12\n  cofre operation capture 12 --attempt 2 --raw >said.txt\n  cofre operation capture 12 --ask\n  cofre operation capture 12 --drop"}
	attempt := c.Flags().Int("attempt", 0, "of this attempt, from 1; 0: the last one of which it is kept")
	raw := c.Flags().Bool("raw", false, "print what came as it is, wherever standard output goes")
	ask := c.Flags().Bool("ask", false, "keep what the target says from the next attempt on")
	drop := c.Flags().Bool("drop", false, "keep it no longer, and drop what was kept")
	for _, other := range []string{"attempt", "raw"} {
		c.MarkFlagsMutuallyExclusive("ask", "drop", other)
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		path := at("operations/%s/capture", args[0])
		switch {
		case *ask:
			return s.operation(c, http.MethodPut, path, nil)
		case *drop:
			return s.operation(c, http.MethodDelete, path, nil)
		case !*raw && !s.terminal(c.OutOrStdout()):
			return errors.New("standard output is no terminal: what the target said would stay in a file or a log. Say --raw if you mean it")
		case *attempt != 0:
			path += "?" + url.Values{"attempt": {strconv.Itoa(*attempt)}}.Encode()
		}
		r, err := call[capture](s, c, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		return s.show(c, r, func(w io.Writer) error {
			if *raw {
				_, err := io.WriteString(w, r.Output)
				return err
			}
			for line := range strings.Lines(r.Output) {
				fmt.Fprintln(w, escaped(strings.TrimRight(line, "\r\n")))
			}
			fmt.Fprintf(note(c), "Attempt %d of operation %d, which ended %s: %d bytes, kept until %s.\n", r.Attempt, r.Operation, moment(r.At), r.Bytes, moment(r.Until))
			return nil
		})
	}
	return c
}

// escaped writes a line so that a terminal shows it and does nothing else.
func escaped(line string) string {
	q := strconv.QuoteToGraphic(line)
	return strings.ReplaceAll(strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`), `\\`, `\`)
}
